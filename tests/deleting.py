"""Somebody else deletes a thing while it is looked at: at each moment that there is, one after the other."""

import builtins
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core.errors import WorkbenchError

#: What the standard library touches files by: (where it is looked up, its name).
_TOUCHES = [(os, name) for name in ("stat", "lstat", "scandir", "listdir", "open", "mkdir", "rename", "replace")]
_TOUCHES += [(builtins, "open"), (io, "open")]


def delete(thing: Path) -> None:
    """As the workbench does it: gone at once for every reader."""
    if thing.is_dir():
        hidden = thing.with_name(f".deleted-{thing.name}")
        os.replace(thing, hidden)
        shutil.rmtree(hidden)
    else:
        thing.unlink(missing_ok=True)


def _in_a_lock() -> bool:
    """A lock makes its file and the folder of that in one go: nothing can be looked at in between."""
    return any("filelock" in sys._getframe(depth).f_code.co_filename for depth in range(2, 9))


@contextmanager
def _deleted_at(number: int, thing: Path) -> Iterator[list[str]]:
    """``thing`` is deleted just before it, something in it or the list that it is on is touched for that time; gives what was
    touched until then."""
    touched: list[str] = []

    def noting(touch: Callable[..., Any]) -> Callable[..., Any]:
        def noted(path: Any, *args: Any, **kwargs: Any) -> Any:
            where = "" if isinstance(path, int) else os.fsdecode(path)
            ours = where == str(thing.parent) or f"{where}/".startswith(f"{thing}/")
            if ours and len(touched) < number and not _in_a_lock():
                touched.append(where)
                if len(touched) == number:
                    delete(thing)
            return touch(path, *args, **kwargs)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for room, name in _TOUCHES:
            patch.setattr(room, name, noting(getattr(room, name)))
        yield touched


def at_each_moment(thing: Path, make: Callable[[], Any], look: Callable[[], Any]) -> Iterator[Any]:
    """What ``look`` gives, or the ``WorkbenchError`` that it raises, with ``thing`` deleted at its first touch, at its second,
    and so on; last of all with ``thing`` left alone. Any other error is a fault, and goes on.

    Args:
        make: has ``thing`` there, anew.
    """
    for number in count(1):
        make()
        with _deleted_at(number, thing) as touched:
            try:
                found = look()
            except WorkbenchError as error:
                found = error
        yield found
        if len(touched) < number:
            return
        assert not thing.exists(), "what was deleted has come back"
