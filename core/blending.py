"""Between two models: the weights of a base and of what was made of it, mixed.

What training costs elsewhere can often be had back in part: a mix keeps most of what was learned and forgets less
(LM-Cocktail, arXiv 2311.13534). ``trade_off`` asks several mixes of a run, ``keep_blend`` makes one of them a model.
"""

import contextlib
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.comparison import Evidence, compare_measured, pool_for
from core.evaluation.general import forgetting, general_pool
from core.evaluation.measurement import Measurement, measure, measure_model
from core.evaluation.pool import Pool
from core.evaluation.report import report
from core.models import ModelRef, encode, load, local_ref
from core.runs.base import find_base
from core.runs.create import publish
from core.runs.events import EventWriter
from core.runs.folds import rows_of
from core.runs.run import Run, no_run
from core.runs.target import Target
from core.workspace import Workspace, read_object, unless_deleted, write_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Way = Literal["linear", "spherical"]
#: A mean change with its 95 % interval; low and high are None where there is too little to tell from.
Change = tuple[float, float | None, float | None]
Progress = Callable[[int, int], None]

#: How much of the tuned model the mixes of a curve have: 0 is the base, 1 the tuned model.
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
#: Weights that are further apart than this, in degrees, lose length in a linear mix: half way, 1 - cos(angle / 2), here a
#: thousandth. Spherical mixes keep it; nearer than this the two ways give the same and only the linear one is asked.
FAR_APART = 5.0
#: Texts to encode before others get their turn: the page goes on answering meanwhile.
_CHUNK = 256
#: Part of the file name: a change in what is measured makes old files unread.
_VERSION = 1


@dataclass(frozen=True)
class Point:
    """One mix and what it can do.

    Attributes:
        way: how it is mixed.
        share: how much of the tuned model is in it, 0 to 1.
        own: nDCG@10 on the run's held-out questions (on questions it was trained on where none were kept aside).
        own_change: own minus the base's.
        general, general_change: the same on everyday questions.
    """

    way: Way
    share: float
    own: float
    own_change: Change
    general: float
    general_change: Change


@dataclass(frozen=True)
class Curve:
    """What a run's mixes trade own data against general language for.

    Attributes:
        points: by way, then by share; always with a linear mix of each of ``SHARES``.
        evidence: whether ``own`` is of held-out questions or of training pairs.
        questions: how many own and how many general questions were asked.
        angle: how far the weights of base and tuned are apart at most, in degrees.
    """

    points: tuple[Point, ...]
    evidence: Evidence
    questions: tuple[int, int]
    angle: float


def trade_off(run: Run, workspace: Workspace, progress: Progress | None = None) -> Curve:
    """Ask the run's mixes; every mix that was asked before is read from the workspace's cache.

    Args:
        progress: ``progress(done, all)`` in mixes.

    Raises:
        WorkbenchError: the run has no model, or is deleted meanwhile, its base is gone, or it kept the base model.
    """
    with unless_deleted(run.folder, no_run(run)):
        return _trade_off(run, workspace, progress)


def _trade_off(run: Run, workspace: Workspace, progress: Progress | None) -> Curve:
    base, tuned, (own, evidence) = find_base(run), _tuned(run), _own_pool(run)
    general = general_pool()
    model, last = load(base), load(tuned).state_dict()
    first = {name: weight.clone() for name, weight in model.state_dict().items()}
    angle = largest_angle(first, last)
    if angle == 0:
        raise WorkbenchError(
            "There is nothing to blend.", f"{run.id} kept the base model, so both ends are the same.",
            "Choose a run that changed its model.",
        )
    ways: tuple[Way, ...] = ("linear", "spherical") if angle > FAR_APART else ("linear",)
    wanted = [(way, share) for way in ways for share in SHARES]
    before = measure_model(base, own, workspace), measure_model(base, general, workspace)
    points = []
    for done, (way, share) in enumerate(wanted):
        if progress:
            progress(done, len(wanted))
        file = workspace.cache / "blends" / "-".join(
            [str(_VERSION), base.digest[:24], tuned.digest[:24], own.digest()[:16], general.digest()[:16], way, str(share)]
        )
        known = _read(file)
        if known is None:
            model.load_state_dict(mix(first, last, share, way))
            pools = zip((own, general), before, strict=True)
            own_figures, general_figures = (_figures(pool, measured, _ask(model, pool)) for pool, measured in pools)
            known = Point(way, share, *own_figures, *general_figures)
            _keep(file, known)
        points.append(known)
    if progress:
        progress(len(wanted), len(wanted))
    return Curve(tuple(points), evidence, (len(own.queries), len(general.queries)), angle)


def best(curve: Curve) -> Point:
    """The mix whose two changes add up to the most; among equals the one with more of the tuned model."""
    return max(curve.points, key=lambda point: (point.own_change[0] + point.general_change[0], point.share))


def keep_blend(run: Run, share: float, workspace: Workspace, way: Way = "linear", name: str | None = None) -> Run:
    """Make a mix of the run's base and its model a model of its own: a run that can be compared, served and taken home.

    Args:
        share: how much of the tuned model is in it: more than 0, less than 1.
        name: what the new run is called; None: made of the run's own name.

    Raises:
        WorkbenchError: the share is no mix, the run has no model, its base is gone, or the disk is full.
    """
    if not 0 < share < 1:
        raise WorkbenchError(
            "That is not a blend.", f"A share of {share:g} is one of the two models alone.",
            "Choose a share between 0 and 1.",
        )
    with unless_deleted(run.folder, no_run(run)):
        return _keep_blend(run, share, workspace, way, name)


def _keep_blend(run: Run, share: float, workspace: Workspace, way: Way, name: str | None) -> Run:
    from core.training.saving import save_model

    base, (own, evidence), general = find_base(run), _own_pool(run), general_pool()
    model = load(base)
    model.load_state_dict(mix(model.state_dict(), load(_tuned(run)).state_dict(), share, way))
    made = _settings(run, share, way, name)
    comparison = compare_measured(own, measure_model(base, own, workspace), _ask(model, own), evidence)
    told = report(comparison, None, len(pd.read_parquet(run.train_file, columns=["row"])))
    told["general"] = forgetting(measure_model(base, general, workspace), _ask(model, general))
    told |= {"blend": made["blend"], **({"fold": fold} if (fold := (run.report() or {}).get("fold")) else {})}
    if evidence == "held-out":
        told["verdict"] += " The blend may have been chosen with these same questions, so the true change may be smaller."
    hidden = Path(tempfile.mkdtemp(dir=workspace.runs, prefix=".new-"))
    try:
        new = Run(hidden)
        shutil.copy(run.train_file, new.train_file)
        shutil.copy(run.heldout_file, new.heldout_file)
        save_model(model, new, made, told)
        told["model_digest"] = local_ref(new.id, new.model).digest
        write_json(new.report_file, told)
        EventWriter(new.events_file).write(
            "done", report=told, stopped=False, kept="tuned", best_step=_best_step(run), blend=made["blend"]
        )
        return publish(workspace, hidden, made)
    except OSError as error:
        raise WorkbenchError(
            "The blend could not be written.", f"The system says: {error.strerror or error}.",
            f"Make room on the disk that holds {workspace.root}.",
        ) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)  # nothing is there any more when all went well


def mix(base: "dict[str, Tensor]", tuned: "dict[str, Tensor]", share: float, way: Way) -> "dict[str, Tensor]":
    """The weights ``share`` of the way from ``base`` to ``tuned``, tensor by tensor.

    Linear: the straight line. Spherical: along the arc between their directions (Shoemake, SIGGRAPH 1985), with the
    length changing evenly; a tensor of zeros or one that points the opposite way has no arc and is mixed linearly.
    """
    return {name: _mix(weight, tuned[name], share, way) for name, weight in base.items()}


def _mix(base: "Tensor", tuned: "Tensor", share: float, way: Way) -> "Tensor":
    if not base.is_floating_point():
        return tuned.clone()
    start, end = base.double(), tuned.double()
    angle = math.radians(_angle(start, end))
    if way == "linear" or angle < 1e-6 or math.sin(angle) < 1e-6:
        straight: Tensor = ((1 - share) * start + share * end).to(base.dtype)
        return straight
    lengths = start.norm(), end.norm()
    arc = math.sin((1 - share) * angle) * start / lengths[0] + math.sin(share * angle) * end / lengths[1]
    mixed: Tensor = (arc / math.sin(angle) * ((1 - share) * lengths[0] + share * lengths[1])).to(base.dtype)
    return mixed


def largest_angle(base: "dict[str, Tensor]", tuned: "dict[str, Tensor]") -> float:
    """How far the directions of two models' weights are apart, in degrees, in the tensor where it is most."""
    return max(_angle(weight.double(), tuned[name].double()) for name, weight in base.items())


def _angle(start: "Tensor", end: "Tensor") -> float:
    """The angle between two tensors as vectors, in degrees; 0 where one of them is all zeros."""
    lengths = float(start.norm()), float(end.norm())
    if 0.0 in lengths:
        return 0.0
    a, b = start / lengths[0], end / lengths[1]
    return math.degrees(2 * math.atan2(float((a - b).norm()), float((a + b).norm())))  # exact for small angles, too


def _tuned(run: Run) -> ModelRef:
    if not run.model.is_dir():
        raise WorkbenchError(f"{run.id} has no model yet.", "It has not finished.", "Wait for it, or resume it.")
    return local_ref(run.id, run.model)


def _own_pool(run: Run) -> tuple[Pool, Evidence]:
    train, held_out = rows_of(run)
    return pool_for(held_out, pd.concat([train, held_out], ignore_index=True))


def _ask(model: "SentenceTransformer", pool: Pool) -> Measurement:
    texts = [*pool.queries, *pool.corpus]
    by_length = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    vectors = np.empty((len(texts), 0), dtype=np.float32)
    for start in range(0, len(texts), _CHUNK):
        some = by_length[start : start + _CHUNK]
        found = encode(model, [texts[at] for at in some])
        if not start:
            vectors = np.empty((len(texts), found.shape[1]), dtype=np.float32)
        vectors[some] = found
    return measure(pool, vectors[: len(pool.queries)], vectors[len(pool.queries) :])


def _figures(pool: Pool, base: Measurement, mixed: Measurement) -> tuple[float, Change]:
    """nDCG@10 of a mix, and its change from the base."""
    change = compare_measured(pool, base, mixed).changes["ndcg@10"]
    return float(mixed.metrics["ndcg@10"].mean()), (change.mean, change.low, change.high)


def _read(file: Path) -> Point | None:
    """The point kept in ``file``; None where there is none or it is damaged."""
    try:
        known = read_object(file)
        parts: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
        return Point(**parts)
    except (TypeError, ValueError):
        return None


def _keep(file: Path, point: Point) -> None:
    """Write ``point``; on a full disk it is not kept."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, asdict(point))


def _settings(run: Run, share: float, way: Way, name: str | None) -> dict[str, Any]:
    """The run's settings, for a run that has not trained anywhere."""
    settings = run.settings()
    del settings["id"]
    name = name or f"{settings.get('name') or run.id}, {share:.0%} tuned"
    blend = {"run": run.id, "share": share, "way": way}
    return {**settings, "name": name, "created": round(time.time(), 3), "blend": blend, "target": Target().model_dump(mode="json")}


def _best_step(run: Run) -> int:
    """At which step the weights of the run's model were taken: to repeat it."""
    done = [event for event in run.events()[0] if event["kind"] == "done"]
    return int(done[-1].get("best_step") or 0) if done else 0
