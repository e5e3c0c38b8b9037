"""What is chosen for a person, and that every choice has its reason."""

import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.evaluation.general import general_rows
from core.models import BASE_MODEL, resolve, token_lengths
from core.pairs.dataset import PairSet
from core.plan import LOSSES, START_SECONDS, TOKENS_A_SECOND, make_plan, varied
from core.recipe import Recipe, make_recipe
from core.runs.create import create_run
from core.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.at(tmp_path_factory.mktemp("workspace"))


def pairs(rows: int, kind: str = "pairs") -> PairSet:
    texts = {"anchor": [f"question {n} about it" for n in range(rows)], "positive": [f"answer {n} of it" for n in range(rows)]}
    extra = {"scored": {"score": [0.5] * rows}, "labelled": {"label": [1] * rows}, "triplets": {
        "negative": [f"not {n}" for n in range(rows)]}}.get(kind, {})
    return PairSet("some", kind, {}, pd.DataFrame({"row": range(1, rows + 1), **texts, **extra}))


@pytest.mark.parametrize("rows", [6, 85, 1000])
def test_everything_is_chosen_and_every_choice_has_its_reason(workspace, rows):
    plan = make_plan(Recipe(), pairs(rows), workspace)
    assert None not in plan.recipe.model_dump().values()
    left_open = {name for name, value in Recipe().model_dump().items() if value is None}
    assert set(plan.reasons) == left_open and all(plan.reasons.values())
    assert plan.steps > 0 and plan.seconds > 0 and plan.memory_bytes > 5e8
    assert len(plan.split.train) + len(plan.split.held_out) == rows


def test_what_was_asked_for_is_kept(workspace):
    asked = make_recipe({"epochs": 3, "batch_size": 7, "held_out": 0, "max_seq_length": 64, "scale": 5})
    plan = make_plan(asked, pairs(50), workspace)
    assert (plan.recipe.epochs, plan.recipe.batch_size, plan.recipe.max_seq_length, plan.recipe.scale) == (3, 7, 64, 5)
    assert plan.recipe.held_out == 0 and len(plan.split.held_out) == 0
    assert plan.steps == 3 * 8
    assert "epochs" not in plan.reasons


def test_more_than_the_model_reads_is_brought_down_to_what_it_reads(workspace):
    assert make_plan(make_recipe({"max_seq_length": 4000}), pairs(20), workspace).recipe.max_seq_length == 256


def test_what_counts_sets_scale_and_rate(workspace):
    order, scores = (make_plan(make_recipe({"goal": goal}), pairs(85), workspace).recipe for goal in ("order", "scores"))
    assert order.scale > scores.scale and order.learning_rate < scores.learning_rate


@pytest.mark.parametrize("kind", LOSSES)
def test_only_a_loss_that_the_data_allows(workspace, kind):
    assert make_plan(Recipe(), pairs(20, kind), workspace).recipe.loss == LOSSES[kind][0]
    wrong = next(loss for losses in LOSSES.values() for loss in losses if loss not in LOSSES[kind])
    with pytest.raises(WorkbenchError, match="does not fit"):
        make_plan(make_recipe({"loss": wrong}), pairs(20, kind), workspace)


def test_too_few_pairs_and_too_long_vectors_are_explained(workspace):
    with pytest.raises(WorkbenchError, match="left to train on"):
        make_plan(Recipe(), pairs(1), workspace)
    with pytest.raises(WorkbenchError, match="longer than the model's vectors"):
        make_plan(make_recipe({"matryoshka_dims": "512"}), pairs(20), workspace)


def test_the_same_recipe_splits_in_the_same_way_and_another_seed_in_another(workspace):
    held = [
        make_plan(make_recipe({"seed": seed, "evidence": "held-out"}), pairs(85), workspace).split.held_out["row"].tolist()
        for seed in (12, 12, 13)
    ]
    assert held[0] == held[1] != held[2] and len(held[0]) == 17


def test_a_varied_plan_is_the_plan_that_would_have_been_made(workspace):
    """Its split is the same object, and its estimates are those of a plan of these settings."""
    plan = make_plan(Recipe(), pairs(1000), workspace)
    changes = {"epochs": 2, "batch_size": 128, "learning_rate": 1e-5}
    other, made = varied(plan, changes), make_plan(make_recipe({**plan.recipe.model_dump(), **changes}), pairs(1000), workspace)
    assert other.split is plan.split and other.recipe == made.recipe and other.steps == made.steps
    assert other.seconds == pytest.approx(made.seconds) and other.memory_bytes == pytest.approx(made.memory_bytes, rel=1e-6)
    with pytest.raises(WorkbenchError, match="from 2 to 4096"):
        varied(plan, {"batch_size": 1})


def test_few_pairs_are_asked_about_in_five_folds_and_many_in_one_part(workspace):
    few, many = (make_plan(Recipe(), pairs(rows), workspace) for rows in (85, 501))
    assert few.recipe.evidence == "five folds" and many.recipe.evidence == "held-out"
    assert sorted(few.split.train["fold"].unique()) == [1, 2, 3, 4, 5] and not len(few.split.held_out)
    assert "fold" not in many.split.train and len(many.split.held_out) == 100
    assert "85 pairs are few" in few.reasons["evidence"] and "501 pairs are enough" in many.reasons["evidence"]


def test_the_estimate_counts_five_trainings_and_the_last(workspace):
    folded, one = (make_plan(make_recipe({"evidence": kind}), pairs(100), workspace) for kind in ("five folds", "held-out"))
    assert folded.recipe.epochs == one.recipe.epochs == 6
    assert folded.steps == 6 * (5 * 3 + 4) and one.steps == 6 * 3
    assert folded.seconds - folded.fixed_seconds > 6 * (one.seconds - one.fixed_seconds)


def test_the_estimate_counts_the_everyday_questions_that_both_models_are_asked(workspace):
    plan, rows = make_plan(make_recipe({"evidence": "held-out"}), pairs(100), workspace), general_rows()
    lengths = [token_lengths(plan.base, rows[side].tolist()).sum() for side in ("anchor", "positive")]
    assert plan.fixed_seconds == pytest.approx(START_SECONDS + 2 * sum(lengths) / 3 / TOKENS_A_SECOND)
    assert plan.seconds > plan.fixed_seconds > START_SECONDS + 1


@pytest.mark.parametrize("asked, words", [
    ({"held_out": 0.1}, "share to keep aside was asked for"),
    ({"epochs": 1000}, "would take about"),
    ({"evidence": "held-out"}, None),
])
def test_one_part_is_held_out_where_that_was_asked_for_or_folds_take_too_long(workspace, asked, words):
    plan = make_plan(make_recipe(asked), pairs(50), workspace)
    assert plan.recipe.evidence == "held-out" and len(plan.split.held_out)
    assert (words is None and "evidence" not in plan.reasons) or words in plan.reasons["evidence"]


def test_thorough_may_take_longer(workspace):
    asked = {"epochs": 40}
    assert make_plan(make_recipe(asked), pairs(200), workspace).recipe.evidence == "held-out"
    assert make_plan(make_recipe({**asked, "effort": "thorough"}), pairs(200), workspace).recipe.evidence == "five folds"


def test_pairs_that_hang_together_cannot_be_folded_and_it_is_said(workspace):
    few = pairs(6)
    few.frame["group"] = ["one", "one", "two", "two", "three", "four"]
    plan = make_plan(make_recipe({"evidence": "five folds"}), few, workspace)
    assert plan.recipe.evidence == "held-out" and "4 independent groups" in plan.notes[0]
    most = pairs(50)
    most.frame["group"] = ["one"] * 25 + [f"g{n}" for n in range(25)]
    assert "hang together" in make_plan(Recipe(), most, workspace).reasons["evidence"]
    wrong = pairs(20, "labelled")
    wrong.frame["label"] = [1] * 3 + [0] * 17
    assert "belong together" in make_plan(Recipe(), wrong, workspace).reasons["evidence"]


def test_a_model_that_learned_these_pairs_is_not_asked_as_if_they_were_new(workspace):
    first = create_run(workspace, pairs(50), Recipe(), source={"name": "a", "digest": "d", "rows": 50, "set": None})
    first.model.symlink_to(resolve(BASE_MODEL, workspace).path)
    plan = make_plan(make_recipe({"base_model": first.id}), pairs(50), workspace)
    assert plan.recipe.evidence == "held-out" and "has learned" in plan.reasons["evidence"]
    assert plan.seen == len(plan.split.held_out) == 10 and "nothing about new questions" in plan.notes[-1]
    again = create_run(workspace, pairs(50), plan.recipe, plan=plan, source={"name": "a", "digest": "d", "rows": 50, "set": None})
    assert again.settings()["base"]["seen"] == 10
