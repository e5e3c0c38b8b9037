"""What the worker holds must not grow with the pairs as Python's lists would make it grow: a million of them fit then."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from core.models import load, local_ref
from core.runs.events import EventWriter
from core.training import work as work_module
from core.training.batches import BalancedBatches
from core.training.job import Job
from core.training.tokens import make_dataset
from tests.tiny import pairs, run_folder

FEW, MANY = 2_000, 20_000


def a_row(held):
    """Bytes for each row more: ``held(rows)`` says how many are held for so many."""
    return (held(MANY) - held(FEW)) / (MANY - FEW)


def test_a_pass_holds_a_number_a_row_and_no_list_of_them():
    """The order of a pass, of all rows and of those that share no text, is 16 bytes a row; as lists it would be 40 more."""
    def held(rows):
        texts = np.arange(2 * rows).reshape(rows, 2)
        gc.collect()
        tracemalloc.start()
        try:
            given = iter(BalancedBatches(rows, 64, texts, seed=1))
            next(given)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert a_row(held) < 30  # with what each of the batches takes


def test_tokens_are_made_a_piece_at_a_time_and_lie_in_a_file(tiny, tmp_path, monkeypatch):
    """Held when all are made, and at the most on the way: as much for many rows as for few."""
    monkeypatch.setattr("core.training.tokens._AT_ONCE", 250)
    model, frame = load(local_ref("tiny", tiny)), pairs(2_000)
    make_dataset(model, frame.head(10), tmp_path)  # what the first one loads is not counted

    def made(rows):
        gc.collect()
        tracemalloc.start()
        try:
            dataset = make_dataset(model, frame.head(rows), tmp_path)
            return *tracemalloc.get_traced_memory(), len(dataset)
        finally:
            tracemalloc.stop()

    few, many = made(500), made(2_000)
    assert (few[2], many[2]) == (500, 2_000)
    assert many[1] < 1.5 * few[1]
    assert many[0] - few[0] < 10 * 1_500


def test_the_texts_are_given_back_before_the_first_step(workspace, tiny, monkeypatch):
    class Seen(Exception):
        pass

    data, read, as_before = pairs(60), [], Job.train

    def watched(job):
        rows = as_before(job)
        read.append(weakref.ref(rows))
        return rows

    def looked(*args):
        gc.collect()
        assert read
        raise Seen([rows() is None for rows in read])

    monkeypatch.setattr(Job, "train", watched)
    monkeypatch.setattr(work_module, "train", looked)
    run = run_folder(workspace, tiny, "run-1", data[12:], data[:12], epochs=1)
    with pytest.raises(Seen, match=r"\[True\]"):
        work_module.work(run, EventWriter(run.events_file), None)
