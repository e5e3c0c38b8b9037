"""One training from its first step, or a checkpoint, to its last: a run has one, or one a fold and one for its model."""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import Dataset

from core.errors import WorkbenchError
from core.forward.half import can_halve, halve
from core.forward.speed import speed_up
from core.models import ModelRef, load
from core.pairs.text import fold_codes
from core.recipe import Recipe, chosen
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import processes
from core.training.batches import BalancedBatches
from core.training.checkpoints import Checkpoint
from core.training.checks import Best, HeldOut
from core.training.folds import Unseen
from core.training.losses import RANKING, make_loss
from core.training.tokens import SIDES, count_tokens, make_dataset
from core.training.trainer import Leg, Trainer, Watcher

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: A pass that takes many steps is checked up to this many times, as long as checks take at most this share of the time.
_CHECKS_A_PASS = 10
_CHECK_SHARE = 0.2
#: A forward pass without gradients costs about a third of a training step on the same tokens.
_FORWARD_SHARE = 1 / 3
#: Seconds from one word about reading the pairs to the next.
_SAY_SECONDS = 5.0


@dataclass(frozen=True)
class Material:
    """What a training reads of its pairs, of which the texts themselves are no part: they may be given back.

    Attributes:
        dataset: token lists by side, in a file.
        texts: what ``BalancedBatches`` keeps apart, int [rows, sides]; None for a loss that does not mind.
    """

    dataset: Dataset
    texts: np.ndarray | None


@dataclass(frozen=True)
class Ended:
    """How a training ended: after which step, and whether the person had asked to stop."""

    step: int
    stopped: bool


def learner(recipe: Recipe, base: ModelRef) -> "SentenceTransformer":
    """The base model, ready to learn and to be asked."""
    model = load(base)
    model.max_seq_length = recipe.max_seq_length
    speed_up(model)
    return model


def read(run: Run, events: EventWriter, recipe: Recipe, rows: pd.DataFrame, model: "SentenceTransformer") -> Material:
    """What a training on ``rows`` reads, made once for all passes."""
    words = "Reading the pairs: {:,} of {:,}."
    telling = Telling(events, "reading", words) if processes.is_first() else None
    return Material(make_dataset(model, rows, run.folder, telling), _texts(rows, recipe))


def train(
    run: Run, events: EventWriter, recipe: Recipe, material: Material, model: "SentenceTransformer",
    held_out: HeldOut | Unseen | None, best: Best, checkpoint: Checkpoint | None, leg: Leg | None = None, every: int | None = None,
) -> Ended:
    """Train ``model`` on ``material``; of several processes all take every step together.

    Args:
        held_out: what is asked at each check; None for no checks, and in the processes that only help.
        best: takes the best check, and has what was found before ``checkpoint``.
        leg: where this training is among those of the run; None where it is the only one.
        every: steps from check to check; None lets the time that checks take decide.

    Raises:
        WorkbenchError: there are too few pairs a step for so many processes, or their checkpoints differ.
    """
    if recipe.freeze_token_embeddings:
        transformer: Any = model[0]
        transformer.auto_model.get_input_embeddings().requires_grad_(False)
    if not recipe.dropout:
        _drop_nothing(model)
    _choose_precision(model, recipe, events)
    dataset, texts = material.dataset, material.texts
    pa.default_memory_pool().release_unused()  # of a million rows up to a gigabyte, which Arrow keeps for the next ones
    trainer = Trainer(model, dataset, make_loss(model, recipe), recipe, texts, run.checkpoints)
    batches = BalancedBatches(len(dataset), chosen(recipe.batch_size), texts, recipe.seed)
    if batches.least < processes.world():
        raise WorkbenchError(
            "There are too few pairs a step.",
            f"{processes.world()} processes share each step, and some would have no pair.",
            "Train on a smaller instance, or with more pairs a step.",
        )
    tokens = count_tokens(dataset)
    if every is None:
        every = check_every(len(batches), tokens, held_out.tokens) if held_out else 0
    leg = leg or Leg(steps=len(batches) * chosen(recipe.epochs))
    events.write(
        "plan", steps=leg.before + leg.steps + leg.after, passes=recipe.epochs, batch_size=recipe.batch_size,
        tokens=tokens, evaluate_every=every,
    )
    watcher = Watcher(trainer, run, events, recipe, held_out, best, every, leg)
    trainer.add_callback(watcher)
    step = checkpoint.step if checkpoint else 0
    if processes.agree(step, trainer.args.device) != step:
        raise WorkbenchError(
            "The machines do not have the same checkpoint.", f"This one's is of step {step}.", "Resume the run."
        )
    trainer.train(resume_from_checkpoint=str(checkpoint.folder) if checkpoint else None)
    processes.wait()  # from here on the first one works alone
    return Ended(trainer.state.global_step, watcher.stopped)


def _drop_nothing(model: "SentenceTransformer") -> None:
    from torch.nn import Dropout

    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0


def _choose_precision(model: "SentenceTransformer", recipe: Recipe, events: EventWriter) -> None:
    """Half precision on a GPU, and on a CPU where it was asked for; where it brings nothing, float32 stays."""
    if not (recipe.half_precision or model.device.type == "cuda"):
        return
    if can_halve(model):
        halve(model)
    elif recipe.half_precision and processes.is_first():
        events.write(
            "stage", stage="precision",
            text="Half precision would not make a step quicker with this model on this machine: it trains in full precision.",
        )


class Telling:
    """Says every few seconds of a stage how far it is: of a million pairs some take minutes.

    Args:
        words: a sentence with two places, for what is done and for how much there is.
    """

    def __init__(self, events: EventWriter, stage: str, words: str):
        self._events, self._stage, self._words = events, stage, words
        self._said = time.monotonic()

    def __call__(self, done: int, whole: int) -> None:
        if time.monotonic() - self._said >= _SAY_SECONDS:
            self._said = time.monotonic()
            self._events.write("stage", stage=self._stage, text=self._words.format(done, whole))


def measuring(events: EventWriter) -> Telling:
    """Says how far the base model has read what it is asked about."""
    return Telling(events, "scoring base", "Measuring what the model can do before training: {:,} of {:,} texts.")


def steps_a_pass(rows: pd.DataFrame, recipe: Recipe) -> int:
    """How many steps a pass over ``rows`` takes."""
    return len(BalancedBatches(len(rows), chosen(recipe.batch_size), _texts(rows, recipe), recipe.seed))


def _texts(rows: pd.DataFrame, recipe: Recipe) -> np.ndarray | None:
    """What ``BalancedBatches`` keeps apart: int [rows, sides]; None for a loss that does not mind."""
    if recipe.loss not in RANKING:
        return None
    return np.stack(fold_codes(*(rows[side] for side in SIDES if side in rows)), axis=1)


def check_every(steps_a_pass: int, pass_tokens: int, check_tokens: int) -> int:
    """Steps from one held-out check to the next: a pass, or a part of one where passes are long."""
    affordable = _CHECK_SHARE * pass_tokens / max(1.0, check_tokens * _FORWARD_SHARE)
    checks = max(1, min(_CHECKS_A_PASS, int(affordable), steps_a_pass // 10))
    return math.ceil(steps_a_pass / checks)
