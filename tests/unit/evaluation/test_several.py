import numpy as np
import pytest

from core.errors import WorkbenchError
from core.evaluation import measurement
from core.evaluation.several import compare_several
from core.models import ModelRef
from core.workspace import Workspace


@pytest.fixture
def models(monkeypatch, tmp_path):
    """A maker of models whose vectors are random; those with ``trained`` rows are runs that were trained on them."""

    def embed(ref, texts, workspace, progress=None):
        seeds = [int.from_bytes(f"{ref.name}{text}".encode()[-6:], "little") for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=16) for seed in seeds])

    monkeypatch.setattr(measurement, "embed", embed)

    def make(name, trained=None):
        folder = tmp_path / name / "model"
        folder.mkdir(parents=True)
        if trained is not None:
            trained.to_parquet(folder.parent / "train.parquet")
        return ModelRef(name, folder, name.rjust(64, "0"))

    return make


def test_only_questions_that_no_model_was_trained_on_are_asked(models, pairs, tmp_path):
    rows, workspace = pairs(40), Workspace.at(tmp_path / "w")
    one, other = models("one", rows.iloc[20:]), models("other", rows.iloc[:5])
    found = compare_several(models("base"), [one, other], rows.head(20), rows, workspace)
    assert found.left_out == 5 and len(found.comparisons) == 2
    for comparison in found.comparisons:
        assert comparison.pool.queries == list(rows["anchor"][5:20]) and len(comparison.pool.corpus) == 40
    assert found.comparisons[0].base.metrics["ndcg@10"].tolist() == found.comparisons[1].base.metrics["ndcg@10"].tolist()


def test_models_that_have_together_seen_everything_are_not_compared(models, pairs, tmp_path):
    rows = pairs(20)
    both = [models("one", rows.iloc[10:]), models("other", rows.iloc[:10])]
    with pytest.raises(WorkbenchError, match="side by side"):
        compare_several(models("base"), both, rows, rows, Workspace.at(tmp_path / "w"))


def test_the_base_counts_among_those_that_were_trained(models, pairs, tmp_path):
    rows = pairs(20)
    found = compare_several(
        models("base", rows.iloc[:4]), [models("one")], rows, rows, Workspace.at(tmp_path / "w")
    )
    assert found.left_out == 4 and len(found.comparisons[0].pool.queries) == 16


def test_none_and_more_than_five_are_refused(models, pairs, tmp_path):
    rows, base = pairs(20), models("base")
    for some in ([], [models(f"m{number}") for number in range(6)]):
        with pytest.raises(WorkbenchError, match="models cannot"):
            compare_several(base, some, rows, rows, Workspace.at(tmp_path / "w"))
