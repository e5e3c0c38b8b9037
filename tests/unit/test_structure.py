"""The house rules that a reader cannot see in one file: who imports whom, and what is not imported at start-up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: A room may import the rooms named after it (and itself).
ALLOWED = {
    "errors": set(),
    "workspace": {"errors"},
    "shapes": {"errors", "workspace"},
    "process": set(),
    "libraries": set(),
    "rights": {"errors", "workspace"},
    "lock": {"errors", "workspace"},
    "ports": set(),
    "unpack": {"errors"},
    "aws": {"errors", "workspace"},
    "recipe": {"errors"},
    "forward": set(),
    "models": {"errors", "workspace", "libraries", "forward"},
    "pairs": {"errors", "workspace", "shapes", "rights", "models"},
    "charts": set(),
    "maps": {"errors", "workspace", "models"},
    "evaluation": {"errors", "workspace", "shapes", "models", "pairs"},
    "runs": {
        "errors", "workspace", "shapes", "rights", "process", "lock", "unpack", "recipe", "models", "pairs", "evaluation", "plan",
        "aws",
    },
    "plan": {"errors", "workspace", "recipe", "models", "pairs", "evaluation", "runs"},
    "training": {
        "errors", "workspace", "shapes", "process", "libraries", "recipe", "forward", "models", "pairs", "evaluation", "runs",
    },
    "search": {"errors", "workspace", "shapes", "rights", "process", "recipe", "pairs", "evaluation", "runs", "plan", "aws"},
    "playground": {"errors", "workspace", "models", "pairs", "evaluation"},
    "report": {"errors", "charts", "models", "pairs", "evaluation", "maps", "runs"},
    "blending": {"errors", "workspace", "models", "evaluation", "runs", "training"},
    "endpoints": {"errors", "workspace", "shapes", "rights", "process", "lock", "unpack", "models", "aws"},
    "doctor": {
        "errors", "workspace", "shapes", "ports", "recipe", "models", "pairs", "runs", "search", "endpoints", "aws",
    },
    "cli": {
        "errors", "workspace", "recipe", "models", "pairs", "evaluation", "maps", "report", "runs", "plan", "search",
        "blending", "endpoints", "aws", "doctor",
    },
    "__main__": {"errors", "cli"},
}


def imports_of(path: Path) -> set[str]:
    """The dotted names of all modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


CORE = sorted((ROOT / "core").rglob("*.py"))


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    room = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    for name in imports_of(path):
        parts = name.split(".")
        assert parts[0] not in ("gradio", "workbench", "tests", "benchmarks"), f"{path} imports {name}"
        if parts[0] == "core" and len(parts) > 1 and room != "__init__":
            assert parts[1] == room or parts[1] in ALLOWED[room], f"core.{room} imports {name}"


def test_only_one_room_knows_aws():
    outside = [path for folder in ("core", "workbench") for path in (ROOT / folder).rglob("*.py")]
    knowing = {
        str(path.relative_to(ROOT)) for path in outside
        if {name.split(".")[0] for name in imports_of(path)} & {"boto3", "botocore", "sagemaker"}
    }
    assert knowing and all(path.startswith("core/aws/") for path in knowing), sorted(knowing)


@pytest.mark.parametrize("module", [
    "workbench.app", "workbench.__main__", "core.__main__", "core.runs.local",
    "core.endpoints.server", "core.aws.account",
])
def test_heavy_libraries_are_not_imported_at_start_up(module):
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'sklearn', 'scipy', 'datasets', 'sagemaker', 'boto3'}"
    code = f"import sys, importlib; importlib.import_module({module!r}); print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_no_module_is_longer_than_400_lines():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("core", "workbench")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_the_linter_has_nothing_to_say():
    answer = subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", "."], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
