"""The files behind the Pairs tab: an upload is not kept twice, and a deleted set leaves nothing of its texts."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from core.endpoints.hosts import Hosts
from core.pairs.store import list_sets
from core.rights import read_audit
from core.runs.trainers import Trainers
from core.workspace import Workspace
from workbench.app import build_page
from workbench.aws import AwsRoom
from workbench.deployments import Deployments

PLANTED = "quetzal-5d1c-unheard-of"


class Tab:
    """The handlers of the Pairs tab, over a workspace of its own."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        page = build_page(
            workspace, Trainers(workspace, lambda: None), Deployments(workspace, Hosts(workspace, lambda: None)),
            AwsRoom(workspace),
        )
        self._handlers = {one.fn.__name__: one.fn for one in page.fns.values() if one.fn and "tabs.pairs" in one.fn.__module__}

    def bring(self, path: Path, **values: Any) -> list[Any]:
        return list(self._handlers["bring"](str(path), **values).values())

    def click(self, set_id: str, **data: str) -> list[Any]:
        return list(self._handlers["file_clicked"](gr.EventData(None, data), set_id, 0).values())


@pytest.fixture
def tab(tmp_path, monkeypatch):
    workspace = Workspace.at(tmp_path / "workspace")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(workspace.uploads))
    return Tab(workspace)


def uploaded(tab: Tab, text: str) -> Path:
    file = tab.workspace.uploads / "abc" / "words.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


ROWS = "question,answer\n" + "".join(f"what is {n} {PLANTED},it is {n * n}\n" for n in range(8))


def holding(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and PLANTED.encode() in file.read_bytes()]


def test_a_deleted_set_leaves_nothing_of_its_texts_not_even_the_upload(tab):
    assert tab.bring(uploaded(tab, ROWS))[0] == "words"
    assert {file.relative_to(tab.workspace.root).parts[0] for file in holding(tab.workspace.root)} == {"sets"}
    [question] = tab.click("words", do="delete-set")
    assert "delete-set-now" in question and len(list_sets(tab.workspace)) == 1
    assert tab.click("words", do="keep-set") == [""] and len(list_sets(tab.workspace)) == 1
    assert tab.click("words", do="delete-set-now") == ["", ""]
    assert holding(tab.workspace.root) == []
    assert [(one["action"], one["subject"]) for one in read_audit(tab.workspace)][-1] == ("delete", "words")
    assert "no set called" in tab.click("words", do="delete-set-now")[0], "another page has deleted it"


def test_an_upload_is_kept_only_for_as_long_as_somebody_may_go_on_with_it(tab):
    broken = uploaded(tab, ROWS + "one,too,many\n")
    assert "line 10" in tab.bring(broken)[0] and broken.exists()
    assert tab.bring(broken, skip_broken=True)[0] == "words" and not broken.exists()
    nonsense = uploaded(tab, "\0" * 50 + PLANTED)
    tab.bring(nonsense)
    assert not nonsense.exists()


def test_a_file_that_was_not_uploaded_stays(tab, tmp_path):
    own = tmp_path / "mine.csv"
    own.write_text(ROWS)
    assert tab.bring(own)[0] == "mine" and own.exists()
