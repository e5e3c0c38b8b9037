"""What the files of a workspace hold, by name and type. A disk, a copy that broke off or a hand may have put anything there:
a file whose content has another shape is read as a damaged one.

What a shape does not name may be there too, and what it names may be missing unless it is required: files from older and
newer versions stay readable.
"""

from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Any, Literal, Required

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from core.workspace import read_object

_LENIENT = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


def _shape(name: str, fields: dict[str, Any]) -> Any:
    """A dictionary with these entries, all of which may be missing, and any others."""
    make: Any = TypedDict  # called with what a type checker cannot know
    shape = make(name, fields, total=False)
    shape.__pydantic_config__ = _LENIENT
    return shape


_WORDS = str | None
_SOURCE = _shape("Source", {"name": str, "digest": str, "rows": int, "set": _WORDS})
_MODEL = _shape("Model", {"name": _WORDS, "path": str, "digest": str})
_FIGURES = _shape("Figures", {"ndcg@10": Required[float], "hit@1": Required[float]})
_TRIAL = _shape("Trial", {"run": Required[str], "changes": Required[dict[str, Any]]})
_CHANGE = _shape("Change", {"ndcg@10": Required[float], "interval": list[float | None] | None})

#: ``recipe.json`` of a run.
SETTINGS = _shape("Settings", {
    "id": str, "name": str, "created": float, "kind": str, "columns": dict[str, str], "source": _SOURCE,
    "recipe": dict[str, Any], "reasons": dict[str, str], "base": _MODEL, "threads": int | None, "expected_seconds": float,
    "versions": dict[str, str], "target": str | dict[str, Any], "blend": dict[str, Any] | None,
})
#: ``launched.json`` of a run or an endpoint, and ``address.json`` of an endpoint.
PROCESS = _shape("Process", {
    "pid": int, "created": float, "asked": float, "starts": int, "kernel_kills": int | None, "port": int,
})
#: ``job.json`` of a run on SageMaker.
JOB = _shape("Job", {
    "name": str, "attempt": int, "folder": str, "profile": _WORDS, "region": str, "role": str, "bucket": str,
    "instance_type": str, "instance_count": int, "spot": bool, "keep_warm_seconds": int, "names": list[str],
    "max_seconds": int | None, "an_hour": float | None, "price_source": _WORDS, "phase": str, "sender": dict[str, Any],
    "asked": float, "status": str, "secondary": str, "words": str, "since": float, "started": float | None,
    "ended": float | None, "billable_seconds": int | None, "told": int, "position": dict[str, str], "events_bytes": int,
    "log_bytes": int, "last_word": dict[str, Any] | None, "trouble": dict[str, str] | None,
})
#: ``near.json`` of a set.
NEAR = _shape("Near", {"reading": Required[dict[str, Any]], "groups": Required[list[list[int]]]})
#: ``report.json`` of a run.
REPORT = _shape("Report", {
    "verdict": str, "tuned": _FIGURES, "base": _FIGURES, "change": _CHANGE, "held_out": int, "pool": int,
    "evidence": str, "better": bool | None, "causes": list[str] | None, "fold": int, "general": dict[str, Any] | None,
})
#: ``progress.json`` of a checkpoint.
PROGRESS = _shape("Progress", {
    "files": dict[str, int], "sums": dict[str, int], "base": dict[str, float | None] | None,
    "best": dict[str, float | None] | None, "best_step": int, "since_best": int, "seconds": float, "leg": int, "before": int,
})
#: ``search.json`` and ``deleted.json`` of a search.
SEARCH = _shape("Search", {
    "id": str, "created": float, "on": str, "source": dict[str, Any], "goal": str, "planned": dict[str, Any], "most": int,
    "trials": GenericAlias(list, (_TRIAL,)),
})
DELETED = dict[str, dict[str, Any]]
#: The files of an endpoint of this machine.
INTENT = _shape("Intent", {"model": _MODEL, "created": float, "deployer": dict[str, Any]})
LIFETIME = _shape("Lifetime", {"expires": Required[float | None]})
CALLS = dict[str, int]
OUTCOME = _shape("Outcome", {"state": Required[str], "why": Required[str]})
DELETING = _shape("Deleting", {"by": dict[str, Any], "left": list[str]})
#: ``set.json`` of a pair set.
SET = _shape("Set", {
    "name": Required[str], "file": Required[str], "digest": Required[str], "bytes": int, "created": Required[float],
    "rows": Required[int], "kind": Required[str], "columns": Required[dict[str, str]], "all_columns": Required[list[str]],
    "format": Required[str], "encoding": Required[_WORDS], "delimiter": Required[_WORDS], "header": Required[bool],
    "compressed": Required[bool], "broken_count": Required[int],
    "broken": Required[list[tuple[int, str] | list[int | str]]], "notes": Required[list[str]],
})
#: One line of a set's ``actions.jsonl``.
ACTION = _shape("Action", {
    "id": Required[int], "t": Required[float], "kind": Required[Literal["exclude", "include", "clean", "undo"]],
    "rows": Required[list[int]], "reason": str, "check": _WORDS, "undoes": int | None, "sum": int,
})
#: ``actions.json`` of a set: how many actions there were, and without how many of them somebody has agreed to go on.
COUNTED = _shape("Counted", {"count": Required[int], "accepted": int})
#: One line of a run's ``events.jsonl``.
EVENT = _shape("Event", {
    "t": float, "kind": Required[str], "step": int, "steps": int, "before": int, "done": int, "number": int, "fold": int,
    "questions": int, "pass": float, "loss": float | None, "learning_rate": float | None, "ndcg@10": float, "mrr@10": float,
    "hit@1": float, "tokens_per_second": float | None, "seconds_left": float | None, "memory": int | None, "pid": int,
    "created": float, "stage": str, "text": str, "what": _WORDS, "why": _WORDS, "what_to_do": _WORDS,
    "offer": dict[str, Any] | None, "stopped": bool, "base": bool, "best_step": int,
})


@cache
def _checker(shape: Any) -> TypeAdapter[Any]:
    plain = isinstance(shape, type) and hasattr(shape, "__pydantic_config__")
    return TypeAdapter(shape) if plain else TypeAdapter(shape, config=ConfigDict(strict=True, allow_inf_nan=False))


def has_shape(value: Any, shape: Any) -> bool:
    """Whether ``value`` is what ``shape`` says."""
    try:
        _checker(shape).validate_python(value)
    except (ValidationError, RecursionError):
        return False
    return True


def read_shaped(path: Path, shape: Any) -> dict[str, Any]:
    """The JSON object in ``path``, {} where there is none, or it is damaged or of another shape."""
    value = read_object(path)
    return value if has_shape(value, shape) else {}
