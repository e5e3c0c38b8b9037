"""One space turned onto another, so that the same text can be looked for in the same place."""

import numpy as np


def align(vectors: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """``vectors`` turned, mirrored and shifted so that they lie as near to ``onto`` as they can, row by row.

    Distances between texts stay exactly as they are. The rotation is the orthogonal Procrustes solution (Schönemann,
    1966) of both sets about their means: two trainings of one model can give the same space in another orientation, and
    a shift of all texts together changes no neighbour.

    Args:
        vectors: [n, d] of the space to turn.
        onto: [n, e] of the space that stays, the same texts in the same order; where d and e differ, the shorter
            vectors are filled up with zeros.

    Returns:
        [n, max(d, e)]
    """
    from scipy.linalg import orthogonal_procrustes

    width = max(vectors.shape[1], onto.shape[1])
    vectors, onto = _widened(vectors, width), _widened(onto, width)
    centre = onto.mean(axis=0)
    centred = vectors - vectors.mean(axis=0)
    rotation, _ = orthogonal_procrustes(centred, onto - centre)
    return np.asarray(centred @ rotation + centre)


def _widened(vectors: np.ndarray, width: int) -> np.ndarray:
    return np.pad(np.asarray(vectors, dtype=np.float64), ((0, 0), (0, width - vectors.shape[1])))
