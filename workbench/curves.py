"""The course of a run, taken from its events as they come, and as numbers to draw."""

from dataclasses import dataclass, field
from typing import Any

from core.runs.events import Event
from core.runs.following import Follower
from core.runs.run import Run

#: More logged steps, and more checks, than this are thinned out: the eye sees no difference, the page loads faster.
MOST_STEPS, MOST_CHECKS = 200, 100
#: How much the smoothed loss keeps of what it was, a step.
_WEIGHT = 0.85
#: What a line of each kind says; one that lacks any of it was damaged, and is left out.
_SAID = {
    "plan": {"steps"}, "stage": {"text"}, "step": {"step", "loss", "learning_rate"}, "held_out": {"step", "ndcg@10", "mrr@10"},
}
#: What it says besides where there are several trainings: where one begins, and whose check it is.
_SAID_OF_SEVERAL = {"number": {"before", "steps"}, "fold": {"pass", "questions"}}
#: More questions than this no fold has.
_TOO_MANY = 10**9
#: The courses that are kept in memory; one of 100,000 steps takes about 20 MB.
_KEPT = 16


@dataclass(frozen=True)
class Curve:
    """One run's course as it is drawn: at most ``MOST_STEPS`` of its logged steps, ``MOST_CHECKS`` of its checks.

    Attributes:
        name: the run.
        steps, loss, smooth, rate: steps with their loss, the loss smoothed over all logged steps, and learning rate.
        checked, ndcg, mrr: held-out checks: step, nDCG@10 and MRR@10 (0 to 1).
        best: the step of the best check, None before there is one.
        base_ndcg, base_mrr: the base model's figures on the same questions, None while unknown.
        total: optimizer steps planned, 0 while unknown.
        number: with five folds the training under way, from 1; steps, loss, rate and total are this one's alone, and the
            figures of the checks are the mean over the folds that have been asked to the end (of the first one until then).
            0 where there is only one training.
    """

    name: str
    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    checked: list[int] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    best: int | None = None
    base_ndcg: float | None = None
    base_mrr: float | None = None
    total: int = 0
    number: int = 0


@dataclass(frozen=True)
class Figures:
    """What a run's card shows of its events: what the worker does, its newest step, and its best check; {} for none.

    With five folds ``best`` has the mean over those that are done, and ``of_folds``.
    """

    stage: str = ""
    step: Event = field(default_factory=dict)
    best: Event = field(default_factory=dict)


class Course:
    """What a run's events have told so far. One event more costs the same, however many there were."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._steps: list[list[Any]] = [[], [], [], []]  # step, loss, smoothed loss, learning rate
        self._checks: list[list[Any]] = [[], [], []]  # step, nDCG@10, MRR@10
        self._best: int | None = None
        self._base: tuple[float | None, float | None] = (None, None)
        self._total = 0
        self._number, self._before = 0, 0  # of several trainings the one under way, and the steps before it
        self._folds: dict[int, dict[int, Event]] = {}  # fold -> pass -> the check; 0 is the base model's

    def take(self, event: Event) -> "Course":
        """One event more, left out where it lacks anything; gives back this object."""
        kind, figures = event["kind"], self.figures
        if not _whole(event):
            return self
        if kind == "start" and not self._number:
            self._go_back_to(event.get("step", 0))
        elif kind == "plan" and not self._number:
            self._total = event["steps"]
        elif kind == "stage":
            if "number" in event:
                self._go_back_to(event.get("done", 0) if event["number"] == self._number else 0)
                self._number, self._before, self._total = event["number"], event["before"], event["steps"]
                self._draw_folds()
            self.figures = Figures(event["text"], figures.step, figures.best)
        elif kind == "step":
            if event["loss"] is not None:  # null where it was not a number
                self._add_step(event)
            self.figures = Figures(figures.stage, event, figures.best)
        elif kind == "held_out" and "fold" in event:
            self._add_fold_check(event)
            self._draw_folds()
        elif kind == "held_out":
            self._add_check(event)
            if not figures.best or event["ndcg@10"] > figures.best["ndcg@10"]:
                self.figures = Figures(figures.stage, figures.step, event)
        return self

    def curve(self, name: str) -> Curve:
        """The course as it is drawn."""
        best = self._checks[0].index(self._best) if self._best in self._checks[0] else None
        return Curve(
            name, *thinned(*self._steps, most=MOST_STEPS), *thinned(*self._checks, most=MOST_CHECKS, also=best),
            self._best, *self._base, self._total, self._number,
        )

    def _go_back_to(self, step: int) -> None:
        """Forget what came after ``step``: a resumed run goes on from its last checkpoint."""
        for columns in (self._steps, self._checks):
            kept = sum(one <= step for one in columns[0])
            for column in columns:
                del column[kept:]

    def _add_step(self, event: Event) -> None:
        smooth, loss = self._steps[2], event["loss"]
        mean = smoothed(smooth[-1] if smooth else 0.0, loss, len(smooth))
        values = event["step"] - self._before, loss, mean, event["learning_rate"]
        for column, value in zip(self._steps, values, strict=True):
            column.append(value)

    def _add_check(self, event: Event) -> None:
        if event.get("base"):
            self._base = event["ndcg@10"], event["mrr@10"]
            return
        if event.get("best"):
            self._best = event["step"]
        for column, value in zip(self._checks, (event["step"], event["ndcg@10"], event["mrr@10"]), strict=True):
            column.append(value)

    def _add_fold_check(self, event: Event) -> None:
        """Note a check of one fold; one in the middle of a pass, as a stop makes, has no like in other folds."""
        if not 0 < event["questions"] < _TOO_MANY:  # a damaged line: no mean can be taken over these
            return
        passed = round(event["pass"])
        if abs(event["pass"] - passed) < 0.001:
            self._folds.setdefault(event["fold"], {})[passed] = {**event, "step": event["step"] - self._before}

    def _draw_folds(self) -> None:
        """Make the checks those of all folds that are done: means over all their questions, pass by pass."""
        passes = max(map(len, self._folds.values()), default=0)
        done = [checks for checks in self._folds.values() if len(checks) == passes]
        means = []
        for passed in sorted(set(done[0]).intersection(*done)) if done else ():  # a damaged check is missing in its fold
            some = [checks[passed] for checks in done]
            questions = sum(one["questions"] for one in some)
            ndcg, mrr = (sum(one[name] * one["questions"] for one in some) / questions for name in ("ndcg@10", "mrr@10"))
            means.append((some[0]["step"], ndcg, mrr))
        if not means:
            return
        (_, *base), *checks = means
        self._base = base[0], base[1]
        self._checks = [list(column) for column in zip(*checks, strict=True)] or [[], [], []]
        best = max(means, key=lambda one: one[1])
        self._best = best[0] or None
        event = {"ndcg@10": best[1], "step": best[0], "base": not best[0], "of_folds": True}
        self.figures = Figures(self.figures.stage, self.figures.step, event)


def _whole(event: Event) -> bool:
    """Whether a line says all that is drawn of its kind."""
    if event["kind"] not in _SAID:
        return True
    several = (more for name, more in _SAID_OF_SEVERAL.items() if name in event)
    return _SAID[event["kind"]].union(*several) <= event.keys()


_courses = Follower(Course, Course.take, kept=_KEPT)


def look(run: Run) -> tuple[Curve, Figures]:
    """A run's course as it is drawn, and what its card shows of it; costs what is new since the last look."""
    return _courses.look(run.events_file, lambda course: (course.curve(run.id), course.figures))


def smoothed(before: float, value: float, number: int) -> float:
    """The exponential moving average of ``number`` values, ``before``, and one value more, without the pull towards 0 at
    its start (bias correction as in Adam, arXiv 1412.6980)."""
    kept = _WEIGHT * (1 - _WEIGHT**number)
    return (kept * before + (1 - _WEIGHT) * value) / (1 - _WEIGHT ** (number + 1))


def thinned(*columns: list, most: int, also: int | None = None) -> tuple[list, ...]:
    """The same columns with at most ``most`` rows, evenly chosen, the first, the last and ``also`` among them."""
    length = len(columns[0])
    if length <= most:
        return tuple(list(column) for column in columns)
    chosen = {round(index * (length - 1) / (most - 2)) for index in range(most - 1)}
    rows = sorted(chosen if also is None else chosen | {also})
    return tuple([column[row] for row in rows] for column in columns)
