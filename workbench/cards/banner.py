"""The masthead's word about what runs: on every tab, amber while anything costs."""

import time
from collections.abc import Sequence

from core.endpoints.host import Endpoint
from core.endpoints.leftovers import Leftover
from core.errors import WorkbenchError
from core.runs.trainers import RunningCost
from workbench.cards.endpoints import running
from workbench.words import SILENT, count, money, span


def banner(
    endpoints: Sequence[Endpoint], leftovers: Sequence[Leftover] = (), trouble: WorkbenchError | None = None,
    trainings: Sequence[RunningCost] = (), heard: float | None = None,
) -> str:
    """How many things run and what they cost an hour; a quiet count where all is free, nothing where nothing runs.

    Args:
        endpoints: all that are listed; those that no workbench made do not count.
        leftovers: what else is in the account; what costs nothing by the hour does not count.
        trouble: why AWS cannot be asked; then what costs there is not known, and what it said last counts on.
        trainings: the runs that are at work in the account.
        heard: when AWS said last what runs there, in seconds since 1970; None where it has not yet.
    """
    there = running(endpoints)
    more = [one for one in leftovers if one.an_hour]
    kinds = [count(len(some), noun) for some, noun in ((there, "endpoint"), (trainings, "training")) if some]
    ago = 0.0 if heard is None else time.time() - heard
    unasked = f", last heard {span(ago)} ago" if ago >= SILENT else ""
    endless = [one for one in there if not one.end_known]
    parts = [
        *([f"{' and '.join(kinds)} running"] if kinds else []),
        *([count(len(more), "other thing costs", "other things cost")] if more else []),
        *([count(len(endless), "may never delete itself", "may never delete themselves")] if endless else []),
        *([f"SageMaker cannot be asked what runs there{unasked}"] if trouble is not None else []),
    ]
    an_hour = sum(one.an_hour or 0.0 for one in [*there, *more, *trainings])
    words = " · ".join(parts)
    if not an_hour and trouble is None and not trainings and not endless:
        return f'<span class="running">{words}, free</span>' if parts else ""
    ends = [one.expires for one in there if one.an_hour and one.expires]
    cost = f" · {money(an_hour)} an hour" if an_hour else ""
    unknown = " and more, whose price is not known" if any(one.an_hour is None for one in trainings) else ""
    which = "the next ends" if len(there) > 1 else "ends"
    next_end = f" · {which} in {span(min(ends) - time.time())}" if ends else ""
    return f'<span class="running costs" role="status">{words}{cost}{unknown}{next_end}</span>'
