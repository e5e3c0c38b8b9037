"""What is in a workspace: its version, damaged files, what a crash has left, and what waits for somebody."""

import time
from collections.abc import Sequence
from pathlib import Path

from core.doctor.finding import Finding
from core.doctor.locks import look_at_locks
from core.endpoints.folder import all_endpoints
from core.pairs.store import damaged_sets
from core.runs.damage import damaged_files
from core.runs.run import ACTIVE, all_runs
from core.search.search import all_searches
from core.workspace import HOUSE_MARK, PEOPLE, VERSION, Workspace, read_object

AREA = "Workspace"


def workspaces(root: Path) -> list[Workspace]:
    """The workspace at ``root``, or of a shared one those of all its people."""
    if not (root / HOUSE_MARK).is_file():
        return [Workspace(root)] if root.is_dir() else []
    return [Workspace(folder) for folder in sorted((root / PEOPLE).glob("*")) if (folder / "runs").is_dir()]


def look_at_workspace(workspace: Workspace) -> list[Finding]:
    """All of one workspace. Nothing is changed."""
    version = read_object(workspace.root / "workspace.json").get("version")
    if isinstance(version, int) and version > VERSION:
        return [Finding(
            AREA, "bad", "The workspace belongs to a later version of the workbench.",
            f"Its files are of version {version}; this workbench knows those up to {VERSION}.",
            "Update the workbench, or choose another folder with --workspace.", (str(workspace.root),),
        )]
    parts = (workspace.sets, workspace.runs, workspace.searches, workspace.endpoints)
    if missing := [folder for folder in parts if not folder.is_dir()]:
        return [Finding(
            AREA, "note", "The folder is no workspace yet, or parts of it were removed.", "",
            "They are made at the next start.", tuple(map(str, missing)),
        )]
    found = [*_damaged(workspace), *_waiting(workspace), *_left(workspace), *look_at_locks(workspace)]
    if any(one.state == "bad" for one in found):
        return found
    return [Finding(AREA, "good", f"{_count(all_runs(workspace), 'run', 'runs')}; no file of the workspace is damaged."), *found]


def _damaged(workspace: Workspace) -> list[Finding]:
    files = [
        f"{run.id}/{name}" for run in all_runs(workspace) if run.status().state not in ACTIVE for name in damaged_files(run)
    ]
    sets = [str(one) for one in damaged_sets(workspace)]
    searches = [search.id for search in all_searches(workspace) if not search.facts() and search.folder.is_dir()]
    from_backup = "Bring them back from a backup of the workspace, or delete what they belong to. Nothing else is touched."
    return [
        Finding(
            AREA, "bad", f"{_count(names, one, many)} damaged.",
            "They are missing, were cut off by a full disk or a copy that broke off, or were changed by something else.",
            from_backup, tuple(names),
        )
        for one, many, names in (
            ("file of a run is", "files of runs are", files), ("pair set is", "pair sets are", sets),
            ("search is", "searches are", searches),
        ) if names
    ]


def _waiting(workspace: Workspace) -> list[Finding]:
    """What has ended without anybody's wish."""
    interrupted = [run.id for run in all_runs(workspace) if run.status().state == "interrupted"]
    looked = [(folder, folder.look()) for folder in all_endpoints(workspace)]
    there = [one for folder, one in looked if folder.folder.is_dir()]  # not deleted in this moment
    ended = [f"{one.name}: {one.state}. {one.why}" for one in there if one.state in ("Failed", "Wrong")]
    found = []
    if interrupted:
        found.append(Finding(
            AREA, "note", f"{_count(interrupted, 'run was', 'runs were')} interrupted: the process of its training has ended.",
            "The machine was restarted, or something ended it.", "Go on from the last checkpoint: python -m core resume RUN",
            tuple(interrupted),
        ))
    if ended:
        found.append(Finding(
            AREA, "bad", f"{_count(ended, 'endpoint of this machine does', 'endpoints of this machine do')} not serve.", "",
            "Deploy it again, or delete it: python -m core delete NAME", tuple(ended),
        ))
    return found


def _left(workspace: Workspace) -> list[Finding]:
    """What was half made or half removed when a process died; for some time somebody may still be at it."""
    hour_ago = time.time() - 3600
    left = [path for path in workspace.unfinished() if _changed(path) < hour_ago]
    if not left:
        return []
    return [Finding(
        AREA, "note", f"{_count(left, 'folder was', 'folders were')} left half made or half deleted by a crash.", "",
        "They are removed at a start of the workbench, a day after.", tuple(str(path) for path in left),
    )]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone in this moment
        return time.time()


def _count(things: Sequence[object], one: str, many: str) -> str:
    return f"{len(things):,} {one if len(things) == 1 else many}"
