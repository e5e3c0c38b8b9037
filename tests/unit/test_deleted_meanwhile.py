"""What is deleted while somebody looks at it, works on it or deletes it too: the answer is one from before or from after, in
words, and what is gone stays gone."""

import json
import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest

from core.blending import keep_blend
from core.doctor.workspace import look_at_workspace
from core.endpoints.archive import pack
from core.endpoints.folder import EndpointFolder, name_for
from core.endpoints.local import LocalHost
from core.errors import WorkbenchError
from core.models import describe, embed, load_cached, local_ref, resolve, token_lengths
from core.pairs.checks import run_checks
from core.pairs.context import Context
from core.pairs.store import add_set, damaged_sets, delete_set, list_sets, open_set
from core.playground.documents import Document, all_kept, keep, read_document
from core.runs.base import find_base
from core.runs.damage import damaged_files
from core.runs.explain import explain_end
from core.runs.folds import rows_of
from core.runs.line import whole_line
from core.runs.run import Run, all_runs, find_run
from core.runs.take_home import zip_model
from core.runs.trainers import Trainers
from core.search.results import delete_losers
from core.search.search import all_searches, find_search
from core.workspace import HOUSE_MARK, PEOPLE, Workspace, unless_deleted, write_json
from tests.deleting import at_each_moment
from tests.tiny import moved_run
from tests.unit.search.worker import figures
from workbench.background import sweep_uploads
from workbench.metrics import Metrics
from workbench.team.apps import _something_goes_on
from workbench.trial import fetch_vectors, vectors_file

GONE = "There is no"


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


def kept_copy(thing, tmp_path):
    """Has ``thing`` there anew, each time it is called."""
    kept = tmp_path / "kept" / thing.name
    shutil.copytree(thing, kept)

    def make() -> None:
        shutil.rmtree(thing, ignore_errors=True)
        shutil.copytree(kept, thing)

    return make


def words(found) -> list[str]:
    return [str(one) for one in found if isinstance(one, WorkbenchError)]


# ---- pair sets -------------------------------------------------------------------------------------------------------


@pytest.fixture
def words_set(workspace, tmp_path):
    """A set with texts that are cleaned and rows that are left out, and what has it there anew."""
    file = tmp_path / "words.csv"
    rows = [("<b>what</b> is it", "a thing &amp; more"), *((f"what is {n}", f"it is {n * n}") for n in range(6)), ("", "x")]
    pd.DataFrame(rows, columns=["question", "answer"]).to_csv(file, index=False)
    stored = add_set(workspace, file)
    for issue in run_checks(stored.pairs(), Context()):
        if issue.fix and issue.fix.clean:
            stored.apply(issue)
    stored.exclude([3], "by you")
    make = kept_copy(stored.folder, tmp_path)

    def anew() -> None:  # its cleaned texts have to be made, too
        make()
        shutil.rmtree(stored.folder / "pairs", ignore_errors=True)

    return stored.folder, anew


@pytest.mark.parametrize("look", [
    lambda one: len(one.used_pairs()), lambda one: one.exclude([2]).id, lambda one: one.undo(1).id, lambda one: one.accept_loss(),
    lambda one: one.set_columns({"anchor": "answer", "positive": "question"}).id, lambda one: one.read_again(delimiter=",").id,
    lambda one: one.loss, lambda one: one.export(one.folder.parents[1] / "out.csv", everything=True),
])
def test_a_set(workspace, words_set, look):
    folder, make = words_set
    *found, whole = at_each_moment(folder, make, lambda: look(open_set(workspace, "words")))
    assert not isinstance(whole, WorkbenchError) and len(found) > 3
    assert all(str(one).startswith(GONE) for one in found if one != whole), "no word of damage, and no other rows in use"
    assert any(words(found))


def test_the_lists_of_sets(workspace, words_set):
    folder, make = words_set
    for found in at_each_moment(folder, make, lambda: [len(list_sets(workspace)), damaged_sets(workspace)]):
        assert found in ([1, []], [0, []])


def test_a_damaged_set(workspace, words_set):
    folder, make = words_set

    def damaged() -> None:
        make()
        (folder / "set.json").unlink()

    for found in at_each_moment(folder, damaged, lambda: open_set(workspace, "words")):
        assert str(found).startswith(GONE) or "is still there" in str(found)


def test_a_set_that_is_deleted_after_it_was_opened(workspace, words_set):
    folder, _ = words_set
    assert len(open_set(workspace, "words").used_pairs()) == 7  # its rows are remembered, so nothing has to be read for them
    [stored], opened = list_sets(workspace), open_set(workspace, "words")
    shutil.rmtree(folder)
    with pytest.raises(WorkbenchError, match=GONE):
        stored.used_pairs()  # without the list of what was left out, these would be all rows
    with pytest.raises(WorkbenchError, match=GONE):
        opened.exclude([2])
    assert not folder.exists(), "the lock has not made it again"


def test_a_set_that_two_delete_leaves_nothing(workspace, words_set):
    folder, make = words_set
    for found in at_each_moment(folder, make, lambda: delete_set(workspace, "words")):
        assert found is None or "deleted" in str(found)
        assert list(workspace.sets.iterdir()) == []


# ---- runs and their models -------------------------------------------------------------------------------------------


@pytest.fixture
def run(workspace, tiny, tmp_path):
    """A run with a model, and what has it there anew, with its weights as a link."""
    run = moved_run(workspace, tiny, 0.2)
    report = {"base": figures(0.7), "tuned": figures(0.8), "change": {"ndcg@10": 0.1}, "verdict": "Fine.", "held_out": 12}
    write_json(run.report_file, report)
    (run.checkpoints / "checkpoint-1").mkdir(parents=True)
    write_json(run.checkpoints / "checkpoint-1" / "progress.json", {})
    write_json(run.launched_file, {"pid": 2**22 + 1, "created": 1.0, "asked": 1.0, "starts": 0})
    shutil.copytree(run.folder, tmp_path / "kept")

    def make() -> None:
        shutil.rmtree(run.folder, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", run.folder, copy_function=os.link)

    return run, make


@pytest.mark.parametrize("look", [
    lambda run: resolve(run.id, run.workspace).digest, lambda run: find_base(run).digest,
    lambda run: [len(one) for one in rows_of(run)], lambda run: describe(local_ref(run.id, run.model)),
    lambda run: token_lengths(local_ref(run.id, run.model), ["a text"]).tolist(),
    lambda run: pack(local_ref(run.id, run.model), run.workspace.root / "model.tar.gz"),
    lambda run: zip_model(find_run(run.workspace, run.id), run.workspace.root).name,
    lambda run: Trainers(run.workspace, lambda: None).restart_with(find_run(run.workspace, run.id), {"batch_size": 4}) and None,
])
def test_a_run(run, look):
    run, make = run
    *found, whole = at_each_moment(run.folder, make, lambda: look(run))
    assert not isinstance(whole, WorkbenchError) and found
    assert all("There is no " in str(one) or " not there any more" in str(one) for one in found if one != whole)


def test_the_lists_of_runs(run):
    run, make = run
    workspace = run.workspace
    for found in at_each_moment(run.folder, make, lambda: [len(all_runs(workspace)), bool(explain_end(run)), damaged_files(run)]):
        assert found[0] in (0, 1) and found[2] == []


def test_a_model_that_is_loaded_and_a_blend_that_is_made_of_it(run, monkeypatch):
    run, make = run
    make()
    ref = local_ref(run.id, run.model)
    shutil.rmtree(run.folder)
    with pytest.raises(WorkbenchError, match="not there any more"):
        load_cached(ref)
    with pytest.raises(WorkbenchError, match="not there any more"):
        embed(ref, ["a text"], run.workspace)
    with pytest.raises(WorkbenchError, match="no run called"):
        keep_blend(run, 0.5, run.workspace)


# ---- searches --------------------------------------------------------------------------------------------------------


@pytest.fixture
def search(workspace):
    """Two trials that have ended, without their models."""
    trials = [{"run": f"trial-{number}", "changes": {"epochs": number}} for number in (1, 2)]
    folder = workspace.searches / "a-search"

    def make() -> None:
        folder.mkdir(exist_ok=True)
        write_json(folder / "search.json", {"id": "a-search", "created": 1.0, "on": "here", "goal": "order", "trials": trials})
        for number, one in enumerate(trials):
            run = Run(workspace.runs / one["run"])
            run.folder.mkdir(exist_ok=True)
            write_json(run.recipe_file, {"id": run.id})
            run.events_file.write_text(json.dumps({"t": 1.0, "kind": "done"}) + "\n")
            report = {"base": figures(0.5), "tuned": figures(0.6 + number / 10), "change": {"ndcg@10": 0.1}, "verdict": "Fine."}
            write_json(run.report_file, report)

    return folder, make


def test_a_search_that_two_forget_or_tidy(workspace, search):
    folder, make = search
    for found in at_each_moment(folder, make, lambda: find_search(workspace, "a-search").forget()):
        assert found is None or str(found).startswith(GONE)
        assert all_searches(workspace) == []
    *found, whole = at_each_moment(folder, make, lambda: delete_losers(find_search(workspace, "a-search")))
    assert whole == ["trial-1"] and all(one == whole or str(one).startswith(GONE) for one in found)


def test_a_trial_that_another_page_deletes_while_they_are_tidied(workspace, search):
    folder, make = search
    loser = workspace.runs / "trial-1"
    for found in at_each_moment(loser, make, lambda: delete_losers(find_search(workspace, "a-search"))):
        assert found == ["trial-1"] or "nothing to delete" in str(found)
        assert not loser.exists() and (workspace.runs / "trial-2").exists()


# ---- endpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("do", [
    lambda host, name: [one.name for one in host.list()], lambda host, name: host.sweep(),
    lambda host, name: host.delete(name).left, lambda host, name: host.extend(name, 1).name,
    lambda host, name: host.embed(name, ["a"]), lambda host, name: host.token(name) and "", lambda host, name: host.log_tail(name),
])
def test_an_endpoint(workspace, tiny, tmp_path, do):
    model, host = local_ref("tiny", tiny), LocalHost(workspace)
    endpoint = EndpointFolder(workspace.endpoints / name_for(model))
    endpoint.begin(model, time.time() - 1)
    (endpoint.serving / "1_Pooling").mkdir(parents=True)
    (endpoint.serving / "1_Pooling" / "config.json").write_text("{}")
    make = kept_copy(endpoint.folder, tmp_path)
    *found, whole = at_each_moment(endpoint.folder, make, lambda: do(host, endpoint.name))
    assert found
    for one in found:
        assert str(one) == str(whole) or one in ([], "") or str(one).startswith(GONE) or "cannot be read" in str(one)


# ---- documents, and the whole workspace ------------------------------------------------------------------------------


def test_documents(workspace):
    kept = keep(workspace, [Document("one", "some words")])
    file = workspace.root / "documents" / f"{kept.id}.json"
    content = file.read_text()
    keep(workspace, [Document("two", "other words")])
    for found in at_each_moment(file, lambda: file.write_text(content), lambda: sorted(one.name for one in all_kept(workspace))):
        assert found in (["one", "two"], ["two"])


def test_uploads_and_files_of_vectors(workspace, tmp_path):
    upload, vectors = workspace.uploads / "abc" / "one.txt", workspace.cache / "vectors" / f"{'a' * 32}.csv"

    def make() -> None:
        for file in (upload, vectors):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("some words")
            os.utime(file, (1, 1))

    assert not any(at_each_moment(upload.parent, make, lambda: sweep_uploads(workspace.uploads)))
    for found in at_each_moment(upload, make, lambda: read_document(upload, "one.txt")[0].text):
        assert found == "some words" or "not here any more" in str(found)
    tickets = at_each_moment(vectors, make, lambda: vectors_file(lambda texts: np.ones((len(texts), 2)), ["a"], workspace))
    assert {len(one) for one in tickets} == {32}
    for found in at_each_moment(vectors, make, lambda: fetch_vectors("a" * 32, workspace, tmp_path).name):
        assert found == "vectors.csv" or "no longer here" in str(found)


def test_the_doctor_finds_no_damage_in_what_is_being_deleted(workspace, words_set, search):
    (workspace.sets / "words" / "actions.lock").touch()
    for folder, make in (words_set, search):
        for found in at_each_moment(folder, make, lambda: look_at_workspace(workspace)):
            assert not [one.what for one in found if "set" in one.what or "search" in one.what]
        make()


def test_a_person_whose_folder_is_removed_or_being_made_holds_up_nobody(tmp_path):
    write_json(tmp_path / HOUSE_MARK, {})
    ada, eve = (Workspace.at(tmp_path / PEOPLE / name) for name in ("ada", "eve"))
    waits = Run(eve.runs / "eves-1")

    def make() -> None:
        Workspace.at(eve.root)
        waits.folder.mkdir(exist_ok=True)
        write_json(waits.recipe_file, {"id": waits.id})
        waits.enqueue()

    metrics = Metrics(lambda: [Workspace(one) for one in sorted((tmp_path / PEOPLE).iterdir())], tmp_path)
    for look, there in (
        (lambda: len(whole_line(ada)), 1), (lambda: b'{state="queued"} 1.0' in metrics.answer().body, True),
        (lambda: _something_goes_on(eve), True), (lambda: len(look_at_workspace(eve)), 1),
    ):
        *found, whole = at_each_moment(eve.root, make, look)
        assert found and whole == there and set(found) <= {there, 0, 1}
    shutil.rmtree(eve.root)
    eve.root.mkdir()  # what its app makes first
    assert metrics.answer().body and not whole_line(ada) and not _something_goes_on(eve)


def test_only_what_goes_wrong_in_a_folder_that_is_gone_is_said_to_be_gone(tmp_path):
    gone = WorkbenchError("It is gone.", "", "Choose another.")
    with pytest.raises(KeyError), unless_deleted(tmp_path, gone):
        raise KeyError
    with pytest.raises(WorkbenchError, match="It is gone"), unless_deleted(tmp_path / "nowhere", gone):
        raise KeyError
    with unless_deleted(tmp_path / "nowhere", gone):
        pass
