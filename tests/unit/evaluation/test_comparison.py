import numpy as np
import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.evaluation import intervals, measurement
from core.evaluation.comparison import compare, compare_vectors, example_pairs, pairs_table, pool_for
from core.evaluation.pool import build_pool
from core.evaluation.ranks import unit
from core.models import ModelRef
from core.workspace import Workspace


def test_a_clear_gain_is_better_and_the_same_turned_round_is_not(pool, vectors):
    some = pool(60)
    poor, good = vectors(some, noise=3), vectors(some, noise=0.5)
    up, down = compare_vectors(some, poor, good), compare_vectors(some, good, poor)
    assert up.better is True and down.better is False
    assert up.changes["ndcg@10"].low > 0 > down.changes["ndcg@10"].high
    assert up.improved == down.worse > 20 and up.improved + up.worse + up.stayed == 60


def test_equal_models_are_never_better(pool, vectors):
    some = pool(60)
    same = vectors(some, noise=3)
    found = compare_vectors(some, same, same)
    assert found.better is None and found.stayed == 60 and found.p == 1


def test_chance_alone_is_hardly_ever_called_a_change(pool):
    some, random = pool(20, 60), np.random.default_rng(0)
    cried = 0
    for _ in range(100):
        side = [(random.normal(size=(20, 8)), random.normal(size=(60, 8))) for _ in range(2)]
        cried += compare_vectors(some, *side).better is not None
    assert cried <= 9


def test_few_questions_are_never_enough(pool, vectors):
    for asked, better in ((7, None), (8, True)):
        some = pool(asked, 40)
        wrong = tuple(side if number else -side for number, side in enumerate(vectors(some, noise=0)))
        assert compare_vectors(some, wrong, vectors(some, noise=0)).better is better


def test_questions_of_one_component_count_as_one(pairs, vectors):
    rows = pairs(40)
    rows["component"] = rows["row"] // 6  # seven groups
    some = build_pool(rows, rows)
    found = compare_vectors(some, vectors(some, noise=30), vectors(some, noise=0))
    assert found.independent == 7 and found.better is None


def test_training_pairs_prove_nothing(pool, vectors):
    some = pool(60)
    found = compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0.2), evidence="training pairs")
    assert found.changes["ndcg@10"].low > 0 and found.better is None


def test_the_table_has_each_pair_with_both_ranks_and_the_worst_first(pairs):
    rows = pairs(3, anchor=["a", "b", "a"])
    some = build_pool(rows, rows)
    corpus = np.eye(3)
    base = unit(np.array([[1, 0.5, 0.2], [0, 1, 0]])), corpus  # a: right answers 0 and 2; b: 1
    tuned = unit(np.array([[0.5, 1, 2], [1, 0.5, 0.1]])), corpus
    table = pairs_table(compare_vectors(some, base, tuned))
    assert list(table.columns) == ["row", "question", "answer", "rank_base", "rank_tuned", "change", "cosine_base",
                                   "cosine_tuned"]
    assert table[["row", "rank_base", "rank_tuned", "change"]].values.tolist() == [
        [1, 1, 2, -1], [2, 1, 2, -1], [3, 2, 1, 1],
    ]
    assert list(table["answer"]) == ["answer 0", "answer 1", "answer 2"] and list(table["question"]) == ["a", "b", "a"]
    assert table["cosine_tuned"][2] == pytest.approx(2 / np.sqrt(5.25))


def test_examples_show_what_improved_what_got_worse_and_what_is_usual(pool, vectors):
    some = pool(60)
    found = compare_vectors(some, vectors(some, noise=1.5), vectors(some, noise=1.5, seed=1))
    table = pairs_table(found).set_index("row")
    examples = example_pairs(found, 6)
    assert [one.why for one in examples] == ["improved"] * 2 + ["worse"] * 2 + ["typical"] * 2
    assert len({one.row for one in examples}) == 6
    gain = 1 / table["rank_tuned"] - 1 / table["rank_base"]
    assert gain[examples[0].row] == gain.max() > 0 > gain.min() == gain[examples[2].row]
    assert examples[0].question == table["question"][examples[0].row]


def test_the_table_begins_with_what_lost_most_and_among_equals_with_what_stands_worst(pool, vectors):
    some = pool(60)
    table = pairs_table(compare_vectors(some, vectors(some, noise=1.5), vectors(some, noise=1.5, seed=1)))
    keys = list(zip(table["change"], -table["rank_tuned"], table["row"], strict=True))
    assert keys == sorted(keys) and keys[0][0] < 0 < keys[-1][0]


def test_reaching_the_first_place_counts_for_more_than_many_places_far_below(pairs):
    rows = pairs(30)
    some = build_pool(rows.head(2), rows)
    corpus = np.eye(30)
    first_to_be, far_below = corpus[0], corpus[1]
    base = np.stack([first_to_be + 2 * corpus[5], far_below + 2 * corpus[5:25].sum(axis=0)])  # ranks 2 and 21
    tuned = np.stack([first_to_be, far_below + 2 * corpus[5:15].sum(axis=0)])  # ranks 1 and 11
    found = compare_vectors(some, (base, corpus), (tuned, corpus))
    assert sorted(pairs_table(found)["change"]) == [1, 10]
    assert [one.row for one in example_pairs(found, 3)][0] == 1


def test_examples_of_equal_models_are_typical_pairs(pool, vectors):
    some = pool(4)
    same = vectors(some)
    assert [one.why for one in example_pairs(compare_vectors(some, same, same), 6)] == ["typical"] * 4


def test_without_held_out_rows_training_pairs_are_asked_about(pairs):
    rows = pairs(1500)
    some, evidence = pool_for(rows.head(0), rows)
    assert evidence == "training pairs" and len(some.queries) == 1000 and len(some.corpus) == 1500
    some, evidence = pool_for(rows.head(10), rows)
    assert evidence == "held-out" and len(some.queries) == 10
    unlike = rows.assign(label=[0] * 10 + [1] * 1490)
    assert pool_for(unlike.head(10), unlike)[1] == "training pairs"


def test_rows_from_a_file_get_their_components_here(pairs):
    rows = pairs(4, positive=["one", "One", "two", "three"]).drop(columns="component")
    some, _ = pool_for(rows.tail(3), rows)
    assert list(some.components) == [0, 1, 2]
    some, _ = pool_for(rows, rows)
    assert list(some.components) == [0, 0, 1, 2]


def test_data_in_which_nothing_belongs_together_cannot_be_compared(pairs):
    rows = pairs(5, label=0)
    with pytest.raises(WorkbenchError, match="belong together"):
        pool_for(rows, rows)


@pytest.fixture
def models(monkeypatch, tmp_path):
    """Two models that need no torch: each text has a random vector; counts how often texts were embedded."""
    calls = []

    def embed(ref, texts, workspace, progress=None):
        calls.append(ref.name)
        progress and progress(len(texts), len(texts))
        seeds = [int.from_bytes(f"{ref.name}{text}".encode()[-6:], "little") for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=16) for seed in seeds])

    monkeypatch.setattr(measurement, "embed", embed)
    return ModelRef("base", tmp_path, "1" * 64), ModelRef("tuned", tmp_path, "2" * 64), calls


def test_a_comparison_is_opened_again_without_embedding(models, pairs, tmp_path):
    base, tuned, calls = models
    workspace, rows, progress = Workspace.at(tmp_path / "w"), pairs(30), []
    first = compare(base, tuned, rows.head(9), rows, workspace, lambda *done: progress.append(done))
    again = compare(base, tuned, rows.head(9), rows, workspace)
    assert calls == ["base", "tuned"] and progress == [(39, 78), (78, 78)]
    assert again.changes == first.changes and again.p == first.p
    assert again.tuned.floor == first.tuned.floor and again.base.auc == first.base.auc
    pd.testing.assert_frame_equal(pairs_table(again), pairs_table(first))

    compare(base, tuned, rows.head(10), rows, workspace)  # another question: another pool
    assert calls == ["base", "tuned"] * 2


def test_a_damaged_cache_file_is_measured_anew(models, pairs, tmp_path):
    base, tuned, calls = models
    workspace, rows = Workspace.at(tmp_path / "w"), pairs(30)
    first = compare(base, tuned, rows.head(9), rows, workspace)
    for number, path in enumerate(sorted((workspace.cache / "comparisons").iterdir())):
        path.write_bytes(b"" if number else path.read_bytes()[:200])
    again = compare(base, tuned, rows.head(9), rows, workspace)
    assert len(calls) == 4 and again.changes == first.changes


def test_a_pool_with_right_answers_only_is_kept_and_read_too(models, pairs, tmp_path):
    base, tuned, calls = models
    workspace, rows = Workspace.at(tmp_path / "w"), pairs(1)
    for _ in range(2):
        found = compare(base, tuned, rows, rows, workspace)
        assert found.base.floor is None and found.base.auc is None and found.better is None
    assert len(calls) == 2


def test_how_sure_a_difference_is_is_worked_out_once_and_anew_where_that_is_damaged(pairs, vectors, tmp_path, monkeypatch):
    rows, workspace, worked_out = pairs(40), Workspace.at(tmp_path), []
    made = {
        name: np.concatenate(vectors(build_pool(rows, rows), noise)) for name, noise in (("base", 2.0), ("tuned", 0.8))
    }
    monkeypatch.setattr(measurement, "embed", lambda ref, *_: made[ref.name])
    real = intervals.intervals_of
    monkeypatch.setattr(intervals, "intervals_of", lambda *given: worked_out.append(1) or real(*given))
    refs = [ModelRef(name, tmp_path / name, name * 9) for name in made]
    first, again = (compare(*refs, rows, rows, workspace) for _ in range(2))
    assert worked_out == [1] and again.intervals == first.intervals and again.sizes == first.sizes
    assert first.intervals == compare_vectors(first.pool, *((one[:40], one[40:]) for one in made.values())).intervals
    grouped = compare(*refs, rows.assign(component=0), rows, workspace)  # the same texts, but one observation only
    assert worked_out == [1, 1] and grouped.changes["ndcg@10"].low is None
    for damage in ('{"changes": {}}', "[]", '{"changes": {"hit@1": 3}}', "{"):
        for file in (workspace.cache / "comparisons").glob("*.json"):
            file.write_text(damage)
        assert compare(*refs, rows, rows, workspace).intervals == first.intervals
    assert len(worked_out) == 6
