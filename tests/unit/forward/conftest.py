from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device

from core.models import load, local_ref
from tests.tiny import pairs


@pytest.fixture
def same_as_padded() -> Callable[..., None]:
    """``same_as_padded(folder, speed_up, device)``: with it the model in ``folder`` has the vectors and gradients of one padded
    pass, also in a second pass, with what the first one left behind."""

    def vectors_and_gradients(folder: Path, prepare: Callable[[SentenceTransformer], None], device: str):
        texts = pairs(20)["positive"].tolist()
        goal = torch.randn(20, 32, generator=torch.Generator().manual_seed(1)).to(device)
        model = load(local_ref("tiny", folder)).to(device).eval()  # no dropout, whose random numbers differ
        prepare(model)
        for _ in range(2):
            model.zero_grad()
            vectors = model(batch_to_device(model.preprocess(texts), torch.device(device)))["sentence_embedding"]
            (vectors * goal).sum().backward()
        return vectors.detach(), {name: weight.grad for name, weight in model.named_parameters()}

    def check(folder: Path, speed_up: Callable[[SentenceTransformer], None], device: str = "cpu") -> None:
        vectors, gradients = vectors_and_gradients(folder, speed_up, device)
        plain_vectors, plain_gradients = vectors_and_gradients(folder, lambda model: None, device)
        torch.testing.assert_close(vectors, plain_vectors, atol=1e-5, rtol=1e-4)
        for name, gradient in plain_gradients.items():
            if gradient is None:
                assert gradients[name] is None
            else:
                torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-3, msg=name)

    return check
