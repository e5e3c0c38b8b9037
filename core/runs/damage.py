"""Which files of a run cannot be read: cut off, written half, or changed by something else."""

from pathlib import Path
from typing import Any

from core.runs.events import parse_events
from core.runs.job import read_record
from core.runs.run import Run
from core.workspace import files_below, read_json

#: The first event stands at the beginning of the file; a first line is hardly longer than this.
_FIRST_BYTES = 65_536


def damaged_files(run: Run) -> list[str]:
    """The names of the run's damaged files, as they stand below its folder. Weights are looked at by their header and size,
    tables by their ends: nothing large is read."""
    found = [run.recipe_file] if not run.settings() else []
    found += [file for file in (run.train_file, run.heldout_file) if not _is_table(file)]
    if run.report_file.exists() and run.report() is None:
        found.append(run.report_file)
    if run.job_file.exists() and read_record(run) is None:
        found.append(run.job_file)
    if not _tells_something(run.events_file):
        found.append(run.events_file)
    if run.model.is_dir():
        found += [run.model / name for name in ("modules.json", "tokenizer.json") if not files_below(run.model, name)]
        found += [file for file in files_below(run.model, "*.json") if read_json(file) is None]
        found += [file for file in files_below(run.model, "*.safetensors") if not _is_whole(file)]
    if not run.folder.exists():
        return []  # another page has deleted the run meanwhile, which is no damage
    return [file.relative_to(run.folder).as_posix() for file in found]


def explain_damage(run: Run) -> dict[str, Any] | None:
    """``what``, ``why`` and ``what_to_do`` about the run's damaged files; None where all can be read."""
    files = damaged_files(run)
    if not files:
        return None
    return {
        "what": f"Files of {run.id} cannot be read: {', '.join(files)}.",
        "why": "They are missing, were cut off by a full disk or a copy that broke off, or were changed by something else.",
        "what_to_do": f"Bring them back from a backup of {run.folder}, or train again from the pairs. Nothing else is touched.",
    }


def _is_table(file: Path) -> bool:
    import pyarrow.parquet

    try:
        pyarrow.parquet.read_metadata(file)
    except (OSError, ValueError):  # pyarrow's own errors are these
        return False
    return True


def _is_whole(file: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            return True
    except (OSError, SafetensorError):
        return False


def _tells_something(file: Path) -> bool:
    """Whether it holds an event; also where it is not there, or has not a whole line yet."""
    try:
        with file.open("rb") as events:
            lines = events.read(_FIRST_BYTES).decode("utf-8", errors="replace").split("\n")
    except OSError:
        return True
    return len(lines) < 2 or next(parse_events(lines), None) is not None
