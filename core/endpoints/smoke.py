"""The call that decides whether an endpoint is Ready: two sentences, whose vectors must be the model's own.

"In service" does not mean that it works: pooled or cut in another way, a model still answers with vectors.
"""

import numpy as np

from core.models import ModelRef, embed
from core.workspace import Workspace

SENTENCES = (
    "Are agents fully managed?",
    "A knowledge base keeps the documents that an answer is found in; when one changes, only that one is read again.",
)
#: Cosine of each answered vector to the model's own that counts as the same: floats differ a little between machines.
SAME = 0.999


def own_vectors(model: ModelRef, workspace: Workspace) -> np.ndarray:
    """What ``model`` itself makes of the two sentences (float32, [2, dimensions], rows of length 1)."""
    return embed(model, SENTENCES, workspace)


def difference(answered: np.ndarray, own: np.ndarray) -> str:
    """What is wrong with the answered vectors, in a sentence; "" where they are the model's own."""
    if answered.shape != own.shape:
        sizes = " by ".join(map(str, answered.shape)), " by ".join(map(str, own.shape))
        return f"It answers {sizes[0]} numbers where the model itself makes {sizes[1]}."
    lengths = np.linalg.norm(answered, axis=1) * np.linalg.norm(own, axis=1)
    if not np.all(np.isfinite(answered)) or not np.all(lengths > 0):
        return "It answers vectors that are not numbers, or are all zero."
    cosine = float(((answered * own).sum(axis=1) / lengths).min())
    if cosine > SAME:
        return ""
    return f"Its vectors are not the model's own: their cosine is {cosine:.3f}, where more than {SAME} is needed."
