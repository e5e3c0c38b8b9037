"""Whether what was chosen for a deployment can be had, before anything is made or paid for."""

import math
import re

from core.endpoints.host import DeploySpec, Scaling
from core.errors import WorkbenchError


def check_spec(spec: DeploySpec) -> None:
    """Refuse what SageMaker would refuse, of what counts for this kind of endpoint.

    Raises:
        WorkbenchError: a number is out of its bounds, or something is not a machine's name.
    """
    if spec.hours is not None:
        check_hours(spec.hours)
    if spec.on == "serverless":
        _within("The memory", spec.memory_mb, 1024, 6144, " MB")
        if spec.memory_mb % 1024:
            raise WorkbenchError("The memory cannot be used.", f"{spec.memory_mb} is not a multiple of 1,024 MB.", "Give another.")
        _within("The number of calls at a time", spec.concurrency, 1, 200)
        return
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", spec.instance_type):
        raise WorkbenchError(
            f"“{spec.instance_type}” is not the name of a machine.", "SageMaker calls them ml.m5.large, for one.",
            "Choose one of the list.",
        )
    _within("The number of machines", spec.count, 1, 100)
    if spec.scaling is not None:
        _check_scaling(spec.scaling, spec.count)


def _check_scaling(scaling: Scaling, count: int) -> None:
    _within("The smallest number of machines", scaling.least, 1, 100)
    _within("The largest number of machines", scaling.most, scaling.least, 100)
    _within("The number of calls a minute", scaling.calls_a_minute, 1, 1_000_000)
    _within("The number of machines at first", count, scaling.least, scaling.most)


def _within(what: str, value: int, least: int, most: int, unit: str = "") -> None:
    if not least <= value <= most:
        raise WorkbenchError(f"{what} cannot be used.", f"{value:,} is not between {least:,} and {most:,}{unit}.", "Give another.")


def check_hours(hours: float) -> None:
    """Refuse a lifetime that is none.

    Raises:
        WorkbenchError: it is not a number above 0.
    """
    if not (math.isfinite(hours) and hours > 0):
        raise WorkbenchError("The lifetime cannot be used.", f"{hours} is not a number of hours above 0.", "Give another.")
