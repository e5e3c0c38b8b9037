"""Locks that programs on one machine share."""

from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from core.errors import WorkbenchError
from core.workspace import writing


@contextmanager
def held(lock: filelock.BaseFileLock, what: str, seconds: float = 10) -> Iterator[None]:
    """Hold ``lock`` meanwhile, so that no other program or thread changes what it guards.

    Args:
        what: what it guards, to go on with "being changed": "The runs of this workspace are".
        seconds: how long to wait for it.

    Raises:
        WorkbenchError: another program has held it for so long, or the workspace cannot be written.
    """
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        raise WorkbenchError(
            f"{what} being changed by another program.",
            f"It has held {lock.lock_file} for more than {seconds:.0f} seconds.", "Close it, or try again in a moment.",
        ) from None
    except OSError:
        with writing(f"{what} not to be changed."):
            raise
    try:
        yield
    finally:
        lock.release()
