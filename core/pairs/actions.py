"""What a person did to a set's rows: an append-only list, from which the rows in use follow."""

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from core.errors import WorkbenchError
from core.shapes import ACTION, has_shape


@dataclass(frozen=True)
class Action:
    """One thing that was done to some rows.

    Attributes:
        id: its number in the list, from 1.
        t: when, in seconds since 1970.
        rows: row numbers; () for ``undo``.
        reason: why, as it is kept with each row.
        check: the check whose fix it was, None where a person chose the rows.
        undoes: the action that an ``undo`` takes back, else None.
        undone: whether it was taken back (derived, not in the file).
    """

    id: int
    t: float
    kind: Literal["exclude", "include", "clean", "undo"]
    rows: tuple[int, ...] = ()
    reason: str = ""
    check: str | None = None
    undoes: int | None = None
    undone: bool = False


#: What the file holds of an action.
_KEPT = [one.name for one in fields(Action) if one.name != "undone"]


def read_actions(path: Path) -> tuple[Action, ...]:
    """Every action, oldest first; a line that a crash cut short, or that is damaged, is passed over."""
    actions: list[Action] = []
    try:
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ()
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if has_shape(values, ACTION):
            known = {name: values[name] for name in _KEPT if name in values}
            actions.append(Action(**{**known, "rows": tuple(values["rows"])}))
    undone = {action.undoes for action in actions}
    return tuple(Action(**{**asdict(action), "undone": action.id in undone}) for action in actions)


def append_action(
    path: Path,
    kind: str,
    *,
    rows: Sequence[int] = (),
    reason: str = "",
    check: str | None = None,
    undoes: int | None = None,
) -> Action:
    """Add an action to the list; on disk before this returns.

    Raises:
        WorkbenchError: ``undoes`` names an action that is not there, is an undo itself, or was taken back already.
    """
    from filelock import FileLock

    with FileLock(path.with_suffix(".lock")):
        before = read_actions(path)
        if undoes is not None and not any(
            action.id == undoes and action.kind != "undo" and not action.undone for action in before
        ):
            raise WorkbenchError(
                "This cannot be undone.",
                "It was undone before, or never done.",
                "Load the page again to see what is so.",
            )
        action = Action(
            max((one.id for one in before), default=0) + 1, round(time.time(), 3), kind, tuple(int(row) for row in rows),
            reason, check, undoes,
        )
        values = asdict(action)
        del values["undone"]
        with path.open("ab") as file:
            if file.tell() and not _ends_a_line(path):
                file.write(b"\n")
            file.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return action


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def replay(actions: Iterable[Action]) -> tuple[dict[int, str], frozenset[int]]:
    """(row -> why it is left out, rows whose texts are cleaned) after all actions that were not undone."""
    reasons: dict[int, str] = {}
    cleaned: set[int] = set()
    for action in actions:
        if action.undone:
            continue
        if action.kind == "exclude":
            reasons.update((row, action.reason) for row in action.rows if row not in reasons)
        elif action.kind == "include":
            for row in action.rows:
                reasons.pop(row, None)
        elif action.kind == "clean":
            cleaned.update(action.rows)
    return reasons, frozenset(cleaned)
