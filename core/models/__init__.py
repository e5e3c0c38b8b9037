"""The models: which one a name stands for, what it can read, and the vectors it gives."""

from core.models.reference import BASE_MODEL, ModelFacts, ModelRef, describe, gone, local_ref, model_files, resolve
from core.models.vectors import embed, encode, load, load_cached, token_lengths

__all__ = [
    "BASE_MODEL", "ModelFacts", "ModelRef", "describe", "embed", "encode", "gone", "load", "load_cached", "local_ref",
    "model_files", "resolve", "token_lengths",
]
