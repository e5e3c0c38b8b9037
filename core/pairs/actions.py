"""What a person did to a set's rows: an append-only list, from which the rows in use follow.

Actions are numbered from 1, a file beside the list says how many there were, and each line has a sum of what it says: so a
list that was emptied, cut off, damaged or changed is known to lack some, and rows that were left out do not come back into
use without a word.
"""

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from core.errors import WorkbenchError
from core.shapes import ACTION, COUNTED, has_shape, read_shaped
from core.workspace import write_json

ActionKind = Literal["exclude", "include", "clean", "undo"]


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
    kind: ActionKind
    rows: tuple[int, ...] = ()
    reason: str = ""
    check: str | None = None
    undoes: int | None = None
    undone: bool = False


#: What the file holds of an action.
_KEPT = [one.name for one in fields(Action) if one.name != "undone"]


@dataclass(frozen=True)
class History:
    """All that is known of what was done to a set's rows.

    Attributes:
        actions: every action that can be read, oldest first.
        made: how many there were.
        accepted: without how many of these somebody has agreed to go on, as they cannot be read.
        lost: how many others cannot be read.
        cut: whether a crash cut the last one short: it was not done.
    """

    actions: tuple[Action, ...]
    made: int
    accepted: int
    lost: int
    cut: bool


def read_history(path: Path) -> History:
    """The list in ``path``, and how much of it is missing."""
    counted = read_shaped(_count_file(path), COUNTED)  # before the list, which can only be longer then
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    actions = _parse(content)
    numbers = {action.id for action in actions if action.id > 0}
    made = max(numbers | {counted.get("count", 0)}, default=0)
    accepted = counted.get("accepted", 0)
    lost = max(0, made - len(numbers) - accepted)
    cut = bool(content) and not content.endswith(b"\n") and not _parse(content.rpartition(b"\n")[2])
    return History(actions, made, accepted, lost, cut and not lost)


def accept_loss(path: Path) -> None:
    """Go on without the actions that are lost."""
    with _alone(path):
        history = read_history(path)
        write_json(_count_file(path), {"count": history.made, "accepted": history.accepted + history.lost})


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the list meanwhile.

    Raises:
        FileNotFoundError: its set was deleted.
    """
    from filelock import FileLock

    os.stat(path.parent)  # the lock would make the folder again, and what was deleted come back as a damaged set
    with FileLock(path.with_suffix(".lock")):
        yield


def forget_actions(path: Path) -> None:
    """Remove the list; the count goes first, so that a crash in between makes nothing look lost."""
    _count_file(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _count_file(path: Path) -> Path:
    return path.with_suffix(".json")


def _parse(content: bytes) -> tuple[Action, ...]:
    """Every action of a list's lines; what is none is passed over."""
    actions: list[Action] = []
    for line in content.decode("utf-8", "replace").split("\n"):
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        # lines of older versions have no sum
        if has_shape(values, ACTION) and values.pop("sum", None) in (None, _sum(values)):
            known = {name: values[name] for name in _KEPT if name in values}
            actions.append(Action(**{**known, "rows": tuple(values["rows"])}))
    undone = {action.undoes for action in actions}
    return tuple(Action(**{**asdict(action), "undone": action.id in undone}) for action in actions)


def _sum(values: dict[str, Any]) -> int:
    """CRC-32 of an action as it is kept, whatever the order of its parts."""
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())


def append_action(
    path: Path,
    kind: ActionKind,
    *,
    rows: Sequence[int] = (),
    reason: str = "",
    check: str | None = None,
    undoes: int | None = None,
) -> Action:
    """Add an action to the list; on disk before this returns.

    Raises:
        WorkbenchError: ``undoes`` names an action that is not there, is an undo itself, or was taken back already.
        OSError: it cannot be written.
    """
    with _alone(path):
        history = read_history(path)
        if undoes is not None and not any(
            action.id == undoes and action.kind != "undo" and not action.undone for action in history.actions
        ):
            raise WorkbenchError(
                "This cannot be undone.",
                "It was undone before, or never done.",
                "Load the page again to see what is so.",
            )
        action = Action(
            history.made + 1, round(time.time(), 3), kind, tuple(int(row) for row in rows),
            reason, check, undoes,
        )
        values = asdict(action)
        del values["undone"]
        values["sum"] = _sum(values)
        with path.open("ab") as file:
            if file.tell() and not _ends_a_line(path):
                file.write(b"\n")  # what a crash cut short stays there, and is passed over
            file.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # a full disk: the action is done, and the next one is counted again
            write_json(_count_file(path), {"count": action.id, "accepted": history.accepted})
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
