"""Every file of a workspace emptied, cut off, or filled with something else: that thing says so, and the others work."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.endpoints.hosts import Hosts
from core.models import BASE_MODEL, resolve
from core.pairs.store import damaged_sets, open_set
from core.runs.damage import damaged_files
from core.runs.run import Run
from core.runs.trainers import Trainers
from core.workspace import Workspace
from tests.integration.faults.kept import Looker, fill, said
from workbench.app import build_page
from workbench.aws import AwsRoom
from workbench.deployments import Deployments

HUGE = b"1" + b"0" * 400
#: What may become of a file, by name; of those that hold JSON also each value.
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"", "cut off": lambda content: content[: len(content) // 2],
    "garbage": lambda _: bytes(range(256)) * 2, "a list": lambda _: b"[1, 2]", "a huge number": lambda _: HUGE,
}
VALUES = {"null": b"null", "a list": b"[1]", "an object": b'{"a": 1}', "a huge number": b"1e999"}
#: Files that are not looked at closely: nobody reads them, or they are the libraries' own.
UNREAD = (".lock", "-wal", "-shm")
#: The files without which a run is not what it was.
ESSENTIAL = ("recipe.json", "train.parquet", "heldout.parquet", "report.json", "model/model.safetensors", "model/modules.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory, tiny) -> tuple[Workspace, Looker]:
    folder = tmp_path_factory.mktemp("kept")
    workspace = Workspace.at(folder / "workspace")
    fill(workspace, tiny)
    page = build_page(
        workspace, Trainers(workspace, lambda: None), Deployments(workspace, Hosts(workspace, lambda: None)), AwsRoom(workspace)
    )
    return workspace, Looker(workspace, page, folder)


class Damaged:
    """A file that holds something else meanwhile. Its time of change stays, as the order of lists goes by it."""

    def __init__(self, file: Path, content: bytes):
        self._file, self._content = file, content

    def __enter__(self):
        self._before, facts = self._file.read_bytes(), self._file.stat()
        self._times = facts.st_atime_ns, facts.st_mtime_ns
        self._put(self._content, 1)

    def __exit__(self, *_):
        self._put(self._before, 0)

    def _put(self, content: bytes, later: int):
        self._file.write_bytes(content)
        os.utime(self._file, ns=(self._times[0], self._times[1] + later))


def files_of(root: Path, twin: str) -> list[Path]:
    """Every file of a thing and of what is nobody's; its twin is left whole, to be compared."""
    return [
        file for file in sorted(root.rglob("*"))
        if file.is_file() and not file.name.endswith(UNREAD) and twin not in file.relative_to(root).as_posix()
    ]


def with_values(content: bytes, value: bytes) -> bytes | None:
    """A JSON object, or a line of JSON objects, with every value replaced; None for anything else."""
    lines = []
    for line in content.split(b"\n") if content.startswith(b'{"') and content.count(b"\n{") else [content]:
        try:
            known = json.loads(line or b"{}")
        except ValueError:
            return None
        if not isinstance(known, dict):
            return None
        lines.append(b"{" + b", ".join(
            json.dumps(key).encode() + b": " + (json.dumps(of).encode() if key == "kind" else value) for key, of in known.items()
        ) + b"}")
    return b"\n".join(lines) + b"\n"


def look(kept: tuple[Workspace, Looker], file: Path, whole: dict[str, str]) -> list[str]:
    """What is shown while ``file`` is damaged: no fault, and everything else as it was. Returns how its owner looks."""
    workspace, looker = kept
    parts = file.relative_to(workspace.root).parts
    owner = parts[1] if parts[0] in ("sets", "runs", "searches", "endpoints") else ""
    now = looker.lists()
    for name, words in whole.items():
        if name not in (owner, "words-search-1", "models", "audit"):
            assert now.get(name) == words, f"{file} changed {name}"
    return looker.closely(owner, thorough="model" in parts or parts[-1] in ESSENTIAL) if owner else looker.closely("folds-1")


def test_whatever_a_file_holds_only_its_own_thing_is_touched(kept):
    workspace, looker = kept
    whole, seen, caches = looker.lists(), 0, set()
    for file in files_of(workspace.root, "-2"):
        if "cache" in file.parts:
            if file.parent in caches:  # one of each kind
                continue
            caches.add(file.parent)
        in_model = "model" in file.parts
        if "second" in file.parts or (in_model and "stopped-1" in file.parts):  # like another that is looked at
            continue
        content = file.read_bytes()
        kinds = {name: damage(content) for name, damage in DAMAGE.items() if not in_model or name in ("cut off", "a list")}
        if not in_model:  # else the libraries' own settings
            kinds |= {f"values: {name}": new for name, value in VALUES.items() if (new := with_values(content, value))}
        for kind, new in kinds.items():
            with Damaged(file, new):
                try:
                    look(kept, file, whole)
                except Exception as error:
                    raise AssertionError(f"{file.relative_to(workspace.root)}, {kind}: {error!r}") from error
            seen += 1
    assert seen > 100
    assert looker.lists() == whole, "what is whole again is shown as before"


@pytest.mark.parametrize("name", ESSENTIAL)
@pytest.mark.parametrize("damage", ["empty", "cut off", "garbage"])
def test_a_run_names_its_damaged_file_and_the_card_shows_it(kept, name, damage):
    workspace, looker = kept
    run = Run(workspace.runs / "folds-1")
    file = run.folder / name
    assert damaged_files(run) == []
    with Damaged(file, DAMAGE[damage](file.read_bytes())):
        assert damaged_files(run) == [name]
        assert name in looker.closely("folds-1")[1]


@pytest.mark.parametrize("name", ["model/tokenizer.json", "model/modules.json"])
def test_a_run_names_a_file_that_its_model_lacks(kept, name):
    workspace, looker = kept
    run = Run(workspace.runs / "folds-1")
    file = run.folder / name
    file.rename(run.folder / "elsewhere")
    try:
        assert damaged_files(run) == [name]
        assert name in looker.closely("folds-1")[1] and "is missing" in said(lambda: resolve("folds-1", workspace))
    finally:
        (run.folder / "elsewhere").rename(file)


def test_under_an_error_nothing_is_said_of_everyday_questions(kept, monkeypatch):
    workspace, looker = kept
    monkeypatch.setattr("workbench.tabs.compare.general_of", lambda *_: pytest.fail("asked"))
    with Damaged(workspace.runs / "stopped-1" / "train.parquet", b"PAR1 and no more"):
        assert looker.answer("compare.draw", BASE_MODEL, "stopped-1", "", "", "", "", "")
        assert looker.answer("compare.everyday", BASE_MODEL, "stopped-1", "") == ""


def test_a_sets_rows_are_made_again_of_its_uploaded_file(kept):
    workspace, _ = kept
    rows = open_set(workspace, "first").pairs().frame
    table = workspace.sets / "first" / "table.parquet"
    with Damaged(table, b"PAR1 and no more"):
        assert open_set(workspace, "first").pairs().frame.equals(rows)
        assert table.read_bytes() != b"PAR1 and no more", "the next time it need not be made again"


def test_a_set_that_cannot_be_opened_says_where_its_file_is(kept):
    workspace, _ = kept
    with Damaged(workspace.sets / "first" / "set.json", b"{"):
        [words] = damaged_sets(workspace)
        assert "first" in words.what and str(workspace.sets / "first" / "source" / "first.csv") in words.what_to_do
    assert damaged_sets(workspace) == []
