"""Both spaces in one flat picture: aligned first, then one projection for both, so that what moves has moved."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.maps.neighbours import share_kept
from core.maps.procrustes import align, centred, rotation_onto

#: The most texts on a map; above, a sample that the picture must name.
LARGEST = 10_000


@dataclass(frozen=True)
class Map:
    """Two spaces in one frame.

    Attributes:
        base_xy, tuned_xy: the places of the shown texts [shown, 2] under each model.
        shown: which of the given texts are on the map: their indices, ascending.
        variance: the share (0..1) of all variance, of both spaces together, that the picture holds; None where its axes
            are no directions of the space.
        total: how many texts there were.
        seed: of the sample, where ``len(shown) < total``, and of the layout, where chance has a part in it.
        kept: for each shown text the share (0..1) of its 10 nearest shown texts, in the full spaces, that stayed.
        layout: "PCA" or "PaCMAP".
        trust: the picture's trustworthiness (0..1), where it is not judged by its variance.
    """

    base_xy: np.ndarray
    tuned_xy: np.ndarray
    shown: np.ndarray
    variance: float | None
    total: int
    seed: int
    kept: np.ndarray
    layout: Literal["PCA", "PaCMAP"] = "PCA"
    trust: float | None = None


def stacked(base: np.ndarray, tuned: np.ndarray) -> np.ndarray:
    """Both spaces in one frame [2 n, max(d, e)]: the base vectors [n, d], then the tuned ones [n, e] aligned onto them."""
    base = np.asarray(base, dtype=np.float64)
    aligned = align(tuned, base)
    return np.concatenate([np.pad(base, ((0, 0), (0, aligned.shape[1] - base.shape[1]))), aligned])


def chosen(total: int, largest: int = LARGEST, seed: int = 0) -> np.ndarray:
    """Which of so many texts a map shows (ascending): all up to ``largest``, else so many by chance, always the same."""
    if total <= largest:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, size=largest, replace=False))


def project(base_vectors: np.ndarray, tuned_vectors: np.ndarray, largest: int = LARGEST, seed: int = 0) -> Map:
    """The map of the same texts under two models: tuned aligned onto base, then one PCA on the stack of both.

    Args:
        base_vectors, tuned_vectors: [n, d] and [n, e], n >= 1, the same texts in the same order.
        largest: the most texts to show.
    """
    from threadpoolctl import threadpool_limits

    shown = chosen(len(base_vectors), largest, seed)
    # in steps this small threads mostly wait for each other: on a busy machine ten times as long as one of them works
    with threadpool_limits(limits=1, user_api="blas"):
        base_xy, tuned_xy, variance = _laid_out(*centred(base_vectors[shown], tuned_vectors[shown]))
    kept = share_kept(base_vectors[shown], tuned_vectors[shown])
    return Map(base_xy, tuned_xy, shown, variance, len(base_vectors), seed, kept)


def _laid_out(base: np.ndarray, tuned: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Both spaces [n, d] about their means in the plane of a PCA of ``stacked``, and the share of variance that it holds.

    Alignment and PCA need the products of coordinates alone, [d, d]; so the space is turned in that plane only.
    """
    from scipy.linalg import eigh

    rotation = rotation_onto(tuned, base)
    scatter = base.T @ base + rotation.T @ (tuned.T @ tuned) @ rotation
    values, plane = eigh(scatter, subset_by_index=[max(0, len(scatter) - 2), len(scatter) - 1])
    plane = plane[:, ::-1]
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), np.arange(plane.shape[1])])  # else either way up by chance
    every = np.trace(scatter)
    return base @ plane, tuned @ (rotation @ plane), float(values.sum() / every) if every > 0 else 0.0
