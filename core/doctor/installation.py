"""The program's parts: Python, the packages in the ranges that were tried, whether they load, and the built-in model."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from core.doctor.finding import Finding
from core.errors import WorkbenchError
from core.models import BASE_MODEL, describe, resolve
from core.workspace import Workspace

AREA = "Installation"
REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
#: The oldest Python that the program runs on.
PYTHON = (3, 11)
_INSTALL = "In the folder of the workbench: pip install -r requirements.txt"

#: The libraries that most often are there and cannot be loaded: they bring compiled parts.
_COMPILED = ("numpy", "pandas", "pyarrow", "sklearn", "torch", "tokenizers", "transformers", "sentence_transformers", "gradio")
#: Loads them in a process of its own, as one that is broken may end it, and tells what torch computes on.
_PROBE = """
import importlib, json, sys
broken, gpu = {}, None
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        broken[name] = f"{type(error).__name__}: {error}"
    print(json.dumps({"tried": name}), flush=True)
try:
    import torch
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
except BaseException:
    pass
print(json.dumps({"broken": broken, "gpu": gpu}), flush=True)
"""
_PROBE_SECONDS = 180


def required(file: Path = REQUIREMENTS) -> list[Requirement]:
    """The packages that the workbench needs, with the range of versions that was tried.

    Raises:
        WorkbenchError: the list is not there.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise WorkbenchError(
            "The list of the packages that the workbench needs is missing.", "requirements.txt cannot be read.",
            "Bring the workbench's folder back as it was released.",
        ) from error
    return [Requirement(wanted) for line in lines if (wanted := line.partition("#")[0].strip())]


def installed(name: str) -> str | None:
    """The version of a package that is installed, None where it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def look_at_packages(wanted: list[Requirement]) -> list[Finding]:
    """Python and each package against the ranges that were tried."""
    found = []
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        found.append(Finding(
            AREA, "bad", f"Python {python} is too old.", f"The workbench needs {PYTHON[0]}.{PYTHON[1]} or newer.",
            "Make the virtual environment with a newer Python.",
        ))
    for one in wanted:
        there = installed(one.name)
        if there is None:
            found.append(Finding(AREA, "bad", f"The package {one.name} is missing.", "", _INSTALL))
        elif not one.specifier.contains(there, prereleases=True):
            found.append(Finding(
                AREA, "bad", f"{one.name} {there} was not tried with the workbench.",
                f"It was tried with {one.name}{one.specifier}.", _INSTALL,
            ))
    if found:
        return found
    return [Finding(AREA, "good", f"Python {python} and all {len(wanted)} packages are of versions that were tried.")]


def look_at_libraries(libraries: tuple[str, ...] = _COMPILED) -> tuple[list[Finding], str | None]:
    """Load what has compiled parts, in a process of its own; also gives the name of the GPU that torch sees, if any."""
    command = [sys.executable, "-c", _PROBE, *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, cwd=REQUIREMENTS.parent)
        said = [_read(line) for line in done.stdout.splitlines()]
    except subprocess.TimeoutExpired:
        return [Finding(
            AREA, "bad", f"The libraries were not loaded within {_PROBE_SECONDS} seconds.",
            "The disk or the machine is very slow.", "Try again when the machine has less to do.",
        )], None
    last = said[-1] if said else {}
    if "broken" not in last:  # the process has ended while it loaded the one after those that it named
        tried = [one["tried"] for one in said if "tried" in one]
        name = next((name for name in libraries if name not in tried), "torch")
        return [Finding(
            AREA, "bad", f"Loading {name} ends the program (status {done.returncode}).",
            "Its compiled part does not fit this machine or its other libraries.", f"pip install --force-reinstall {name}",
        )], None
    broken: dict[str, str] = last["broken"]
    found = [
        Finding(AREA, "bad", f"{name} is installed and cannot be loaded.", "", f"Install it again. {_INSTALL}", (why,))
        for name, why in broken.items()
    ]
    return found or [Finding(AREA, "good", "The libraries can be loaded.")], last["gpu"]


def _read(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:  # a library's own chatter
        return {}
    return value if isinstance(value, dict) else {}


def look_at_base_model(workspace: Workspace) -> Finding:
    """Whether the built-in model's weights are there, are the published ones, and have a header that can be read."""
    try:
        facts = describe(resolve(BASE_MODEL, workspace))
    except WorkbenchError as error:
        return Finding(AREA, "bad", "The built-in model cannot be used.", "", _INSTALL, (str(error),))
    return Finding(AREA, "good", f"The built-in model {BASE_MODEL} is whole: {facts.parameters:,} weights.")
