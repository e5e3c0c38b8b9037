"""What a run came to, and putting it down: the report, the model with its card, the last event."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.evaluation.comparison import Comparison
from core.evaluation.crossfit import CrossFit
from core.evaluation.general import forgetting, general_pool, general_rows
from core.evaluation.measurement import measure, measure_model
from core.evaluation.report import report
from core.evaluation.verdict import Kept
from core.models import ModelRef, load, local_ref
from core.runs.events import EventWriter
from core.runs.folds import write_folds
from core.runs.run import Run
from core.training import saving
from core.training.checks import HeldOut
from core.training.job import Job
from core.training.trainer import clear
from core.workspace import write_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Outcome:
    """What training came to.

    Attributes:
        model: the model as it learned best; None for the base model itself.
        comparison: it beside the base.
        kept: which of the two the person gets; None where nothing could tell.
        pairs: how many pairs it learned from.
        step: after which step its weights were taken.
        stopped: whether the person stopped it.
        folds: what the models of five folds made of all texts, for those who look closer.
        more: what else the report says.
    """

    model: "SentenceTransformer | None"
    comparison: Comparison
    kept: Kept | None
    pairs: int
    step: int
    stopped: bool
    folds: CrossFit | None = None
    more: dict[str, Any] = field(default_factory=dict)


def conclude(outcome: Outcome, run: Run, job: Job, events: EventWriter, base: ModelRef) -> None:
    """Write report and model, and say ``done``."""
    kept = outcome.kept or "tuned"
    told = {**report(outcome.comparison, outcome.kept, outcome.pairs), **outcome.more}
    # only now, though it is about before as well: nobody should wait for it before the training begins
    general_before = measure_model(base, general_pool(), run.workspace)
    model = load(base) if outcome.model is None or kept == "base" else outcome.model
    general_after = general_before  # of the model that the person gets: nothing is forgotten by a base that was kept
    if kept == "tuned":
        general = HeldOut(model, general_rows(), general_rows(), job.recipe.seed)
        general_after = measure(general.pool, *general.vectors(model))
    told["general"] = forgetting(general_before, general_after)
    run.folds_file.unlink(missing_ok=True)
    if outcome.folds is not None:
        write_folds(run, outcome.folds)
    saving.save_model(model, run, job.settings, told)
    told["model_digest"] = local_ref(run.id, run.model).digest
    write_json(run.report_file, told)
    if not outcome.stopped:
        clear(run.checkpoints)
    events.write(
        "done", run=run.id, folder=str(run.folder), model=str(run.model), report=told, stopped=outcome.stopped,
        kept=kept, best_step=outcome.step,
    )
