"""What the command line accepts, how it helps, and what it loads for that."""

import json
import subprocess
import sys

import pytest

from core.cli.arguments import parser, settings_help
from core.pairs.dataset import ROLES
from core.recipe import form_fields
from core.runs.local import REPOSITORY

COMMANDS = ("inspect", "train", "compare", "blend", "runs", "resume", "stop")


def core(*arguments: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments], cwd=REPOSITORY, capture_output=True, text=True, **more
    )


def test_every_command_and_option_is_explained():
    top = core("--help")
    assert top.returncode == 0 and all(f"    {command}" in top.stdout for command in COMMANDS)
    for command in COMMANDS:
        shown = core(command, "--help").stdout
        assert "--json" in shown and "--workspace DIR" in shown
        if "FILE" in shown:
            assert "--column ROLE=NAME" in shown and all(role in shown for role in ROLES)


@pytest.mark.parametrize("field", form_fields(), ids=lambda field: field.name)
def test_every_setting_is_explained_with_its_bounds(field):
    shown = " ".join(settings_help().split())
    assert f" {field.name} {field.label}" in shown and " ".join(field.help.split()) in shown
    for bound in (field.low, field.high):
        assert bound is None or str(bound) in shown
    assert all(choice in shown for choice in field.choices)


def test_help_loads_nothing_heavy():
    program = (
        "import sys, json\n"
        "from core.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    loaded = set(json.loads(done.stderr))
    assert not loaded & {"torch", "pandas", "numpy", "pydantic", "sentence_transformers", "gradio", "psutil"}


def test_listing_runs_loads_nothing_heavy(tmp_path):
    program = (
        "import sys, json\nfrom core.__main__ import main\n"
        f"main(['runs', '--json', '--workspace', {str(tmp_path)!r}])\n"
        "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert json.loads(done.stdout) == []
    # pydantic may be: a tenth of a second, for which a damaged file is told from a whole one
    assert not set(json.loads(done.stderr)) & {"torch", "pandas", "sentence_transformers", "transformers"}


@pytest.mark.parametrize("arguments, workspace", [
    (["--workspace", "w", "runs"], "w"), (["runs", "--workspace", "w"], "w"), (["runs"], None),
    (["--workspace", "v", "runs", "--workspace", "w"], "w"),
])
def test_the_workspace_is_named_before_or_after_the_command(arguments, workspace):
    assert parser().parse_args(arguments).workspace == workspace


def test_settings_are_collected_in_order():
    options = parser().parse_args(["train", "f.csv", "--set", "epochs=1", "--set", "seed=2", "--name", "n"])
    assert options.set == ["epochs=1", "seed=2"] and options.name == "n" and not options.json


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["train"], ["train", "a", "b"], ["compare", "a", "b"], ["runs", "--nonsense"], ["stop"],
    ["inspect", "--json"],
])
def test_a_wrong_command_line_exits_with_2_and_says_so_on_standard_error(arguments):
    done = core(*arguments)
    assert done.returncode == 2 and done.stdout == "" and "usage" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["inspect", "no such file.csv"], "no such file.csv"),
    (["train", "no such file.csv"], "no such file.csv"),
    (["train", "x.csv", "--set", "epochs=0"], "from 1 to 1000"),
    (["train", "x.csv", "--set", "epochs"], "name=value"),
    (["train", "x.csv", "--set", "speed=3"], "no setting called"),
    (["compare", "no-such-model", "all-MiniLM-L6-v2", "x.csv"], "no-such-model"),
    (["resume", "../../etc"], "There is no run"),
    (["stop", "a-run-1"], "There is no run"),
])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_bad_input_exits_with_2_and_leaves_standard_output_empty(tmp_path, arguments, words, as_json):
    done = core(*arguments, *as_json, "--workspace", str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert done.stdout == "" and words in done.stderr and "Traceback" not in done.stderr


def test_a_workspace_that_cannot_be_made_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    done = core("runs", "--workspace", str(tmp_path / "file" / "below"))
    assert done.returncode == 2 and "--workspace" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    command = f"{sys.executable} -m core runs --workspace {tmp_path} | true"
    done = subprocess.run(["sh", "-c", command], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stderr == ""
