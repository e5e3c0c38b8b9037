"""The one table of a search: each trial with its settings and what it came to, the best first."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from statistics import NormalDist
from typing import Any, Literal

from core.errors import WorkbenchError
from core.runs.events import Event
from core.runs.following import Follower
from core.runs.run import Run, State
from core.search.search import Search, Trial, no_search
from core.search.space import Changes
from core.shapes import DELETED, read_shaped
from core.workspace import files_below, unless_deleted, write_json


@dataclass(frozen=True)
class Row:
    """A trial as the table shows it.

    Attributes:
        number: its place in the order of starting.
        run: its run's id.
        changes: setting -> value.
        state: of its run; "deleted" where that is gone.
        ndcg, hit: held-out nDCG@10 and hit@1 at its best check (0 to 1), None while there is none.
        change, low, high: nDCG@10 minus the base model's with its 95 % interval, None while unknown.
        value: what trials are compared by, None while unknown.
        better: whether it is clearly better than the base model, None where that cannot be told yet.
        questions: the held-out questions that it was scored on, 0 while unknown.
        final: whether the figures are those of its report; otherwise of the best check so far.
        seconds: time it was at work.
        has_model: whether its model can be used.
        planned: whether it has the settings that were planned without a search.
        best: whether it is the best of the trials that have ended.
    """

    number: int
    run: str
    changes: Changes
    state: State | Literal["deleted"]
    ndcg: float | None = None
    hit: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    better: bool | None = None
    questions: int = 0
    final: bool = False
    seconds: float = 0.0
    has_model: bool = False
    planned: bool = False
    best: bool = False


_KNOWN = {one.name for one in fields(Row)}


def results(search: Search) -> list[Row]:
    """The table: ended trials with the best first, then those at work, then the rest in the order of starting."""
    facts, kept = search.facts(), read_shaped(search.folder / "deleted.json", DELETED)
    rows = [_row(trial, facts.get("goal", "order"), kept.get(trial.run.id)) for trial in search.trials()]
    return ranked([replace(row, planned=row.changes == facts.get("planned")) for row in rows])


def ranked(rows: Sequence[Row]) -> list[Row]:
    """The rows in the table's order, the best of those that ended marked. Of equals the one started first is better."""
    ended = [row for row in rows if row.final and row.value is not None]
    best = max(ended, key=lambda row: (row.value or 0.0, -row.number), default=None)

    def place(row: Row) -> tuple[int, float, int]:
        if row.final and row.value is not None:
            return (0, -row.value, row.number)
        return (1 if row.state in ("running", "stopping") else 2, 0, row.number)

    return sorted((replace(row, best=row is best) for row in rows), key=place)


def _row(trial: Trial, goal: str, kept: dict[str, Any] | None) -> Row:
    run = trial.run
    known: dict[str, Any] = {"number": trial.number, "run": run.id, "changes": trial.changes}
    if not run.recipe_file.exists():
        said = {name: value for name, value in (kept or {}).items() if name in _KNOWN}
        return Row(**{**said, **known, "state": "deleted", "has_model": False})
    status, (held, seconds) = run.status(), _course(run)
    report, model = run.report(), run.model.exists()
    if report is not None and {"base", "tuned", "change"} <= set(report) and status.state in ("done", "stopped"):
        return Row(**known, state=status.state, seconds=seconds, has_model=model, **of_report(report, goal))
    base = next((event for event in held if event.get("base")), None)
    best = max((event for event in held if not event.get("base")), key=lambda one: value_of(one, base, goal), default=None)
    if best is None:
        return Row(**known, state=status.state, seconds=seconds, has_model=model)
    change = best["ndcg@10"] - base["ndcg@10"] if base else None
    return Row(
        **known, state=status.state, seconds=seconds, has_model=model, ndcg=best["ndcg@10"], hit=best["hit@1"],
        change=change, value=value_of(best, base, goal),
    )


def of_report(report: dict[str, Any], goal: str) -> dict[str, Any]:
    """What a row takes from a run's report."""
    tuned, change = report["tuned"], report["change"]
    low, high = change.get("interval") or (None, None)
    return {
        "ndcg": tuned["ndcg@10"], "hit": tuned["hit@1"], "change": change["ndcg@10"], "low": low, "high": high,
        "value": value_of(tuned, report["base"], goal), "better": report.get("better"),
        "questions": report.get("held_out", 0), "final": True,
    }


def value_of(figures: dict[str, Any], base: dict[str, Any] | None, goal: str) -> float:
    """What trials are compared by, which is what the worker keeps a check for: nDCG@10; where scores count, also how
    far matching and unrelated texts are apart, unless the ranking falls below the base model's for it."""
    if goal != "scores":
        return float(figures["ndcg@10"])
    lost = base is not None and figures["ndcg@10"] < base["ndcg@10"]
    return float(figures["ndcg@10"] + figures["matched"] - (figures["mismatched"] or 0.0) - (10.0 if lost else 0.0))


@dataclass
class _Course:
    """What a row needs of a trial's events: its held-out checks, and the seconds that its workers took before the newest
    one; when that one began, and its last event."""

    held: list[Event] = field(default_factory=list)
    before: float = 0.0
    began: float | None = None
    last: float | None = None

    def take(self, event: Event) -> "_Course":
        if "t" not in event or event["kind"] == "held_out" and not {"ndcg@10", "hit@1"} <= event.keys():
            return self  # a damaged line
        if event["kind"] == "start":
            self.before, self.began = self.seconds(), event["t"]
        self.last = event["t"]
        if event["kind"] == "held_out":
            self.held.append(event)
        return self

    def seconds(self) -> float:
        """The seconds that all its workers took."""
        return self.before + (self.last - self.began if self.began is not None and self.last is not None else 0.0)


_courses = Follower(_Course, _Course.take, kept=256)


def _course(run: Run) -> tuple[tuple[Event, ...], float]:
    return _courses.look(run.events_file, lambda course: (tuple(course.held), course.seconds()))


# ---- what the table does not say by itself ---------------------------------------------------------------------------


def luck(rows: Sequence[Row]) -> float | None:
    """How much better (nDCG@10) the best trial may look through luck alone, at most and on average.

    The best of N is picked on the questions that also score it. If each trial's figure has the standard error s, the
    best one's is too high by at most s times the mean of the largest of N normal draws: less where trials err
    together, as they do on the same questions. s comes from the widest 95 % interval of the trials.

    Returns:
        None while fewer than two trials have ended with an interval.
    """
    widths = [row.high - row.low for row in rows if row.final and row.low is not None and row.high is not None]
    return max(widths) / 3.92 * largest_of(len(widths)) if len(widths) >= 2 else None


@cache
def largest_of(count: int) -> float:
    """The mean of the largest of ``count`` independent standard normal draws."""
    normal, width = NormalDist(), 0.01
    grid = [-8 + width * step for step in range(round(16 / width) + 1)]
    return math.fsum(x * count * normal.pdf(x) * normal.cdf(x) ** (count - 1) * width for x in grid)


def caution(rows: Sequence[Row]) -> str:
    """What to keep in mind about the best of a table, in plain words; "" while there is nothing to pick from."""
    ended = [row for row in rows if row.final and row.value is not None]
    if len(ended) < 2:
        return ""
    questions, chance = max(row.questions for row in ended), luck(rows)
    asked = f"the same {questions:,} held-out question{'s' if questions != 1 else ''}"
    said = f"The best of {len(ended)} trials was picked on {asked} that also score it, so it looks better than it is"
    if chance is None:
        said += "; by how much cannot be told from so few questions."
    elif chance < 0.0005:
        said += ", though here by too little to matter."
    else:
        said += (
            f": on average by up to {chance:.3f} nDCG@10 through luck alone, not counting that each training keeps its best"
            " check. Trials closer together than that are equally good as far as anyone can tell; pairs that took no part"
            " in the search would tell more."
        )
    return said if any(row.better for row in ended) else f"{said} No trial is clearly better than the base model."


# ---- tidying up --------------------------------------------------------------------------------------------------------


def losers(search: Search) -> list[Run]:
    """The runs that still take room on the disk and are not the best of those that are left.

    Empty while a trial is at work or none that is left has been scored, for the best is not known then.
    """
    left = [row for row in results(search) if row.state != "deleted"]
    if search.working() or not any(row.final for row in left):
        return []
    others = {row.run for row in ranked(left) if not row.best}
    return [trial.run for trial in search.trials() if trial.run.id in others]


def size_of(runs: Sequence[Run]) -> int:
    """How many bytes the runs take on the disk; what somebody else deletes meanwhile takes none."""
    total = 0
    for file in (file for run in runs for file in files_below(run.folder)):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def delete_losers(search: Search, delete: Callable[[Run], None] = Run.delete) -> list[str]:
    """Delete all trials but the best; their rows stay in the table.

    Args:
        delete: deletes a run with all that belongs to it.

    Returns:
        The ids of the runs that were deleted.

    Raises:
        WorkbenchError: a trial waits or trains, or none has been scored, or the search was removed meanwhile.
    """
    with unless_deleted(search.folder, no_search(search.id)):
        return _delete_losers(search, delete)


def _delete_losers(search: Search, delete: Callable[[Run], None]) -> list[str]:
    runs = losers(search)
    if not runs:
        raise WorkbenchError(
            f"There is nothing to delete in {search.id} yet.", "The best trial is known when all have ended.",
            "Wait for the search to end, or stop it.",
        )
    known = {row.run: asdict(row) for row in results(search)}
    rows = {run: {key: value for key, value in row.items() if key not in ("best", "planned")} for run, row in known.items()}
    file = search.folder / "deleted.json"
    for run in runs:
        write_json(file, {**read_shaped(file, DELETED), run.id: rows[run.id]})  # first what it came to, then it goes
        try:
            delete(run)
        except WorkbenchError:
            if run.folder.is_dir():  # else another page has deleted it meanwhile
                raise
    return [run.id for run in runs]


def state_of(rows: Sequence[Row], most: int) -> str:
    """A search's state in words: ``3 of 9 finished, 1 training, 5 waiting``; ``most``: how many trials there will be."""
    states = [row.state for row in rows]
    ended = sum(row.final for row in rows)
    parts = [f"{ended} of {max(most, len(rows))} finished"]
    for words, which in (
        ("training", ("running", "stopping")), ("waiting", ("queued",)), ("failed", ("failed",)),
        ("cut off", ("interrupted",)),
    ):
        if number := sum(state in which for state in states):
            parts.append(f"{number} {words}")
    return ", ".join(parts)
