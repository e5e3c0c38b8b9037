"""The Dockerfile names what is there, and what it pins is what was tried. ``python -m tests.docker`` builds and starts it."""

import ast
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.ports import DEFAULT_PORT
from tests.pinned import PINNED, closure, requirements

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_what_it_copies_is_there_and_reaches_the_builder():
    copied = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {"core", "workbench", "data", "requirements.txt", "requirements-pinned.txt"} == set(copied)
    assert "*" in ignored and all((ROOT / name).exists() and f"!{name}" in ignored for name in copied)


def test_it_starts_the_app_on_the_port_that_it_checks_and_names_as_another_user_than_root():
    [check, start] = [ast.literal_eval(found) for found in re.findall(r"^ *CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert start[:3] == ["python", "-m", "workbench"] and start[start.index("--port") + 1] == str(DEFAULT_PORT)
    assert f"http://127.0.0.1:{DEFAULT_PORT}/healthz" in check[2] and f"EXPOSE {DEFAULT_PORT}" in DOCKERFILE
    assert "VOLUME " + start[start.index("--workspace") + 1] in DOCKERFILE
    assert "--host" not in start and "0.0.0.0" not in re.sub("^#.*$", "", DOCKERFILE, flags=re.MULTILINE)
    assert DOCKERFILE.index("\nUSER workbench") < DOCKERFILE.index("\nCMD ")


def test_every_package_is_pinned_within_the_range_that_was_tried():
    pinned = {canonicalize_name(one.name): one for one in requirements(PINNED)}
    for wanted in requirements(ROOT / "requirements.txt"):
        [version] = pinned[canonicalize_name(wanted.name)].specifier
        assert version.operator == "==" and wanted.specifier.contains(version.version), wanted
    assert all(len(one.specifier) == 1 and not one.url for one in pinned.values())
    assert len(re.findall(r"^torch==[0-9.]+$", PINNED.read_text(), re.MULTILINE)) == 1  # the Dockerfile adds which build
    needed = closure([Requirement("gradio")])
    assert set(needed) <= set(pinned) and {"fastapi", "pydantic-core"} <= set(needed)  # what they need is pinned as well
