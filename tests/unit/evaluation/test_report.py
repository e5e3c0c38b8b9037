import json

import numpy as np
import pytest

from core.evaluation.comparison import compare_vectors
from core.evaluation.metrics import METRICS
from core.evaluation.pool import build_pool
from core.evaluation.report import report
from core.evaluation.verdict import verdict, warning


@pytest.fixture
def gain(pool, vectors):
    some = pool(60, 80)
    return compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0.5))


@pytest.fixture
def loss(pool, vectors):
    some = pool(60, 80)
    return compare_vectors(some, vectors(some, noise=0.5), vectors(some, noise=3))


def test_the_report_has_the_promised_shape_and_is_plain_json(gain):
    found = report(gain, kept="tuned")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["held_out"], found["pool"], found["better"], found["kept"]) == (60, 80, True, "tuned")
    for side in ("base", "tuned"):
        assert {"hit@1", "mrr@10", "ndcg@10", "matched", "mismatched"} <= set(found[side])
    low, high = found["change"]["interval"]
    assert 0 < low < found["change"]["ndcg@10"] < high
    expected = found["tuned"]["ndcg@10"] - found["base"]["ndcg@10"]
    assert found["change"]["ndcg@10"] == pytest.approx(expected, abs=2e-6)
    assert found["first"]["tuned"] == pytest.approx(60 * found["tuned"]["hit@1"], abs=1e-3)
    assert found["improved"] + found["worse"] + found["stayed"] == found["questions"] == 60


def test_every_figure_stands_under_its_name(gain):
    """Kept reports, other programs and the pages look for them there."""
    found = report(gain, kept="tuned")
    assert set(found) == {
        "held_out", "pool", "better", "base", "tuned", "change", "verdict", "evidence", "questions", "first", "improved", "worse",
        "stayed", "auc", "warning", "independent", "bm25", "health", "sizes", "kept",
    }
    for name, side in (("base", gain.base), ("tuned", gain.tuned)):
        assert found[name] == pytest.approx({
            **{metric: values.mean() for metric, values in side.metrics.items()}, "matched": side.matched.mean(),
            "mismatched": side.floor.mean, "mismatched 95 %": side.floor.high,
        }, abs=1e-6)
        assert found["auc"][name] == pytest.approx(side.auc, abs=1e-6) and found["first"][name] == side.metrics["hit@1"].sum()
    assert set(found["change"]) == {
        "interval", "p", *METRICS, *(f"{metric} interval" for metric in METRICS), *(f"{metric} p" for metric in METRICS),
    }
    for metric in METRICS:
        change = gain.changes[metric]
        assert found["change"][metric] == pytest.approx(change.mean, abs=1e-6)
        assert found["change"][f"{metric} interval"] == pytest.approx([change.low, change.high], abs=1e-6)
        assert found["change"][f"{metric} p"] == pytest.approx(gain.ps[metric], abs=1e-6)
    for told, size in zip(found["sizes"], gain.sizes, strict=True):
        assert set(told) == {"name", "bytes", "base", "tuned", "change", "interval"}
        assert (told["name"], told["bytes"]) == (size.name, {"base": size.bytes[0], "tuned": size.bytes[1]})
        assert (told["base"], told["tuned"]) == pytest.approx((size.base, size.tuned), abs=1e-6)
        assert (told["change"] is None) is (told["interval"] is None) is (size.change is None)
        if size.change:
            assert told["change"] == pytest.approx(size.change.mean, abs=1e-6)
            assert told["interval"] == pytest.approx([size.change.low, size.change.high], abs=1e-6)
    assert any(size.change for size in gain.sizes)
    assert all(set(told) == {"name", "base", "tuned", "meaning"} for told in found["health"])
    assert set(found["bm25"]) == {*METRICS, "ahead", "sentence"} and set(found["bm25"]["ahead"]) == {"base", "tuned"}


def test_what_is_not_known_is_null(pool, vectors):
    some = pool(1)
    found = report(compare_vectors(some, vectors(some), vectors(some)))
    json.dumps(found, allow_nan=False)
    assert found["change"]["interval"] is None and found["better"] is None
    assert found["base"]["mismatched"] is None and found["auc"] == {"base": None, "tuned": None}


def test_the_verdict_of_a_gain_and_of_a_loss(gain, loss):
    first = report(gain)["first"]
    assert verdict(gain).startswith("The tuned model is better: the right answer comes first for "
                                    f"{first['base']} → {first['tuned']} of 60 held-out questions (80 answers")
    assert "rose by" in verdict(gain) and "95 % interval 0." in verdict(gain)
    assert verdict(loss).startswith("The tuned model is worse") and "interval −0." in verdict(loss)


def test_the_verdict_is_one_sentence(gain, loss):
    for sentence in (verdict(gain), verdict(loss), verdict(loss, "base", 68)):
        assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence


def test_data_that_did_not_help_is_said_with_causes(loss):
    found = report(loss, kept="base", training_pairs=68)
    assert found["verdict"].startswith("Your data did not improve this model")
    assert any("68 training pairs are few" in cause for cause in found["causes"])
    assert found["causes"][0][:20].lower() in found["verdict"].lower()
    assert "causes" not in report(loss, kept="tuned")


def test_a_base_that_is_already_good_is_named_as_the_cause(pool, vectors):
    some = pool(60)
    found = report(compare_vectors(some, vectors(some, noise=0.1), vectors(some, noise=0.1)), kept="base")
    assert "already puts the right answer first for 100%" in found["causes"][0]


def test_too_few_questions_are_said_as_such(pool, vectors):
    some = pool(5, 40)
    assert verdict(compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0))).startswith(
        "Too few held-out questions to tell")


def test_no_clear_change_names_the_change_that_could_be_told(pool, vectors):
    some = pool(17, 85)
    found = verdict(compare_vectors(some, vectors(some, noise=1.5), vectors(some, noise=1.5, seed=3)))
    assert found.startswith("No clear change") and "with 17 questions only a change of about 0." in found


def test_the_change_that_could_be_told_is_never_below_the_one_that_was_not(pool):
    some = pool(17, 40)
    corpus = np.eye(40)
    base, tuned = corpus[:17].copy(), corpus[:17].copy()
    base[:10], tuned[10:15] = corpus[20:30], corpus[30:35]  # ten get right, five get wrong
    found = compare_vectors(some, (base, corpus), (tuned, corpus))
    change = found.changes["ndcg@10"].mean
    told = float(verdict(found).split("only a change of about ")[1].split()[0])
    assert verdict(found).startswith("No clear change") and told > change > 0.25


def test_groups_are_named_where_questions_share_texts(pairs, vectors):
    rows = pairs(30)
    rows["component"] = rows["row"] % 10
    some = build_pool(rows, rows)
    found = verdict(compare_vectors(some, vectors(some, noise=2), vectors(some, noise=2, seed=4)))
    assert "with 30 questions in 10 groups that share texts" in found


def test_equal_models_did_not_change(pool, vectors):
    some = pool(20)
    found = verdict(compare_vectors(some, vectors(some), vectors(some)))
    assert found.startswith("No change: ") and "did not move." in found


def test_a_few_lucky_questions_are_called_luck(pool):
    some = pool(10, 40)
    corpus = np.eye(40)
    base = corpus[:10].copy()
    base[:4] = corpus[20:24]  # four questions miss, and only these get better
    found = compare_vectors(some, (base, corpus), (corpus[:10], corpus))
    assert found.changes["ndcg@10"].low > 0
    assert report(found)["better"] is None and "chance alone could have done it" in verdict(found)


def test_a_gain_that_the_luckiest_of_several_checks_could_bring_is_not_called_better(pool):
    some = pool(20, 60)
    corpus = np.eye(60)
    base = corpus[:20].copy()
    base[:7] = corpus[30:37]  # seven of twenty get better, none worse: 2 of 128 for coins
    found = compare_vectors(some, (base, corpus), (corpus[:20], corpus))
    assert found.changes["ndcg@10"].low > 0 and 0.01 < found.p < 0.05
    assert found.better is None and "luckiest of several checks" in verdict(found)
    assert compare_vectors(some, (corpus[:20], corpus), (base, corpus)).better is False


def test_training_pairs_say_nothing_about_new_questions(pool, vectors):
    some = pool(20)
    found = report(compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0), evidence="training pairs"))
    assert (found["held_out"], found["questions"], found["better"]) == (0, 20, None)
    assert found["evidence"] == "training pairs" and "Nothing can be told about new questions" in found["verdict"]


def test_a_constant_added_to_every_vector_is_called_out(pool, vectors):
    some = pool(60)
    base = vectors(some, noise=3)
    constant = 0.3 * np.random.default_rng(1).normal(size=32)
    found = compare_vectors(some, base, tuple(side + constant for side in base))
    assert found.tuned.matched.mean() > found.base.matched.mean() + 0.2  # what a mean of similarities would praise
    assert found.better is not True
    assert "All similarities rose" in warning(found) and "no easier to tell apart" in report(found)["warning"]


@pytest.mark.parametrize("noise", [0.5, 3])
@pytest.mark.parametrize("strength", [0.15, 0.3, 1, 5])
def test_a_constant_of_any_strength_makes_no_model_better_and_is_called_out(pool, vectors, noise, strength):
    some = pool(60, 100)
    base = vectors(some, noise=noise)
    constant = strength * np.random.default_rng(2).normal(size=32)
    found = compare_vectors(some, base, tuple(side + constant for side in base))
    health = {one.name: one for one in found.health}
    assert health["floor"].tuned > health["floor"].base + 0.1 and health["lift"].tuned < health["lift"].base
    assert found.better is not True and warning(found) is not None
    if strength == 5:
        assert "nearly the same vector to every text" in warning(found)


def test_a_collapsed_model_is_called_out(pool, vectors):
    some = pool(60)
    base = vectors(some)
    found = report(compare_vectors(some, base, tuple(side * 0 + 1 for side in base)))
    assert found["better"] is False and found["tuned"]["hit@1"] == 0
    assert "nearly the same vector to every text" in found["warning"]


def test_an_honest_gain_carries_no_warning(gain):
    assert warning(gain) is None


def test_similarities_that_rose_with_their_distance_to_the_floor_carry_no_warning(pool, vectors):
    some = pool(5, 40)  # too few for a verdict, so that alone decides
    found = compare_vectors(some, vectors(some, noise=3), tuple(side + 0.05 for side in vectors(some, noise=0.3)))
    assert found.better is None and found.tuned.floor.mean > found.base.floor.mean + 0.02
    assert warning(found) is None


def test_a_better_ranking_carries_no_warning_though_the_floor_rose(pool, vectors):
    some = pool(60)
    found = compare_vectors(some, vectors(some, noise=3), tuple(side + 0.4 for side in vectors(some, noise=0.5)))
    lifts = [one.matched.mean() - one.floor.mean for one in (found.base, found.tuned)]
    assert found.better is True and lifts[1] < lifts[0] and found.tuned.floor.mean < 0.95
    assert warning(found) is None


def test_five_folds_are_named_and_may_be_called_better(pool, vectors):
    some = pool(30)
    found = report(compare_vectors(some, vectors(some, noise=3), vectors(some, noise=0), evidence="five folds"), "tuned", 30)
    assert found["evidence"] == "five folds" and found["held_out"] == 30 and found["better"] is True
    assert "asked of five models, each of which never saw the pairs" in found["verdict"] and "held-out" not in found["verdict"]
    kept = report(compare_vectors(some, vectors(some, noise=1), vectors(some, noise=1), evidence="five folds"), "base", 30)
    assert "base model was kept" in kept["verdict"] and "take home" not in kept["verdict"]
