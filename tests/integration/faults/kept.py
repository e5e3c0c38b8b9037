"""A workspace with one of every kind of file, made by the workbench itself, and a look at all that it shows of it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from core.cli.runs import row_of
from core.endpoints.folder import EndpointFolder
from core.endpoints.local import LocalHost
from core.errors import WorkbenchError
from core.evaluation.comparison import compare
from core.maps.kept import map_of
from core.models import describe, embed, local_ref, resolve
from core.pairs.store import add_set, list_sets, open_set
from core.process import name_process
from core.rights import read_audit, recorded
from core.runs.create import pairs_of
from core.runs.events import EventWriter
from core.runs.explain import explain_end
from core.runs.folds import folds_of_model, rows_of
from core.runs.local import LocalTrainer
from core.runs.run import Run, all_runs, trained_runs
from core.runs.take_home import zip_model
from core.search.results import results
from core.search.search import all_searches
from core.training.checkpoints import newest
from core.training.work import work
from core.workspace import Workspace, write_json
from tests.tiny import pairs, run_folder


def fill(workspace: Workspace, tiny: Path) -> None:
    """Put two of everything into the workspace."""
    file = workspace.root / "words.csv"
    pairs(30)[["anchor", "positive"]].to_csv(file, index=False)
    for name in ("first.csv", "second.csv"):
        stored = add_set(workspace, file, name)
        stored.exclude([3])
        stored._act("clean", rows=(4,), reason="markup", check="markup")
        stored.used_pairs()
    file.unlink()
    data = pairs(60)
    folds = data.assign(fold=[1 + at % 5 for at in range(60)])
    for number in (1, 2):
        run = run_folder(workspace, tiny, f"folds-{number}", folds, folds[:0], epochs=1, evidence="five folds")
        work(run, EventWriter(run.events_file), None)
        run.log_file.write_text("it went well\n")
        stopped = run_folder(workspace, tiny, f"stopped-{number}", data[:48], data[48:], epochs=3)
        stopped.stop_file.touch()
        work(stopped, EventWriter(stopped.events_file), None)
        job = run_folder(workspace, tiny, f"away-{number}", data[:48], data[48:])
        write_json(job.job_file, {
            "name": f"job-{number}", "attempt": 1, "folder": "s3://bucket/x/", "profile": None, "region": "eu-west-1",
            "role": "r", "bucket": "bucket", "instance_type": "ml.m5.xlarge", "instance_count": 1, "spot": False,
            "keep_warm_seconds": 0, "phase": "over", "status": "Failed",
            "last_word": {"t": 1.0, "kind": "failed", "what": "It failed."},
        })
        search = workspace.searches / f"words-search-{number}"
        search.mkdir()
        write_json(search / "search.json", {
            "id": search.name, "created": 1.0, "on": "here", "source": {}, "goal": "order", "planned": {},
            "trials": [{"run": run.id, "changes": {"epochs": 1}}, {"run": stopped.id, "changes": {"epochs": 3}},
                       {"run": "gone-1", "changes": {"epochs": 2}}],
        })
        write_json(search / "deleted.json", {"gone-1": {"number": 3, "run": "gone-1", "changes": {}, "state": "deleted"}})
        model = local_ref(run.id, run.model)
        endpoint = EndpointFolder(workspace.endpoints / f"served-{number}")
        endpoint.begin(model, time.time() + 9e4)
        endpoint.serving.mkdir()
        for name, value in (
            (endpoint.launched_file, {"asked": 1.0, **name_process(os.getpid())}),
            (endpoint.address_file, {"port": 1, **name_process(os.getpid())}),
            (endpoint.calls_file, {str(int(time.time() // 60)): 3}),
            (endpoint.outcome_file, {"state": "Ready", "why": ""}),
        ):
            write_json(name, value)
        endpoint.log_file.write_text("it serves\n")
        rows = rows_of(stopped)
        base = local_ref("tiny", tiny)
        comparison = compare(base, local_ref(stopped.id, stopped.model), rows[1], rows[1], workspace)
        map_of(base, model, comparison.pool.corpus, comparison.pool.digest(), workspace)
    with recorded(workspace, "delete", "a-run", costs=False):
        pass


def said(do: Callable[[], Any]) -> str:
    """What comes of it, or the words of why not. Anything but words is a fault, and goes on."""
    try:
        return str(do())
    except WorkbenchError as error:
        return f"! {error}"


class Looker:
    """Looks at a workspace as the page, the command line and a download do.

    Args:
        page: the app's page over the workspace.
        folder: where downloads go.
    """

    def __init__(self, workspace: Workspace, page: gr.Blocks, folder: Path):
        self._workspace, self._folder = workspace, folder
        self._handlers = {
            f"{block.fn.__module__.rsplit('.')[-1]}.{block.name}": block.fn for block in page.fns.values() if block.fn
        }

    def answer(self, handler: str, *arguments: Any) -> Any:
        """What a handler of the page, such as "train.poll", gives."""
        return self._handlers[handler](*arguments)

    def lists(self) -> dict[str, str]:
        """Each thing as the lists of the page have it."""
        workspace, host = self._workspace, LocalHost(self._workspace)
        trainer = LocalTrainer(workspace)
        found = {stored.id: stored.name for stored in list_sets(workspace)}
        found |= {run.id: str(row_of(run)) for run in all_runs(workspace)}
        found |= {search.id: str((results(search), search.most(), search.working())) for search in all_searches(workspace)}
        found |= {one.name: str(one) for one in host.list()}
        found |= {"audit": str(len(read_audit(workspace))), "at work": str((trainer.queue(), trainer.at_work()))}
        found["models"] = str([run.id for run in trained_runs(workspace)])
        list(in_words for in_words in (self._handlers["train.poll"]("", "none", [], [], True),))
        return found

    def closely(self, name: str, thorough: bool = False) -> list[str]:
        """One thing, opened, taken along, and gone on with.

        Args:
            thorough: also its model is loaded and asked.
        """
        workspace, handlers, folder = self._workspace, self._handlers, self._folder
        if (workspace.sets / name).exists():
            return [
                said(lambda: open_set(workspace, name).used_pairs().frame.to_csv()),
                said(lambda: open_set(workspace, name).reasons),
                said(lambda: handlers["pairs.table"](name, "", "", 0).values()),
                said(lambda: handlers["pairs.file_facts"](name).values()),
                said(lambda: handlers["pairs.opened"](name).values()),
                said(lambda: handlers["pairs.fast_findings"](name, "").values()),
                said(lambda: open_set(workspace, name).export(folder / "set.csv", everything=True)),
            ]
        if (workspace.searches / name).exists():
            return [said(lambda: handlers["train.poll"]("", name, [], [], True).values())]
        if (workspace.endpoints / name).exists():
            host = LocalHost(workspace)
            return [
                said(lambda: [one for one in host.list() if one.name == name]), said(lambda: host.token(name)),
                said(lambda: host.log_tail(name)), said(lambda: host.embed(name, ["a text"])),
            ]
        run = Run(workspace.runs / name)
        seen = [
            said(lambda: row_of(run)), said(lambda: handlers["train.poll"]("", name, ["folds-2"], [], True).values()),
            said(lambda: explain_end(run)), said(lambda: [len(rows) for rows in rows_of(run)]),
            said(lambda: len(pairs_of(run, {})[0])),
        ]
        if thorough:
            seen += [
                said(lambda: zip_model(run, folder).name),
                said(lambda: embed(resolve(name, workspace), ["apple bread"], workspace).round(4).tolist()),
                said(lambda: describe(resolve(name, workspace))),
                said(lambda: (found := folds_of_model(resolve(name, workspace))) and found.vectors.round(3).sum()),
                said(lambda: newest(run.checkpoints) and newest(run.checkpoints).step),
            ]
        return seen
