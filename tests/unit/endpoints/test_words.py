"""When an endpoint is right, and why one is gone, in words; names."""

import time
from pathlib import Path

import numpy as np
import pytest

from core.endpoints.ended import why_ended
from core.endpoints.folder import _NAME, name_for
from core.endpoints.smoke import difference
from core.models import ModelRef

OWN = np.eye(2, 8, dtype=np.float32)


def test_the_models_own_vectors_are_right_whatever_their_length():
    assert difference(OWN * 3 + np.float32(1e-5), OWN) == ""


@pytest.mark.parametrize("answered, says", [
    (OWN[:1], "1 by 8 numbers"), (OWN[:, :4], "2 by 4 numbers"), (OWN[::-1], "cosine is 0.000"),
    (np.vstack([OWN[0], OWN[1] + 0.05]), "cosine is 0.99"), (OWN * 0, "all zero"), (OWN * np.nan, "not numbers"),
])
def test_others_are_wrong_and_it_says_how(answered, says):
    assert says in difference(answered, OWN)


@pytest.mark.parametrize("log, says", {
    "": "kills it",
    "OSError: [Errno 28] No space left on device": "disk is full",
    "RuntimeError: DefaultCPUAllocator: can't allocate memory": "out of memory",
    "ModuleNotFoundError: No module named 'torch'": "could not be loaded: torch. Install what requirements.txt",
    "OSError: [Errno 98] Address already in use": "port",
    "Traceback (most recent call last):\n ...\ninference.UnknownModel: The model pools by median.": "pools by median. Choose",
    "Traceback (most recent call last):\n ...\nKeyError: 'x'": "KeyError: 'x'",
    "Fatal Python error: Segmentation fault": "crashed",
}.items())
def test_why_a_process_is_gone(log, says):
    assert says in why_ended(log, time.time())


def test_a_restarted_machine_is_told():
    assert "restarted" in why_ended("", 1.0)


@pytest.mark.parametrize("name", ["bedrock-faq-1", "sentence-transformers/all-MiniLM-L6-v2", "/a/Folder Ü/", "東京", "x" * 99, ""])
def test_a_name_is_made_of_the_models_name_and_is_always_the_same(name):
    one, other = (ModelRef(name, Path("a"), digest * 64) for digest in "ab")
    assert name_for(one) == name_for(one) != name_for(other)
    assert _NAME.fullmatch(name_for(one))
