"""The Dockerfile names what is there: no builder runs here to find out."""

import ast
import re
from pathlib import Path

from workbench.__main__ import DEFAULT_PORT

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_what_it_copies_is_there_and_reaches_the_builder():
    copied = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {"core", "workbench", "data", "requirements.txt"} == set(copied)
    assert "*" in ignored and all((ROOT / name).exists() and f"!{name}" in ignored for name in copied)


def test_it_starts_the_app_on_the_port_that_it_checks_and_names_as_another_user_than_root():
    [check, start] = [ast.literal_eval(found) for found in re.findall(r"^ *CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert start[:3] == ["python", "-m", "workbench"] and start[start.index("--port") + 1] == str(DEFAULT_PORT)
    assert f"http://127.0.0.1:{DEFAULT_PORT}/healthz" in check[2] and f"EXPOSE {DEFAULT_PORT}" in DOCKERFILE
    assert "VOLUME " + start[start.index("--workspace") + 1] in DOCKERFILE
    assert "--host" not in start and "0.0.0.0" not in DOCKERFILE
    assert DOCKERFILE.index("\nUSER workbench") < DOCKERFILE.index("\nCMD ")


def test_torch_can_be_chosen_by_its_line_in_the_requirements():
    assert len(re.findall(r"^torch==\S+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)) == 1
