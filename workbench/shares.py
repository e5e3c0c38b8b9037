"""Comparisons that somebody shares with the others who use the workbench, each under a link that nobody can guess.

What is shared is a copy of the report as it was then, kept in the folder that all have in common: nothing of a person's own
folder can be reached by it. Its name there is a digest of the link's token; the token itself is with whoever shared it.
"""

import hashlib
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import WorkbenchError
from core.rights import recorded
from core.workspace import Workspace, read_json, write_json

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits
_REPORT = "report.html"


@dataclass(frozen=True)
class Share:
    """A link that works.

    Attributes:
        token: the end of the link.
        title: what is shared, in words.
        created: when, in seconds since 1970.
    """

    token: str
    title: str
    created: float


def share(workspace: Workspace, title: str, write: Callable[[Path], Path]) -> Share:
    """Share the report that ``write`` makes in a folder.

    Raises:
        WorkbenchError: it cannot be made, or there is no room for it.
    """
    new = Share(secrets.token_urlsafe(32), title[:200], round(time.time(), 3))
    parent = workspace.house / "shared"
    parent.mkdir(mode=0o700, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    try:
        with recorded(workspace, "share", new.title, costs=False):
            write(hidden).rename(hidden / _REPORT)
            _keep(workspace, [*shares_of(workspace), new])  # first: a link that works is always on the list of what to end
            hidden.rename(parent / _digest(new.token))
    except OSError as error:
        raise WorkbenchError(
            "This could not be shared.", f"The system says: {error.strerror or error}.", "Make room on the disk, then try again."
        ) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return new


def shares_of(workspace: Workspace) -> list[Share]:
    """What this workspace's person shares, the newest last."""
    kept = read_json(_list(workspace))
    found = []
    for one in kept if isinstance(kept, list) else []:
        try:
            found.append(Share(str(one["token"]), str(one["title"]), float(one["created"])))
        except (KeyError, TypeError, ValueError):  # damaged by hand
            continue
    return found


def end(workspace: Workspace, token: str) -> None:
    """End a share: its link opens nothing any more.

    Raises:
        WorkbenchError: this person shares nothing under that token.
    """
    found = next((one for one in shares_of(workspace) if one.token == token), None)
    if found is None or not _TOKEN.fullmatch(token):
        raise WorkbenchError("This is not shared any more.", "", "Look at the list.")
    with recorded(workspace, "end share", found.title, costs=False):
        shutil.rmtree(workspace.house / "shared" / _digest(token), ignore_errors=True)
        _keep(workspace, [one for one in shares_of(workspace) if one.token != token])


def shared_report(house: Path, token: str) -> Path | None:
    """The file behind a link; None where the link is none of ours, or its share was ended."""
    if not _TOKEN.fullmatch(token):
        return None
    report = house / "shared" / _digest(token) / _REPORT
    return report if report.is_file() else None


def _keep(workspace: Workspace, shares: list[Share]) -> None:
    write_json(_list(workspace), [{"token": one.token, "title": one.title, "created": one.created} for one in shares])


def _list(workspace: Workspace) -> Path:
    return workspace.root / "shared.json"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
