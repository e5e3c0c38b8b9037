"""A support bundle: one zip with what somebody who helps needs to know, and nothing that is a person's.

Everything in it is let in by name and form: versions, numbers, settings from a fixed list, the doctor's own sentences, where in
the program something happened. Texts, names of files, runs, people and places, addresses and secrets have no way in.
"""

import io
import json
import platform
import re
import time
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from core.doctor.finding import Finding
from core.doctor.installation import installed, required
from core.doctor.workspace import workspaces
from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.recipe import FormField, form_fields
from core.runs.damage import damaged_files
from core.runs.run import Run, all_runs
from core.runs.target import Target
from core.runs.versions import PACKAGES
from core.workspace import write_atomically, writing

#: The newest so many runs of each person, and so much of the log.
MOST_RUNS, MOST_LOG = 200, 5 << 20
_VERSION = re.compile(r"[\w.+!-]{1,40}")
#: A module, a function or a kind of error, as Python names them.
_NAME = re.compile(r"[A-Za-z_<][\w.<>]{0,99}")
_AT = re.compile(r"[\w.-]{1,60}\.py:\d{1,6} [\w<>]{1,80}")
#: One frame of a traceback, and the error at its end, in what a worker printed.
_FRAME = re.compile(r'^  File ".*?([\w.-]{1,60}\.py)", line (\d{1,6}), in ([\w<>]{1,80})$')
_ERROR = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning))\b")
#: What a log's line may hold, and in which form.
_LOG: dict[str, Any] = {
    "time": float | int, "level": re.compile("DEBUG|INFO|WARNING|ERROR|CRITICAL"), "from": _NAME, "error": _NAME,
    "method": re.compile("GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH"), "status": int, "ms": float | int,
    "kind": re.compile(r"[a-z-]{1,20}(\.css)?|gradio_api(/[a-z]{1,12})?"),
}
#: Whose messages are constant sentences of ours; a library may put anything into its own.
_OURS = ("core.", "workbench.")
#: A message that the program logs, in its source.
_LOGGED = re.compile(r'log\.(?:info|warning|error|exception)\(\s*"((?:[^"\\]|\\.)*)"')
#: What of a run's own settings is told, and its verdict without words.
_NUMBERS = ("created", "expected_seconds", "threads")
_ABOUT = """\
A support bundle of the Embedding Workbench, made by "python -m core doctor --bundle".

about.json     versions and the machine
findings.json  what the doctor found, in its own words
runs.json      each run by number, the newest first: its settings, state and verdict's figures
log.jsonl      the structured log, where one was given with --log
workers.json   for runs that failed: where in the program, and with what kind of error

No text of yours is in it, and no name of a file, run, person or place, no address and no secret. Look through it before you
send it: all of it can be read.
"""


def write_bundle(file: Path, findings: Iterable[Finding], root: Path, log: Path | None) -> None:
    """Write the bundle, readable by this user alone.

    Args:
        root: the workspace, or that of several people.
        log: the structured log (``python -m workbench --log FILE``), if there is one.

    Raises:
        WorkbenchError: the log cannot be read or the bundle cannot be written.
    """
    runs = [run for workspace in workspaces(root) if workspace.runs.is_dir() for run in all_runs(workspace)[:MOST_RUNS]]
    workers = [{"run": number, **worker} for number, run in enumerate(runs, 1) if (worker := worker_fault(run.log_tail(60_000)))]
    members = {
        "README.txt": _ABOUT, "about.json": _json(about()), "runs.json": _json([run_facts(run) for run in runs]),
        "findings.json": _json([
            {"area": one.area, "state": one.state, "what": one.what, "why": one.why, "what_to_do": one.what_to_do}
            for one in findings
        ]),
        "workers.json": _json(workers),
    }
    if log is not None:
        members["log.jsonl"] = "".join(json.dumps(line) + "\n" for line in log_lines(_tail(log)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    with writing("The support bundle could not be written."):
        write_atomically(file, packed.getvalue())


def _json(value: Any) -> str:
    return json.dumps(value, indent=1)


def about() -> dict[str, Any]:
    """Versions, and what kind of machine it is; not its name."""
    return {
        "made": round(time.time()), "python": platform.python_version(), "system": platform.system(),
        "release": platform.release(), "processor": platform.machine(),
        "packages": {one.name: {"installed": installed(one.name), "tried": str(one.specifier)} for one in required()},
    }


def run_facts(run: Run) -> dict[str, Any]:
    """A run without its name, its texts and their columns."""
    settings, status, report = run.settings(), run.status(), run.report() or {}
    recipe = settings.get("recipe", {})
    return {
        **{name: settings[name] for name in _NUMBERS if isinstance(settings.get(name), int | float)},
        "state": status.state, "on": run.on, "step": status.step, "steps": status.steps,
        "recipe": {
            **_settings(recipe, form_fields()), "base_model": BASE_MODEL if recipe.get("base_model") == BASE_MODEL else "another",
        },
        "target": _settings(settings.get("target"), form_fields(Target)),
        "versions": {
            name: version for name, version in settings.get("versions", {}).items()
            if name in ("python", *PACKAGES) and _VERSION.fullmatch(version)
        },
        "pairs": settings.get("source", {}).get("rows"),
        "verdict": {name: report[name] for name in ("better", "held_out", "pool") if isinstance(report.get(name), int | None)},
        "damaged": sorted({Path(name).suffix for name in damaged_files(run)}),
    }


def _settings(values: Any, fields: list[FormField]) -> dict[str, Any]:
    """Of declared settings those that are numbers, yes or no, or one of a few words."""
    if not isinstance(values, dict):
        return {}
    kept = {}
    for field in fields:
        value = values.get(field.name)
        if value is None or isinstance(value, bool | int | float) or value in field.choices:
            kept[field.name] = value
        elif isinstance(value, list) and all(isinstance(one, int | float) for one in value):
            kept[field.name] = value
    return kept


def log_lines(text: str) -> Iterator[dict[str, Any]]:
    """The lines of a structured log with what may be in a bundle; what is no such line is left out."""
    for line in text.splitlines():
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(said, dict) or not {"time", "level", "from"} <= said.keys():
            continue
        kept = {name: said[name] for name, form in _LOG.items() if name in said and _fits(said[name], form)}
        if str(said["from"]).startswith(_OURS) and said.get("message") in _own_messages():
            kept["message"] = said["message"]
        if isinstance(said.get("at"), list):
            kept["at"] = [one for one in said["at"] if isinstance(one, str) and _AT.fullmatch(one)]
        yield kept


@cache
def _own_messages() -> frozenset[str]:
    """The messages that the program itself logs, as they stand in its source, before anything is put into them."""
    source = Path(__file__).resolve().parents[2]
    files = (path for room in ("core", "workbench") for path in (source / room).rglob("*.py"))
    return frozenset(message for file in files for message in _LOGGED.findall(file.read_text(encoding="utf-8")))


def _fits(value: Any, form: Any) -> bool:
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return isinstance(value, form) and not isinstance(value, bool)


def worker_fault(log: str) -> dict[str, Any] | None:
    """Where a worker's last traceback was, and the kind of its error, without what it said; None where there is none."""
    lines = log.splitlines()
    begins = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not begins:
        return None
    rest = lines[begins[-1] :]
    frames = [f"{found[1]}:{found[2]} {found[3]}" for line in rest if (found := _FRAME.match(line))]
    errors = [found[1] for line in rest if (found := _ERROR.match(line))]
    return {"error": errors[0] if errors else None, "at": frames[-12:]}


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_LOG))
            return file.read().decode("utf-8", errors="replace")
    except OSError as error:
        raise WorkbenchError(
            "The log cannot be read.", f"{log}: {error.strerror or error}.",
            "Give the file that the workbench was started with: --log FILE",
        ) from error
