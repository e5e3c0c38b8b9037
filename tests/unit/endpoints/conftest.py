from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def rebuilt(tiny, tmp_path) -> Callable[..., Path]:
    """``rebuilt(*parts)``: the tiny model's transformer, saved with other parts behind it."""

    def make(*parts) -> Path:
        from sentence_transformers import SentenceTransformer

        first = SentenceTransformer(str(tiny))[0]
        SentenceTransformer(modules=[first, *parts]).save_pretrained(str(tmp_path / "rebuilt"), create_model_card=False)
        return tmp_path / "rebuilt"

    return make
