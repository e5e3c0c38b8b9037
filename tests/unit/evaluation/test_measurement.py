"""What was measured once is read back as it was; what cannot be read or kept is measured again."""

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from core.evaluation import measurement
from core.evaluation.measurement import measure, measure_keywords_once, measure_model
from core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def model(vectors, monkeypatch):
    """``model("name")``: a model whose vectors are made up; ``model.asked`` counts how often they were."""
    asked = []

    def embed(ref, texts, workspace, progress=None):
        asked.append(ref.digest)
        return np.concatenate(vectors(ref.pool))

    def make(pool, digest="d" * 64):
        return SimpleNamespace(digest=digest, pool=pool)

    monkeypatch.setattr(measurement, "embed", embed)
    make.asked = asked
    return make


def same(one, other) -> bool:
    """Whether two measurements hold the same numbers, types included."""
    one, other = asdict(one), asdict(other)
    np.testing.assert_equal(one, other)
    return {name: type(value) for name, value in one.items()} == {name: type(value) for name, value in other.items()}


@pytest.mark.parametrize("asked", [1, 12])
def test_a_measurement_is_read_back_as_it_was(pool, vectors, model, workspace, asked):
    some = pool(asked)  # a single question has no wrong answer, and so no floor
    first = measure_model(model(some), some, workspace)
    assert same(first, measure(some, *vectors(some))) and (first.floor is None) is (asked == 1)
    assert same(measure_model(model(some), some, workspace), first) and len(model.asked) == 1


def test_other_models_and_other_pairs_have_measurements_of_their_own(pool, model, workspace):
    for some, digest in ((pool(5), "a" * 64), (pool(5), "b" * 64), (pool(6), "a" * 64), (pool(5), "a" * 64)):
        assert len(measure_model(model(some, digest), some, workspace).rank) == len(some.queries)
    assert model.asked == ["a" * 64, "b" * 64, "a" * 64]


def test_a_damaged_file_is_measured_again(pool, model, workspace):
    some = pool(5)
    first = measure_model(model(some), some, workspace)
    [file] = (workspace.cache / "comparisons").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert same(measure_model(model(some), some, workspace), first) and len(model.asked) == 2
    assert same(measure_model(model(some), some, workspace), first) and len(model.asked) == 2


def test_what_cannot_be_kept_is_measured_all_the_same(pool, model, workspace):
    (workspace.cache / "comparisons").touch()  # no folder can be made of that name
    some = pool(5)
    assert len(measure_model(model(some), some, workspace).rank) == 5
    assert len(measure_keywords_once(some, workspace).rank) == 5


def test_keyword_search_is_measured_once_for_the_same_pairs(pool, workspace, monkeypatch):
    some = pool(7)
    first = measure_keywords_once(some, workspace)
    monkeypatch.setattr(measurement, "measure_keywords", None)
    assert same(measure_keywords_once(some, workspace), first)
    with pytest.raises(TypeError):
        measure_keywords_once(pool(8), workspace)
