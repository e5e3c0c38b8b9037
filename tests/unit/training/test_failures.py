import errno
import json

import pytest

from core.errors import WorkbenchError
from core.runs.run import Run
from core.training.checkpoints import require_space
from core.training.failures import LossNotFinite, explain


@pytest.fixture
def run(tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": {"batch_size": 64, "learning_rate": 1e-3}}))
    return Run(tmp_path)


@pytest.mark.parametrize("error", [
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried..."),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
])
def test_short_memory_offers_half_the_batch(error, run):
    said = explain(error, run)
    assert "memory" in said["what"] and said["offer"] == {"batch_size": 32} and "32" in said["what_to_do"]


@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, "No space left on device"),
    RuntimeError("I/O error: No space left on device (os error 28)"),
])
def test_a_full_disk_is_named(error, run):
    assert explain(error, run)["what"] == "The disk is full."


def test_a_loss_that_is_not_a_number_offers_a_lower_rate(run):
    said = explain(LossNotFinite("At step 3 it came out as nan."), run)
    assert "step 3" in said["why"] and said["offer"] == {"learning_rate": 2e-4}


def test_what_a_person_can_mend_is_said_as_it_is(run):
    assert explain(WorkbenchError("a", "b", "c"), run) == {"what": "a", "why": "b", "what_to_do": "c", "offer": None}


def test_anything_else_is_called_a_fault_and_named(run):
    assert "KeyError: 'x'" in explain(KeyError("x"), run)["why"]


def test_too_little_room_is_said_before_writing(tmp_path):
    with pytest.raises(OSError) as caught:
        require_space(tmp_path, 10**18)
    assert caught.value.errno == errno.ENOSPC
    require_space(tmp_path, 1)
