"""The one folder in which everything is kept: pair sets, runs, searches, endpoints, and caches that can be thrown away."""

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path
from typing import Any

import platformdirs

from core.errors import WorkbenchError


def default_workspace() -> Path:
    """The workspace that is used when none is named: a folder under the user's own data directory."""
    return Path(platformdirs.user_data_dir("embedding-workbench", appauthor=False))


#: The environment variable with the name of the person whose app this is, where several people share a machine.
PERSON = "WORKBENCH_PERSON"
#: Where they do: the folder with a workspace for each of them, beside the mark that says so.
PEOPLE, HOUSE_MARK = "users", "house.json"


def person() -> str:
    """Whose app this process belongs to; "" where a person has the machine for themselves."""
    return os.environ.get(PERSON, "")


#: Of how a workspace is laid out; raised by a change that older workbenches would read wrongly. Those before had no mark.
VERSION = 1

#: What is being made or removed is hidden behind such a name; it stays when the process dies meanwhile.
_UNFINISHED = (".new-*", ".deleted-*")
#: Nothing is made or removed for as long as this, so what is older has no process any more. In seconds.
_ABANDONED_AFTER = 86_400.0


@dataclass(frozen=True)
class Workspace:
    """A workspace folder. ``Workspace.at(path)`` makes the folders that are missing."""

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None = None) -> "Workspace":
        """Open the workspace at ``path`` (the default one where it is None), making its folders where needed and
        removing what a crash or a power cut left half made a day ago or longer.

        Raises:
            WorkbenchError: the folder cannot be made or written to, or belongs to a later version of the workbench.
        """
        workspace = cls(Path(path).expanduser().resolve() if path else default_workspace())
        try:
            for folder in (workspace.sets, workspace.runs, workspace.searches, workspace.endpoints, workspace.cache):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkbenchError(
                f"The workspace folder {workspace.root} cannot be used.",
                f"The system says: {error.strerror or error}.",
                "Choose another folder with --workspace.",
            ) from error
        workspace._check_version()
        workspace._sweep()
        return workspace

    def _check_version(self) -> None:
        """Refuse a workspace that a later workbench has changed; mark one that has no mark yet.

        Raises:
            WorkbenchError: it needs a later workbench.
        """
        file = self.root / "workspace.json"
        version = read_object(file).get("version")
        if isinstance(version, int) and version > VERSION:
            raise WorkbenchError(
                f"The workspace {self.root} belongs to a later version of the workbench.",
                f"Its files are of version {version}; this workbench knows those up to {VERSION}. Nothing was changed.",
                "Update the workbench, or choose another folder with --workspace.",
            )
        if version != VERSION:
            with suppress(OSError):  # it can only be read, or the disk is full: the mark can wait
                write_json(file, {"version": VERSION})

    @property
    def sets(self) -> Path:
        """One folder for each pair set that was brought in."""
        return self.root / "sets"

    @property
    def runs(self) -> Path:
        """One folder for each run."""
        return self.root / "runs"

    @property
    def searches(self) -> Path:
        """One folder for each search; its trials are runs."""
        return self.root / "searches"

    @property
    def endpoints(self) -> Path:
        """One folder for each endpoint on this machine."""
        return self.root / "endpoints"

    @property
    def hosted(self) -> Path:
        """What this machine knows of deployments to SageMaker: for each account and region a folder, in it one for each."""
        return self.root / "endpoints-sagemaker"

    @property
    def cache(self) -> Path:
        """What can be computed again: embeddings and comparisons. Deleting it loses nothing."""
        return self.root / "cache"

    @property
    def house(self) -> Path:
        """The folder that people who share the machine have in common; this workspace's own where nobody shares it."""
        above = self.root.parent.parent
        return above if self.root.parent.name == PEOPLE and (above / HOUSE_MARK).is_file() else self.root

    def neighbours(self) -> list["Workspace"]:
        """The workspaces of all who share the machine, this one among them, by name."""
        if self.house == self.root:
            return [self]
        return [Workspace(folder) for folder in sorted((self.house / PEOPLE).iterdir()) if (folder / "runs").is_dir()]

    @property
    def uploads(self) -> Path:
        """What a browser has sent, for as long as a page uses it."""
        return self.cache / "uploads"

    def unfinished(self) -> list[Path]:
        """What is being made or removed at this moment, or was when a process died."""
        parents = (self.sets, self.runs, self.searches, self.endpoints)
        places = [(parent, name) for parent in parents for name in _UNFINISHED]
        places += [(self.hosted, ".new-*"), (self.hosted, "*/.deleted-*")]
        return [parent / left for parent, name in places for left in glob(name, root_dir=parent)]

    def _sweep(self) -> None:
        for left in self.unfinished():
            try:
                abandoned = time.time() - left.stat().st_mtime > _ABANDONED_AFTER
            except OSError:  # finished or removed in this moment
                continue
            if abandoned:
                shutil.rmtree(left, ignore_errors=True)


#: How a file was: inode, size, times of the change of its content and of the file. Nobody can set the last one back.
Stamp = tuple[int, int, int, int]


def stamp_of(path: str | Path) -> Stamp | None:
    """How a file is, to see whether it changes; None where it is not there."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write ``data`` to ``path`` so that a reader, a crash or a full disk never meets half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Change files of the workspace; what the system says against it is put in words.

    Args:
        what: what was not done, as a sentence: "The set could not be stored."

    Raises:
        WorkbenchError: the disk is full, or can only be read, what is changed is not there any more, or it fails otherwise.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what_to_do = "Make space on the disk and try again."
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            what_to_do = "The workspace can only be read here: allow writing to its folder, or choose another with --workspace."
        elif error.errno == errno.ENOENT:
            what_to_do = "It may have been deleted by another page or program meanwhile: look again at what is there."
        else:
            what_to_do = "Try again; if it happens again, look whether the disk is sound."
        raise WorkbenchError(what, f"The system says: {error.strerror or error}.", what_to_do) from error


@contextmanager
def unless_deleted(folder: Path, gone: WorkbenchError) -> Iterator[None]:
    """Use what is in ``folder``; whatever goes wrong because somebody else has deleted it meanwhile, ``gone`` is raised.

    Raises:
        WorkbenchError: ``gone``.
    """
    try:
        yield
    except Exception as error:  # each library says in its own way that a file has vanished
        if folder.is_dir():
            raise
        raise gone from error


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, atomically."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1))


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``, {} where there is none or it is damaged."""
    value = read_json(path)
    return value if isinstance(value, dict) else {}


def read_json(path: Path) -> Any | None:
    """The JSON value in ``path``, or None where the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def listed(folder: Path) -> list[Path]:
    """What is in ``folder``, in order; nothing where that is not there: not made yet, or somebody removes the workspace."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def files_below(folder: Path, *patterns: str) -> list[Path]:
    """The files below ``folder`` whose names match one of ``patterns`` (all of them without one), in order.

    What somebody else deletes meanwhile is passed over; of ``Path.rglob`` that is an error before Python 3.13.
    """
    found = (Path(where, name) for where, _, names in os.walk(folder) for name in names)
    wanted = (file for file in found if not patterns or any(fnmatchcase(file.name, pattern) for pattern in patterns))
    return sorted(file for file in wanted if file.is_file())
