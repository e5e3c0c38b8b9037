"""The course of a run as numbers to draw, taken from its events."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.runs.events import Event

#: More points than this are thinned out: the eye sees no difference, the page loads faster.
MOST_POINTS = 400


@dataclass
class Curve:
    """One run's course.

    Attributes:
        name: the run.
        steps, loss, rate: each logged step with its loss and learning rate.
        checked, ndcg, mrr: each held-out check: its step, nDCG@10 and MRR@10 (0 to 1).
        best: the step of the best check, None before there is one.
        base_ndcg, base_mrr: the base model's figures on the same questions, None while unknown.
        total: optimizer steps planned, 0 while unknown.
    """

    name: str
    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    checked: list[int] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    best: int | None = None
    base_ndcg: float | None = None
    base_mrr: float | None = None
    total: int = 0

    def go_back_to(self, step: int) -> None:
        """Forget what came after ``step``: a resumed run goes on from its last checkpoint."""
        kept = sum(one <= step for one in self.steps)
        checked = sum(one <= step for one in self.checked)
        for values in (self.steps, self.loss, self.rate):
            del values[kept:]
        for values in (self.checked, self.ndcg, self.mrr):
            del values[checked:]


def curve(name: str, events: Iterable[Event]) -> Curve:
    """The curve that ``events`` (all of one run, in order) describe."""
    result = Curve(name)
    for event in events:
        kind = event["kind"]
        if kind == "start":
            result.go_back_to(event.get("step", 0))
        elif kind == "plan":
            result.total = event["steps"]
        elif kind == "step":
            result.steps.append(event["step"])
            result.loss.append(event["loss"])
            result.rate.append(event["learning_rate"])
        elif kind == "held_out":
            if event.get("base"):
                result.base_ndcg, result.base_mrr = event["ndcg@10"], event["mrr@10"]
            else:
                if event.get("best"):
                    result.best = event["step"]
                result.checked.append(event["step"])
                result.ndcg.append(event["ndcg@10"])
                result.mrr.append(event["mrr@10"])
    return result


def smoothed(values: list[float], weight: float = 0.85) -> list[float]:
    """An exponential moving average without the pull towards 0 at its start (bias correction as in Adam,
    arXiv 1412.6980)."""
    average, result = 0.0, []
    for index, value in enumerate(values, start=1):
        average = weight * average + (1 - weight) * value
        result.append(average / (1 - weight**index))
    return result


def thinned(*columns: list) -> tuple[list, ...]:
    """The same columns with at most ``MOST_POINTS`` rows, evenly chosen, the first and last kept."""
    length = len(columns[0])
    if length <= MOST_POINTS:
        return columns
    chosen = [round(index * (length - 1) / (MOST_POINTS - 1)) for index in range(MOST_POINTS)]
    return tuple([column[index] for index in chosen] for column in columns)
