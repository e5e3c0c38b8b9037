"""A full disk, a disk that cannot be written, a workspace that is copied elsewhere, and what a deletion leaves."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.endpoints.archive import pack
from core.endpoints.host import DeploySpec
from core.endpoints.local import LocalHost
from core.errors import WorkbenchError
from core.evaluation.seen import rows_seen
from core.models import local_ref
from core.pairs.store import add_set, delete_set, list_sets, open_set
from core.recipe import Recipe
from core.runs.create import create_run
from core.runs.events import EventWriter
from core.runs.explain import explain_end
from core.runs.local import LocalTrainer
from core.runs.run import Run, all_runs
from core.runs.take_home import zip_model
from core.training.checkpoints import newest
from core.training.failures import explain
from core.training.work import work
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder

PLANTED = "quetzal-7f3a-unheard-of"


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"A disk of its own can be mounted by root alone: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Filled:
    """A disk that has room for ``left`` bytes more, meanwhile."""

    def __init__(self, disk: Path, left: int):
        self._file, self._left = disk / "filler", left

    def __enter__(self):
        free = shutil.disk_usage(self._file.parent).free
        with self._file.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free - self._left))

    def __exit__(self, *_):
        self._file.unlink()


def train(run: Run) -> None:
    """What the worker does, its last word included."""
    events = EventWriter(run.events_file)
    try:
        work(run, events, newest(run.checkpoints))
    except Exception as error:
        events.write("failed", **explain(error, run))


def test_a_full_disk_is_said_and_takes_nothing_away(small_disk, tmp_path, tiny):
    workspace = Workspace.at(small_disk / "workspace")
    file, data = tmp_path / "words.csv", pairs(60)
    data[["anchor", "positive"]].to_csv(file, index=False)
    earlier = run_folder(workspace, tiny, "earlier", data[:48], data[48:], epochs=1)
    train(earlier)
    digest = local_ref("earlier", earlier.model).digest
    run = run_folder(workspace, tiny, "next", data[:48], data[48:], epochs=1)

    with Filled(small_disk, 4096):
        with pytest.raises(WorkbenchError) as refused:  # uploading
            add_set(workspace, file)
        assert "space" in str(refused.value) and list_sets(workspace) == []
        with pytest.raises(WorkbenchError) as refused:  # packaging
            pack(local_ref("earlier", earlier.model), workspace.root / "model.tar.gz")
        assert "room" in refused.value.what_to_do
        with pytest.raises(WorkbenchError) as refused:
            zip_model(earlier, workspace.root)
        assert "room" in refused.value.what_to_do
    with Filled(small_disk, 1_000_000):  # saving: there is room to say so, and none for a model
        train(run)
        assert run.status().state == "failed" and "disk is full" in explain_end(run)["what"]
        assert not run.model.exists() and not list(run.folder.glob("model.*"))
    run.stop_file.touch()
    with Filled(small_disk, 1_000_000):  # checkpointing, which a stop asks for
        train(run)
        assert run.status().state == "failed" and "disk is full" in explain_end(run)["what"]
    run.stop_file.unlink()
    assert local_ref("earlier", earlier.model).digest == digest and earlier.report()
    left = sorted(path.name for path in workspace.root.rglob("*") if path.name.startswith((".", "tmp")))
    assert not [name for name in left if "lock" not in name], "nothing half-written is left"

    assert add_set(workspace, file).used_pairs().frame.shape[0] == 60
    train(run)
    assert run.status().state == "done" and local_ref("next", run.model)


def test_a_workspace_opens_where_it_was_copied_to(tmp_path, tiny):
    workspace = Workspace.at(tmp_path / "here")
    file, data = tmp_path / "words.csv", pairs(60)
    data[["anchor", "positive"]].to_csv(file, index=False)
    stored = add_set(workspace, file)
    stored.exclude([3])
    first = run_folder(workspace, tiny, "first", data[:48], data[48:], epochs=1)
    train(first)
    # started from a run of this workspace, and stopped: what goes on has to find the model it started from
    second = run_folder(workspace, first.model, "second", data[:48], data[48:], epochs=2)
    settings = second.settings()
    write_json(second.recipe_file, {**settings, "base": {**settings["base"], "name": "first"}})
    learned = rows_seen(second.model, data)
    second.stop_file.touch()
    train(second)
    shutil.copytree(workspace.root, tmp_path / "backup")
    shutil.rmtree(workspace.root)

    copy = Workspace.at(tmp_path / "backup")
    assert open_set(copy, stored.id).use.sum() == 59 and open_set(copy, stored.id).source_file.exists()
    there = {run.id: run for run in all_runs(copy)}
    assert there["first"].status().state == "done" and local_ref("first", there["first"].model)
    assert zip_model(there["first"], tmp_path).exists()
    assert learned.any() and (rows_seen(there["second"].model, data) == learned).all(), "what its base has learned is known"
    there["second"].stop_file.unlink()
    train(there["second"])
    assert there["second"].status().state == "done", there["second"].events()[0][-1]


def holding(folder: Path, text: str) -> list[str]:
    """The files below ``folder`` in whose bytes ``text`` stands, as it is, in UTF-16, or packed."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and any(form in file.read_bytes() for form in (text.encode(), text.encode("utf-16-le"))):
            found.append(str(file))
    return found


def test_deleting_a_set_and_its_runs_leaves_no_text_of_them_on_the_disk(tmp_path, tiny, monkeypatch):
    import pandas as pd

    from core.evaluation.comparison import compare
    from core.maps.kept import map_of

    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    workspace = Workspace.at(tmp_path / "workspace")
    data = pairs(60)
    data["positive"] = data["positive"] + f" {PLANTED}"
    file = workspace.uploads / "words.csv"
    file.parent.mkdir(parents=True)
    data[["anchor", "positive"]].to_csv(file, index=False)
    stored = add_set(workspace, file)
    file.unlink()  # what the page does with an upload once it is read
    stored.exclude([3])
    stored._act("clean", rows=(4,), reason="markup", check="markup")
    stored.used_pairs()
    run = run_folder(workspace, tiny, "words-1", data[:48], data[48:], epochs=1)
    train(run)
    rows = pd.read_parquet(run.heldout_file)
    comparison = compare(local_ref("tiny", tiny), local_ref(run.id, run.model), rows, rows, workspace)
    map_of(local_ref("tiny", tiny), local_ref(run.id, run.model), comparison.pool.corpus, comparison.pool.digest(), workspace)
    assert holding(tmp_path, PLANTED), "it was there"

    delete_set(workspace, stored.id)
    assert all("/runs/" in one for one in holding(tmp_path, PLANTED)), "a run keeps what it needs"
    run.delete()
    assert holding(tmp_path, PLANTED) == []
    assert [path for path in workspace.runs.iterdir() if "lock" not in path.name] == []


def test_a_workspace_that_cannot_be_written_is_read_and_says_so(small_disk, tmp_path, tiny):
    workspace = Workspace.at(small_disk / "workspace")
    data, file = pairs(60), tmp_path / "words.csv"
    data[["anchor", "positive"]].to_csv(file, index=False)
    add_set(workspace, file)
    run = run_folder(workspace, tiny, "first", data[:48], data[48:])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    workspace = Workspace.at(workspace.root)
    [stored], trainer = list_sets(workspace), LocalTrainer(workspace)
    assert len(stored.used_pairs()) == 60 and [one.status().state for one in all_runs(workspace)] == ["stopped"]
    assert trainer.queue() == [] and trainer.at_work() is None and LocalHost(workspace).list() == []
    for write in (
        lambda: add_set(workspace, file), lambda: stored.exclude([1]), lambda: trainer.submit(run), run.delete,
        lambda: delete_set(workspace, stored.id), lambda: stored.set_columns(stored.columns),
        lambda: LocalHost(workspace).deploy(local_ref("tiny", tiny), DeploySpec("here", 1.0), print),
        lambda: create_run(workspace, stored.used_pairs(), Recipe(), source={"name": "words.csv"}, plan=_plan(stored, tiny)),
    ):
        with pytest.raises(WorkbenchError) as refused:
            write()
        assert "ead-only" in str(refused.value)
    assert len(open_set(workspace, stored.id).used_pairs()) == 60


def _plan(stored, tiny: Path) -> SimpleNamespace:
    """What a run is made of."""
    frame = stored.used_pairs().frame.assign(component=0)
    split = SimpleNamespace(train=frame, held_out=frame[:5])
    return SimpleNamespace(
        split=split, recipe=Recipe(), reasons={}, base=local_ref("tiny", tiny), seen=False, seconds=1.0
    )
