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
    ours, theirs = centred(vectors, onto)
    return np.asarray(ours @ rotation_onto(ours, theirs) + _widened(onto, theirs.shape[1]).mean(axis=0))


def centred(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets of vectors [n, d] and [n, e] about their own means, filled up with zeros to the same width."""
    width = max(one.shape[1], other.shape[1])
    wide, also = _widened(one, width), _widened(other, width)
    return wide - wide.mean(axis=0), also - also.mean(axis=0)


def rotation_onto(vectors: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """The turn or mirroring [d, d] that brings ``vectors`` [n, d] nearest to ``onto`` [n, d], both about their means."""
    from scipy.linalg import orthogonal_procrustes

    return np.asarray(orthogonal_procrustes(vectors, onto)[0])


def _widened(vectors: np.ndarray, width: int) -> np.ndarray:
    return np.pad(np.asarray(vectors, dtype=np.float64), ((0, 0), (0, width - vectors.shape[1])))
