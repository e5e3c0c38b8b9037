"""SECURITY.md names tests that are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_is_there():
    named, file = [], ""
    for path, name in re.findall(r"`((?:\w+/)*\w+\.py)?::(\w+)`", (ROOT / "SECURITY.md").read_text()):
        file = path or file
        named.append((file, name))
    assert len(named) > 30
    for path, name in named:
        tree = ast.parse((ROOT / "tests" / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
