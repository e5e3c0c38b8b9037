"""The order of things: load, score the base, train, keep the best, report, save."""

import torch

from core.evaluation.comparison import compare_vectors
from core.evaluation.verdict import Kept
from core.models import ModelRef
from core.runs.base import find_base
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import checkpoints, processes
from core.training.checkpoints import Checkpoint
from core.training.checks import Best, HeldOut, Progress
from core.training.course import learner, measuring, read, train
from core.training.crossfit import CrossFitting
from core.training.job import Job, read_job
from core.training.outcome import Outcome, conclude


def work(run: Run, events: EventWriter, checkpoint: Checkpoint | None) -> None:
    """Train ``run`` from the start or from ``checkpoint``, to its ``done`` event. Of several processes that train it
    together the first one measures and saves; the others only help with the steps.

    Raises:
        WorkbenchError: something a person can mend.
        Exception: anything else; ``failures.explain`` puts it in words.
    """
    lost = checkpoint is None and any(run.checkpoints.glob("checkpoint-*"))
    again = "The last checkpoint is not whole, so the training begins again. " if lost else ""
    events.write("stage", stage="loading", text=f"{again}Loading the model and the pairs.")
    job = read_job(run)
    processes.join()
    if job.settings.get("threads"):
        torch.set_num_threads(int(job.settings["threads"]))
    base = find_base(run)
    if processes.is_first():
        checkpoints.remove_incomplete(run.checkpoints, checkpoint)
    if job.in_folds:
        outcome = CrossFitting(job, run, events, base, checkpoint).outcome()
    else:
        outcome = _held_out(job, run, events, base, checkpoint)
    if outcome is not None:
        conclude(outcome, run, job, events, base)


def _held_out(
    job: Job, run: Run, events: EventWriter, base: ModelRef, checkpoint: Checkpoint | None
) -> Outcome | None:
    """Train once, asked about the pairs that were kept aside; None in the processes that only help."""
    recipe, model = job.recipe, learner(job.recipe, base)
    progress, best_weights = checkpoints.read(checkpoint) if checkpoint else (Progress(), None)
    best = Best(recipe, progress, best_weights)
    if not processes.is_first():
        train(run, events, recipe, read(run, events, recipe, job.train(), model), model, None, best, checkpoint)
        return None

    events.write("stage", stage="scoring base", text="Measuring what the model can do before training.")
    rows = job.train()
    held_out = HeldOut(model, job.held_out(), rows, recipe.seed)
    base_vectors = held_out.vectors_before(model, base, run.workspace, measuring(events))
    checked = held_out.evidence == "held-out"
    if checked:
        progress.base = held_out.scores(base_vectors)
        if checkpoint is None:
            events.write("held_out", step=0, **{"pass": 0.0}, **progress.base, base=True, best=False)

    events.write("stage", stage="training", text=f"Learning from {job.pairs:,} pairs.")
    material = read(run, events, recipe, rows, model)
    del rows  # from here on the tokens are all that is needed
    ended = train(run, events, recipe, material, model, held_out if checked else None, best, checkpoint)

    if checked and best.weights is not None:
        model.load_state_dict(best.weights)
    events.write("stage", stage="saving", text="Writing the model and its report.")
    # questions that the base model has learned in an earlier run are no new ones to either model
    evidence = "training pairs" if job.settings["base"].get("seen") else held_out.evidence
    comparison = compare_vectors(held_out.pool, base_vectors, held_out.vectors(model), evidence)
    kept: Kept = "tuned" if best.beats_base else "base"
    return Outcome(
        model, comparison, kept if checked else None, job.pairs, progress.best_step if checked else ended.step,
        ended.stopped,
    )
