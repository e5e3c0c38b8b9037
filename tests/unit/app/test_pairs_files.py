"""The files behind the Pairs tab: an upload is not kept twice, and a deleted set leaves nothing of its texts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from core.endpoints.hosts import Hosts
from core.pairs.store import StoredSet, add_set, damaged_sets, list_sets
from core.rights import read_audit
from core.runs.trainers import Trainers
from core.workspace import Workspace
from workbench.app import build_page
from workbench.aws import AwsRoom
from workbench.deployments import Deployments
from workbench.page import reading_upload

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
        return self.ask("file_clicked", gr.EventData(None, data), set_id, 0)

    def ask(self, handler: str, *values: Any) -> list[Any]:
        return list(self._handlers[handler](*values).values())


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
    [question] = tab.click("words", do="delete-set", set="words")
    assert "delete-set-now" in question and len(list_sets(tab.workspace)) == 1
    assert tab.click("words", do="keep-set") == [""] and len(list_sets(tab.workspace)) == 1
    assert tab.click("words", do="delete-set-now", set="words") == ["", "", ""]
    assert holding(tab.workspace.root) == []
    assert [(one["action"], one["subject"]) for one in read_audit(tab.workspace)][-1] == ("delete", "words")
    assert "no set called" in tab.click("words", do="delete-set-now", set="words")[0], "another page has deleted it"


def test_a_set_that_cannot_be_opened_is_deleted_and_the_open_one_stays(tab):
    for _ in range(2):
        tab.bring(uploaded(tab, ROWS))
    (tab.workspace.sets / "words-2" / "set.json").write_text("{")
    [question] = tab.click("words", do="delete-set", set="words-2")
    assert "delete-set-now" in question and holding(tab.workspace.root / "sets" / "words-2")
    assert tab.click("words", do="delete-set-now", set="words-2") == ["words", "", ""]
    assert [one.id for one in list_sets(tab.workspace)] == ["words"] and damaged_sets(tab.workspace) == []


@pytest.mark.parametrize("handler, asked", [
    ("act", ({"do": "fix", "check": "empty-text"}, "words", "", 0)), ("use_row", ({"row": 1, "checked": False}, "words", 0)),
    ("read_differently", ("words", 0, ";", True)), ("map_columns", ("words", 0, "question")),
    ("file_clicked", ({"do": "accept-loss"}, "words", 0)),
])
def test_what_is_asked_of_a_set_that_another_page_deleted_is_answered_in_words(tab, handler, asked):
    first, *rest = asked
    answer = tab.ask(handler, gr.EventData(None, first) if isinstance(first, dict) else first, *rest)
    assert len(answer) == 1 and "no set called" in answer[0]


def test_an_upload_is_kept_only_for_as_long_as_somebody_may_go_on_with_it(tab):
    broken = uploaded(tab, ROWS + "one,too,many\n")
    assert "line 10" in tab.bring(broken)[0] and broken.exists()
    assert tab.bring(broken, skip_broken=True)[0] == "words" and not broken.exists()
    assert "That file is not here any more" in tab.bring("", skip_broken=True)[0], "the page was forgotten meanwhile"
    nonsense = uploaded(tab, "\0" * 50 + PLANTED)
    tab.bring(nonsense)
    assert not nonsense.exists()


def test_a_file_that_was_not_uploaded_stays(tab, tmp_path):
    own = tmp_path / "mine.csv"
    own.write_text(ROWS)
    assert tab.bring(own)[0] == "mine" and own.exists()


def test_two_pages_that_upload_the_same_file_at_once_have_a_set_each(tab, monkeypatch):
    """The second page is about to read when the first has read all and is done with the upload."""
    upload, begun, done = uploaded(tab, ROWS), threading.Event(), threading.Event()

    def add(*args: Any, **values: Any) -> StoredSet:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            assert done.wait(30)
        return add_set(*args, **values)

    monkeypatch.setattr("workbench.tabs.pairs.add_set", add)
    with ThreadPoolExecutor(1) as other:
        second = other.submit(tab.bring, upload)
        assert begun.wait(30)
        first = tab.bring(upload)
        kept = upload.exists()
        done.set()
        assert (first[:2], second.result()[:2], kept) == (["words", ""], ["words-2", ""], True)
    assert not upload.exists() and {one.facts["rows"] for one in list_sets(tab.workspace)} == {8}


def test_what_was_uploaded_anew_while_it_was_read_stays_for_the_page_that_will_read_it(tab):
    upload = uploaded(tab, ROWS)
    with reading_upload(str(upload)) as forget:
        upload.rename(upload.with_name("old"))
        uploaded(tab, ROWS)
        forget()
    assert upload.exists() and tab.bring(upload)[0] == "words" and not upload.exists()


def test_a_page_that_waited_with_an_upload_is_told_that_it_is_gone(tab):
    broken = uploaded(tab, ROWS + "one,too,many\n")
    for _ in ("one page", "another"):
        assert "line 10" in tab.bring(broken)[0]
    assert tab.bring(broken, skip_broken=True)[0] == "words"
    said = tab.bring(broken, skip_broken=True)[0]
    assert "words.csv is not here any more" in said and "Drop the file here again" in said
    assert str(tab.workspace.root) not in said and len(list_sets(tab.workspace)) == 1
