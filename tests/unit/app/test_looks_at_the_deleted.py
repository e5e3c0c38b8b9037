"""A page's handlers while another page deletes what they look at: an answer of before or of after, or words, never an error."""

import shutil
import threading
from types import SimpleNamespace

import pytest

from core.endpoints.hosts import Hosts
from core.errors import WorkbenchError
from core.pairs.snapshot import Snapshot, no_set
from core.pairs.store import add_set
from core.playground.documents import Document, keep
from core.runs.run import Run, no_run
from core.runs.trainers import Trainers
from core.workspace import Workspace
from tests.deleting import at_each_moment
from tests.tiny import moved_run
from workbench.app import build_page
from workbench.aws import AwsRoom
from workbench.deployments import Deployments
from workbench.mixing import Mixing

ROWS = "question,answer\n" + "".join(f"what is {number},it is {number * number}\n" for number in range(8))


@pytest.fixture(scope="module")
def page(tmp_path_factory, tiny):
    """The handlers of a page by tab and name, over a workspace with a set, a run and a document."""
    workspace = Workspace.at(tmp_path_factory.mktemp("page") / "workspace")
    file = workspace.root / "words.csv"
    file.write_text(ROWS)
    add_set(workspace, file)
    moved_run(workspace, tiny, 0.2)
    keep(workspace, [Document("a page", "some words")])
    built = build_page(
        workspace, Trainers(workspace, lambda: None), Deployments(workspace, Hosts(workspace, lambda: None)), AwsRoom(workspace)
    )
    handlers = {f"{one.fn.__module__.rsplit('.')[-1]}.{one.fn.__name__}": one for one in built.fns.values() if one.fn}
    for kind in ("sets", "runs", "documents"):
        shutil.copytree(workspace.root / kind, workspace.root / "kept" / kind)
    return workspace, handlers


def ask(page, handler, *values):
    return page[1][handler].fn(*values)


def looks(page, kind, name, handler, *values):
    thing = page[0].root / kind / name
    kept = page[0].root / "kept" / kind / name

    def make() -> None:
        if not thing.exists():
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, thing)

    answers = list(at_each_moment(thing, make, lambda: ask(page, handler, *values)))
    assert len(answers) > 1 and not [one for one in answers if isinstance(one, WorkbenchError)]
    return answers


@pytest.mark.parametrize("handler, values", [
    ("pairs.opened", ()), ("pairs.file_facts", ()), ("pairs.fast_findings", ("",)), ("pairs.table", ("", "", 0)),
    ("pairs.held_back", (0.2,)), ("near.show", (0, 0)), ("train.losses_for", ()),
])
def test_the_pairs_tab(page, handler, values):
    looks(page, "sets", "words", handler, "words", *values)


@pytest.mark.parametrize("handler, values", [
    ("pairs.file_facts", ()), ("pairs.fast_findings", ("",)), ("pairs.table", ("", "", 0)), ("pairs.held_back", (0.2,)),
    ("near.show", (0, 0)),
])
def test_rows_that_cannot_be_read_are_told_on_the_pairs_tab(page, monkeypatch, handler, values):
    """As of a set that is deleted right after it was opened."""
    thing = page[0].root / "sets" / "words"
    if not thing.exists():
        shutil.copytree(page[0].root / "kept" / "sets" / "words", thing)

    def gone(_) -> None:
        raise no_set("words")

    for part in ("pairs", "history"):
        monkeypatch.setattr(Snapshot, part, property(gone))
    [said] = ask(page, handler, "words", *values).values()
    assert "no set called" in said


@pytest.mark.parametrize("handler, more", [
    ("compare.draw", ("Change in rank", "PCA", "", "")), ("compare.rows", ("", 0, 0, "")), ("compare.start", ("{tiny} {tiny}",)),
])
def test_the_compare_tab_and_a_set(page, tiny, handler, more):
    more = [one.format(tiny=tiny) if isinstance(one, str) else one for one in more]
    looks(page, "sets", "words", handler, str(tiny), str(tiny), "words", *more)


def test_what_is_clicked_on_the_compare_tab(page, tiny):
    models = str(tiny), str(tiny), "words"
    for answers in (
        looks(page, "sets", "words", "compare.look_at_point", SimpleNamespace(index=[0]), *models),
        looks(page, "sets", "words", "compare.fill", SimpleNamespace(at=0), *models),
    ):
        assert all(answers)
    [left] = ask(page, "compare.fill", SimpleNamespace(at=99), *models).values()
    assert left == {"__type__": "update"}, "rows were left out meanwhile: there are fewer examples than the page shows"


@pytest.mark.parametrize("handler, more", [
    ("compare.start", ("{tiny} moved",)), ("compare.choose", ("", "")),
])
def test_the_compare_tab_and_a_run(page, tiny, handler, more):
    models = ("moved",) if handler == "compare.choose" else (str(tiny), "moved", "")
    looks(page, "runs", "moved", handler, *models, *(one.format(tiny=tiny) for one in more))


def test_the_train_tab(page):
    looks(page, "runs", "moved", "train.poll", "", "moved", [], [], True)


def test_the_list_of_documents(page):
    [document] = (page[0].root / "documents").iterdir()
    looks(page, "documents", document.name, "playground.forget_chosen", "")


def test_mixes_of_a_run_that_is_deleted_are_no_longer_being_asked(page, monkeypatch):
    workspace, mixing = page[0], Mixing(page[0])
    run, kept = Run(workspace.runs / "moved"), workspace.root / "kept" / "runs" / "moved"
    shutil.copytree(kept, run.folder, dirs_exist_ok=True)

    def deleted(*_) -> None:
        shutil.rmtree(run.folder)
        raise no_run(run)

    monkeypatch.setattr("workbench.mixing.trade_off", deleted)
    mixing.begin(run)
    for thread in [one for one in threading.enumerate() if one.name == "mixes of moved"]:
        thread.join(30)
    shutil.copytree(kept, run.folder)  # brought back from a backup
    assert not mixing.look(run).at_work


def test_what_is_announced_is_drawn_even_if_it_was_drawn_while_that_was_said(page, tiny):
    models, how = (str(tiny), str(tiny), "words"), ("Change in rank", "PCA", "")
    *_, under_way = ask(page, "compare.start", *models, "").values()
    drawn = ask(page, "compare.draw", *models, *how, under_way)
    [shown] = [value for value in drawn.values() if isinstance(value, str) and value.startswith(f"{tiny} {tiny} words ")]
    for handler, more in (("compare.start", ()), ("compare.draw", how)):
        assert list(ask(page, handler, *models, *more, shown).values()) == [{"__type__": "update"}], "it is on the page"


def test_that_other_models_are_read_is_said_before_one_is_looked_for(page, tiny, monkeypatch):
    """One of the Hub is fetched then, which takes its time."""
    monkeypatch.setattr("workbench.tabs.compare.resolve", lambda *_: pytest.fail("looked for"))
    [words, *_] = ask(page, "compare.start", str(tiny), "an-organisation/a-model", "words", f"{tiny} moved").values()
    assert "Reading the texts with both models" in words
