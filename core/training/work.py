"""The order of things: load, score the base, train, keep the best, report, save."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from core.errors import WorkbenchError
from core.evaluation.comparison import compare_vectors
from core.evaluation.general import forgetting, general_pool, general_rows
from core.evaluation.measurement import measure, measure_model
from core.evaluation.report import report
from core.models import load
from core.pairs.text import fold_codes
from core.recipe import Recipe, make_recipe
from core.runs.base import find_base
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import checkpoints, processes, saving
from core.training.batches import BalancedBatches
from core.training.checkpoints import Checkpoint
from core.training.checks import Best, HeldOut, Progress
from core.training.losses import RANKING, make_loss
from core.training.packing import speed_up
from core.training.tokens import SIDES, count_tokens, make_dataset
from core.training.trainer import Trainer, Watcher, clear
from core.workspace import Workspace, write_json

#: A pass that takes many steps is checked up to this many times, as long as checks take at most this share of the time.
_CHECKS_A_PASS = 10
_CHECK_SHARE = 0.2
#: A forward pass without gradients costs about a third of a training step on the same tokens.
_FORWARD_SHARE = 1 / 3


@dataclass(frozen=True)
class Job:
    """What a run folder asks for."""

    settings: dict[str, Any]
    recipe: Recipe
    train: pd.DataFrame
    held_out: pd.DataFrame


def read_job(run: Run) -> Job:
    """The recipe and the rows of a run.

    Raises:
        WorkbenchError: a file is missing or damaged, or there are fewer than two rows to train on.
    """
    settings = run.settings()
    try:
        recipe = make_recipe(settings["recipe"])
        train, held_out = pd.read_parquet(run.train_file), pd.read_parquet(run.heldout_file)
        missing = {"row", "anchor", "positive", "component"} - set(train.columns)
        if missing or settings["base"]["name"] is None:
            raise KeyError(", ".join(sorted(missing)))
    except (KeyError, TypeError, ValueError, OSError, WorkbenchError) as error:
        raise WorkbenchError(
            "The run's folder is damaged.",
            f"recipe.json, train.parquet or heldout.parquet cannot be read ({type(error).__name__}: {error}).",
            "Start a new run from the pairs.",
        ) from error
    if len(train) < 2:
        raise WorkbenchError("There are too few pairs.", "Training needs at least two.", "Bring more pairs.")
    return Job(settings, recipe, train, held_out)


def work(run: Run, events: EventWriter, checkpoint: Checkpoint | None) -> None:
    """Train ``run`` from the start or from ``checkpoint``, to its ``done`` event. Of several processes that train it
    together the first one measures and saves; the others only help with the steps.

    Raises:
        WorkbenchError: something a person can mend.
        Exception: anything else; ``failures.explain`` puts it in words.
    """
    events.write("stage", stage="loading", text="Loading the model and the pairs.")
    job = read_job(run)
    recipe = job.recipe
    processes.join()
    if job.settings.get("threads"):
        torch.set_num_threads(int(job.settings["threads"]))
    base = find_base(run)
    model = load(base)
    model.max_seq_length = recipe.max_seq_length
    speed_up(model)
    if processes.is_first():
        checkpoints.remove_incomplete(run.checkpoints, checkpoint)
    progress, best_weights = checkpoints.read(checkpoint) if checkpoint else (Progress(), None)
    best = Best(recipe, progress, best_weights)
    if not processes.is_first():
        _help(job, run, events, model, best, checkpoint)
        return

    events.write("stage", stage="scoring base", text="Measuring what the model can do before training.")
    held_out = HeldOut(model, job.held_out, job.train, recipe.seed)
    base_vectors = held_out.vectors(model)
    checked = held_out.evidence == "held-out"
    if checked:
        progress.base = dict(held_out.scores(base_vectors))
        if checkpoint is None:
            events.write("held_out", step=0, **{"pass": 0.0}, **progress.base, base=True, best=False)

    trainer, watcher = _prepare(job, run, events, model, held_out if checked else None, best)
    events.write("stage", stage="training", text=f"Learning from {len(job.train):,} pairs.")
    _train(trainer, checkpoint)

    if checked and best.weights is not None:
        model.load_state_dict(best.weights)
    step = progress.best_step if checked else trainer.state.global_step
    kept = "tuned" if best.beats_base or not checked else "base"
    events.write("stage", stage="saving", text="Writing the model and its report.")
    comparison = compare_vectors(held_out.pool, base_vectors, held_out.vectors(model), held_out.evidence)
    verdict = report(comparison, kept if checked else None, len(job.train))
    # only now, though it is about before as well: nobody should wait for it before the training begins
    general_before = measure_model(base, general_pool(), Workspace(run.folder.parent.parent))
    general = HeldOut(model, general_rows(), general_rows(), recipe.seed)
    verdict["general"] = forgetting(general_before, measure(general.pool, *general.vectors(model)))
    saving.save_model(model if kept == "tuned" else load(base), run, job.settings, verdict)
    write_json(run.report_file, verdict)
    if not watcher.stopped:
        clear(run.checkpoints)
    events.write(
        "done", run=run.id, folder=str(run.folder), model=str(run.model), report=verdict, stopped=watcher.stopped,
        kept=kept, best_step=step,
    )


def _help(
    job: Job, run: Run, events: EventWriter, model: Any, best: Best, checkpoint: Checkpoint | None
) -> None:
    """Take part in every step, as one of the processes that are not the first."""
    _train(_prepare(job, run, events, model, None, best)[0], checkpoint)


def _train(trainer: Trainer, checkpoint: Checkpoint | None) -> None:
    """All steps, from ``checkpoint`` on; it must be the same one in every process."""
    step = checkpoint.step if checkpoint else 0
    if processes.agree(step, trainer.args.device) != step:
        raise WorkbenchError(
            "The machines do not have the same checkpoint.", f"This one's is of step {step}.", "Resume the run."
        )
    trainer.train(resume_from_checkpoint=str(checkpoint.folder) if checkpoint else None)
    processes.wait()  # from here on the first one works alone


def _prepare(
    job: Job, run: Run, events: EventWriter, model: Any, held_out: HeldOut | None, best: Best
) -> tuple[Trainer, Watcher]:
    """The trainer and its watcher; says what is planned."""
    recipe = job.recipe
    if recipe.freeze_token_embeddings:
        model[0].auto_model.get_input_embeddings().requires_grad_(False)
    texts = None
    if recipe.loss in RANKING:
        texts = np.stack(fold_codes(*(job.train[side] for side in SIDES if side in job.train)), axis=1)
    dataset = make_dataset(model, job.train)
    trainer = Trainer(model, dataset, make_loss(model, recipe), recipe, texts, run.checkpoints)
    batches = BalancedBatches(len(dataset), recipe.batch_size, texts, recipe.seed)
    if batches.least < processes.world():
        raise WorkbenchError(
            "There are too few pairs a step.",
            f"{processes.world()} processes share each step, and some would have no pair.",
            "Train on a smaller instance, or with more pairs a step.",
        )
    a_pass = len(batches)
    tokens = count_tokens(dataset)
    every = check_every(a_pass, tokens, held_out.tokens) if held_out else 0
    events.write(
        "plan", steps=a_pass * recipe.epochs, passes=recipe.epochs, batch_size=recipe.batch_size, tokens=tokens,
        evaluate_every=every,
    )
    watcher = Watcher(trainer, run, events, recipe, held_out, best, every)
    trainer.add_callback(watcher)
    return trainer, watcher


def check_every(steps_a_pass: int, pass_tokens: int, check_tokens: int) -> int:
    """Steps from one held-out check to the next: a pass, or a part of one where passes are long."""
    affordable = _CHECK_SHARE * pass_tokens / max(1.0, check_tokens * _FORWARD_SHARE)
    checks = max(1, min(_CHECKS_A_PASS, int(affordable), steps_a_pass // 10))
    return math.ceil(steps_a_pass / checks)
