"""What will be trained, chosen from the data and the machine, with a reason for every choice and an estimate.

    plan = make_plan(recipe, pairs, workspace)
    plan.recipe      # every field has a value now
    plan.reasons     # {"batch_size": "64: each question is compared with 64 answers a step.", ...}
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.general import general_rows
from core.evaluation.pool import RIGHT_SCORE
from core.evaluation.seen import rows_seen
from core.models import ModelFacts, ModelRef, describe, resolve, token_lengths
from core.pairs.dataset import KIND_IN_WORDS, Kind, PairSet
from core.pairs.split import FOLDS, Split, default_share, folds, split
from core.recipe import Evidence, Loss, Recipe, chosen, make_recipe
from core.runs.run import all_runs
from core.workspace import Workspace

#: The losses that a kind of data allows, the default first (the library's own guidance).
LOSSES: dict[Kind, tuple[Loss, ...]] = {
    "pairs": ("MultipleNegativesRanking", "CachedMultipleNegativesRanking"),
    "triplets": ("MultipleNegativesRanking", "CachedMultipleNegativesRanking"),
    "scored": ("CoSENT", "AnglE"),
    "labelled": ("OnlineContrastive",),
}

#: Below this many training pairs steps are smaller and the rate higher. Measured on the walk-through's 85 pairs: batch 32
#: and 6 passes reach what batch 64 reaches in 10, in two thirds of the time, for both goals. Where the order counts, a rate
#: of 1e-4 gave a best held-out nDCG@10 of 0.841 on average over that set and the example sets, seven splits in all (5e-5:
#: 0.831), and more after the first pass on each.
SMALL = 200
#: Real tokens a second in training on two CPU cores, until a run on this machine has shown its own figure.
TOKENS_A_SECOND = 1500
#: Seconds a worker needs before its first step: loading the libraries and the model.
START_SECONDS = 8
#: Five folds are chosen up to this many pairs: one held-out fifth of more can tell a change of about 0.09 by itself.
MOST_FOLDED = 500
#: ... and while all their trainings together take no longer than a person waits for: in seconds, by effort.
FOLDED_SECONDS = {"quick": 300, "thorough": 1200}
#: No fold may hold more of the rows than this, or its model would learn from much less than the others.
_LARGEST_FOLD = 0.4
#: The work of five folds and the last training in passes over all pairs, for each pass of the recipe: each fold learns from
#: all but a fifth of them, and after each pass all texts are read, which costs a third of learning from them.
_SHARE_OF_A_FOLD = 1 / FOLDS
_FOLDS_WORK = FOLDS * (1 - _SHARE_OF_A_FOLD + 1 / 3) + 1
#: Lengths are read off a sample of this many rows where there are more.
LENGTH_SAMPLE = 2000


@dataclass(frozen=True)
class Plan:
    """A complete recipe with its reasons, the split it implies and what it will cost.

    Attributes:
        recipe: every field filled.
        reasons: field -> one sentence on why it has this value, for the fields that were chosen.
        split: the rows to train on and the rows kept aside.
        base: the model that learns.
        steps: optimizer steps at most (early stopping may end sooner).
        seconds: estimated time at most, start-up included.
        memory_bytes: estimated peak memory of the worker.
        notes: sentences worth reading before starting.
        fixed_seconds: the part of ``seconds`` that every training takes, however few its passes.
        seen: how many of the pairs that will be asked about the base model has learned, as the model of an earlier run.
    """

    recipe: Recipe
    reasons: dict[str, str]
    split: Split
    base: ModelRef
    steps: int
    seconds: float
    memory_bytes: int
    notes: list[str]
    seen: int = 0
    fixed_seconds: float = START_SECONDS


def make_plan(
    recipe: Recipe, pairs: PairSet, workspace: Workspace, near_duplicates: Iterable[Sequence[int]] = ()
) -> Plan:
    """Fill what ``recipe`` leaves open, split ``pairs`` and estimate time and memory.

    Args:
        pairs: the rows in use, without empty sides.
        near_duplicates: groups of row numbers whose texts are nearly the same; a group never crosses the split.

    Raises:
        WorkbenchError: the base model cannot be used, the loss does not fit the data, or too few rows are left.
    """
    groups, base = list(near_duplicates), resolve(recipe.base_model, workspace)

    def plan(evidence: Evidence, parts: Split | None = None) -> Plan:
        return _plan(recipe.model_copy(update={"evidence": evidence}), pairs, parts, workspace, groups, base)

    def held_out(reason: str) -> Plan:
        made = plan("held-out")
        return replace(made, reasons={"evidence": reason, **made.reasons})

    if recipe.evidence == "held-out":
        return plan("held-out")
    if recipe.evidence is None and recipe.held_out is not None:
        return held_out("A share to keep aside was asked for.")
    if recipe.evidence is None and len(pairs) > MOST_FOLDED:
        return held_out(f"{len(pairs):,} pairs are enough for one held-out part to tell a small change.")
    parts, problem = _in_folds(pairs, recipe.seed, groups, base)
    if problem and recipe.evidence is None:
        return held_out(f"Five folds cannot be made: {problem}.")
    if problem:
        made = plan("held-out")
        note = f"Five folds cannot be made: {problem}. One part is held out instead."
        return replace(made, notes=[note, *made.notes])
    made = plan("five folds", parts)
    if recipe.evidence is not None:
        return made
    alone = made.fixed_seconds + (made.seconds - made.fixed_seconds) * (1 - _SHARE_OF_A_FOLD) / _FOLDS_WORK
    if made.seconds > FOLDED_SECONDS[recipe.effort]:
        return held_out(f"Five folds would take about {duration(made.seconds)}; one held-out part about {duration(alone)}.")
    reason = (
        f"{len(pairs):,} pairs are few. With five folds all of them are asked about, which tells smaller changes: about"
        f" {duration(made.seconds)} in all, instead of {duration(alone)} with one held-out part."
    )
    return replace(made, reasons={"evidence": reason, **made.reasons})


def _in_folds(
    pairs: PairSet, seed: int, near_duplicates: Sequence[Sequence[int]], base: ModelRef
) -> tuple[Split | None, str]:
    """``pairs`` with their folds, and why that cannot be ("" where it can)."""
    parts = split(pairs, 0.0, seed, near_duplicates)
    rows = parts.train.assign(fold=folds(parts.train["component"].to_numpy(), seed))
    groups = rows["component"].nunique()
    if groups < FOLDS:
        words = f"{groups} independent {'group' if groups == 1 else 'groups'} of pairs"
        return None, f"there {'is' if groups == 1 else 'are'} {words}, and five are needed"
    if rows["fold"].value_counts(normalize=True).max() > _LARGEST_FOLD:
        return None, "too many pairs hang together through the texts they share"
    right = rows.get("label", pd.Series(1, rows.index)).eq(1) & rows.get("score", pd.Series(1.0, rows.index)).ge(RIGHT_SCORE)
    if rows[right]["fold"].nunique() < FOLDS:
        return None, "too few of the rows say that their texts belong together"
    if rows_seen(base.path, rows).any():
        return None, "the model it starts from has learned some of these very pairs"
    return replace(parts, train=rows), ""


def _plan(
    recipe: Recipe, pairs: PairSet, parts: Split | None, workspace: Workspace, near_duplicates: Sequence[Sequence[int]],
    base: ModelRef,
) -> Plan:
    """The plan of a recipe whose ``evidence`` is chosen; with five folds ``parts`` has them."""
    facts, folded = describe(base), recipe.evidence == "five folds"
    reasons: dict[str, str] = {}
    complete = recipe

    def choose(name: str, value: object, reason: str) -> None:
        nonlocal complete
        if getattr(recipe, name) is None:
            complete = complete.model_copy(update={name: value})
            reasons[name] = reason

    share = default_share(len(pairs))
    choose("held_out", share, "Not used: with five folds every pair is asked about." if folded else
           f"{share:.0%} of {len(pairs):,} pairs, enough to check with and most left to learn from.")
    held_out = chosen(complete.held_out)
    parts = parts or split(pairs, held_out, recipe.seed, near_duplicates)
    rows = len(parts.train)
    if rows < 2:
        raise WorkbenchError(
            f"{rows} pairs are left to train on.", "Training compares pairs with each other, so it needs two at least.",
            "Bring more pairs, use more of the rows, or lower the held-out share.",
        )

    loss = recipe.loss or LOSSES[pairs.kind][0]
    if loss not in LOSSES[pairs.kind]:
        raise WorkbenchError(
            f"The loss {loss} does not fit this file.", f"It holds {KIND_IN_WORDS[pairs.kind]}.",
            f"Choose {' or '.join(LOSSES[pairs.kind])}, or leave the choice to the workbench.",
        )
    choose("loss", loss, f"The file holds {KIND_IN_WORDS[pairs.kind]}.")
    _check_dims(recipe, facts)

    small = rows < SMALL
    batch = max(2, min(32 if small else 64, math.ceil(rows / 2)))
    choose("batch_size", batch, f"{rows:,} pairs are few, so smaller steps and more of them." if small else
           "64 is where more stops helping at this model size.")
    batch = chosen(complete.batch_size)
    thorough = recipe.effort == "thorough"
    epochs = _passes(rows) * (2 if thorough else 1)
    choose("epochs", epochs, f"At most {epochs} for {rows:,} training pairs: few pairs need more passes.")
    epochs = chosen(complete.epochs)
    patience = 5 if thorough else 3
    choose("patience", patience, "Not used: every fold makes all passes, which shows how many are best." if folded else
           f"Stop after {patience} checks in a row without a better held-out result.")
    scores = recipe.goal == "scores"
    choose("scale", 8.0 if scores else 20.0, "High scores count: a low scale lets matching texts come close to 1." if scores
           else "Order counts: 20 ranks best in most published results.")
    rate = (1.5e-4 if small else 1e-4) if scores else (1e-4 if small else 5e-5)
    choose("learning_rate", rate, "Goes with the scale; both were measured together.")
    longest = facts.max_tokens
    choose("max_seq_length", longest, f"What {base.name} can read: {longest} tokens, about {longest * 3 // 4} words.")
    length = min(chosen(complete.max_seq_length), longest)

    complete = complete.model_copy(update={"max_seq_length": length})
    tokens_a_row = _tokens_a_row(parts.train, base, length)
    sizes = [rows] + ([rows - size for size in parts.train["fold"].value_counts()] if folded else [])
    steps = epochs * sum(math.ceil(size / batch) for size in sizes)
    passes = epochs * (_FOLDS_WORK if folded else 1)
    speed = measured_speed(workspace)
    # both models are asked the everyday questions; that costs a third of learning from them
    fixed = START_SECONDS + 2 / 3 * _probe_tokens(base) / speed
    seconds = fixed + passes * rows * tokens_a_row / speed
    seen = int(rows_seen(base.path, parts.held_out).sum())
    notes = list(parts.notes)
    if seen:
        notes.append(
            f"The model it starts from has learned {seen:,} of the {len(parts.held_out):,} pairs that are kept aside, so the"
            " result will say nothing about new questions."
        )
    return Plan(complete, reasons, parts, base, steps, seconds, _memory(facts, batch, tokens_a_row), notes, seen, fixed)


def varied(plan: Plan, changes: Mapping[str, object]) -> Plan:
    """``plan`` with other passes, pairs a step or learning rate, and the very same split; its estimates follow.

    Raises:
        WorkbenchError: a value is out of its bounds.
    """
    recipe = make_recipe({**plan.recipe.model_dump(), **changes})
    epochs, batch = chosen(recipe.epochs), chosen(recipe.batch_size)
    steps = epochs * math.ceil(len(plan.split.train) / batch)
    seconds = plan.fixed_seconds + (plan.seconds - plan.fixed_seconds) * epochs / chosen(plan.recipe.epochs)
    fixed = _memory(describe(plan.base), 0, 0)
    memory = int(fixed + (plan.memory_bytes - fixed) * batch / chosen(plan.recipe.batch_size))
    return replace(plan, recipe=recipe, steps=steps, seconds=seconds, memory_bytes=memory)


def duration(seconds: float) -> str:
    """An estimate in words: ``40 s``, ``3 min``."""
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _passes(rows: int) -> int:
    """How many passes a set of this size is worth at most."""
    for limit, passes in ((SMALL, 6), (500, 10), (5_000, 5), (50_000, 2)):
        if rows < limit:
            return passes
    return 1


def _check_dims(recipe: Recipe, facts: ModelFacts) -> None:
    too_long = [dim for dim in recipe.matryoshka_dims if dim > facts.dimensions]
    if too_long:
        raise WorkbenchError(
            f"The Matryoshka dimension {too_long[0]} is longer than the model's vectors.",
            f"This model makes {facts.dimensions} numbers a text.", f"Use dimensions up to {facts.dimensions}.",
        )


def _tokens_a_row(train: pd.DataFrame, base: ModelRef, length: int) -> float:
    """Mean tokens a row over all its texts, cut at ``length``; from a sample of the rows where there are many."""
    sample = train.sample(LENGTH_SAMPLE, random_state=0) if len(train) > LENGTH_SAMPLE else train
    sides = [name for name in ("anchor", "positive", "negative") if name in sample]
    return float(sum(np.minimum(token_lengths(base, sample[side].tolist()), length).mean() for side in sides))


@lru_cache(8)
def _probe_tokens(base: ModelRef) -> float:
    """How many tokens the everyday questions and their answers have."""
    rows = general_rows()
    return len(rows) * _tokens_a_row(rows, base, describe(base).max_tokens)


def measured_speed(workspace: Workspace) -> float:
    """Real tokens a second of the newest run here that says so, else a first guess."""
    for run in all_runs(workspace)[:5]:
        for event in reversed(run.events()[0]):
            if event["kind"] == "step" and event.get("tokens_per_second"):
                return float(event["tokens_per_second"])
    return TOKENS_A_SECOND


def _memory(facts: ModelFacts, batch: int, tokens_a_row: float) -> int:
    """A rough peak in bytes: the program, four copies of the weights (values, gradients, two of Adam's) and what a step
    keeps for its backward pass. Fitted to two runs of all-MiniLM-L6-v2, packed without padding: 32 short pairs a step took
    1.7 GB, 64 long ones 3.6 GB."""
    return int(900e6 + 16 * facts.parameters + batch * tokens_a_row * 0.2e6)
