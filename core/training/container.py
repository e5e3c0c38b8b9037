"""The worker inside a training container: ``python -m core.training.container``.

The container finds the run's files and the base model as channels below /opt/ml/input/data, and what an earlier attempt
has left in /opt/ml/checkpoints. This program lays a run folder out of them, has ``core.training`` train it (through
torchrun where several GPUs or instances share the work), and leaves model, report and events in /opt/ml/model.

It trains in a process of its own: SageMaker's order to stop (SIGTERM, and 120 seconds) reaches this one alone, which turns
it into the file that the worker looks for after each step; and when the system kills the worker, this one can say so.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.recipe import Recipe, make_recipe
from core.runs.events import Event, EventWriter, read_events
from core.runs.run import Run
from core.runs.versions import versions
from core.workspace import read_object, write_json

ROOT = Path("/opt/ml")
#: The ports on which the processes of several instances find each other begin here. Which one follows from the job's name,
#: so that two jobs can be on one machine, as they are where SageMaker is imitated.
_FIRST_PORT, _PORTS = 20_000, 10_000
#: How SageMaker wants a failure's reason: at most this long.
_REASON = 1000


@dataclass(frozen=True)
class Place:
    """This instance among those that share the work.

    Attributes:
        hosts: the names of all instances, the first one leads.
        here: this one's name.
        processes: how many train on each: one a GPU, else one.
        network: the network interface between them.
    """

    hosts: tuple[str, ...]
    here: str
    processes: int
    network: str

    @property
    def leads(self) -> bool:
        """Whether this instance has the process that speaks."""
        return self.here == self.hosts[0]

    def launcher(self) -> list[str]:
        """What starts the worker module, before its name."""
        if len(self.hosts) * self.processes == 1:
            return [sys.executable, "-m"]
        return [
            sys.executable, "-m", "torch.distributed.run", f"--nnodes={len(self.hosts)}",
            f"--nproc_per_node={self.processes}", f"--node_rank={self.hosts.index(self.here)}",
            f"--master_addr={self.hosts[0]}", f"--master_port={_port()}", "-m",
        ]


def _port() -> int:
    """The same on all instances of a job."""
    return _FIRST_PORT + zlib.crc32(os.environ.get("TRAINING_JOB_NAME", "").encode()) % _PORTS


def find_place(root: Path, gpus: int) -> Place:
    """Read what SageMaker says about the instances."""
    said = read_object(root / "input/config/resourceconfig.json")
    hosts = tuple(said.get("hosts") or ["algo-1"])
    return Place(hosts, said.get("current_host") or hosts[0], max(1, gpus), said.get("network_interface_name") or "eth0")


def lay_out(root: Path, folder: Path) -> Run:
    """Make the run folder in a workspace of its own: its files from the channels, the base model where it lies now,
    checkpoints where SageMaker keeps them.

    Raises:
        WorkbenchError: a hyperparameter is no recipe setting.
    """
    run = Run(folder / "runs" / "run")
    shutil.copytree(root / "input/data/run", run.folder)
    (root / "checkpoints").mkdir(parents=True, exist_ok=True)
    run.checkpoints.symlink_to(root / "checkpoints", target_is_directory=True)
    settings = run.settings()
    if settings:  # a damaged one is told by the worker
        settings["base"]["path"] = str(root / "input/data/base")
        settings["recipe"] = {**settings["recipe"], **overrides(root, settings["recipe"])}
        settings |= {"versions": versions(), "threads": None}
        write_json(run.recipe_file, settings)
    return run


def overrides(root: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe settings among the hyperparameters: what a search over them tries in this job.

    Raises:
        WorkbenchError: a value is out of its bounds.
    """
    given = read_object(root / "input/config/hyperparameters.json")
    wanted = {name: _plain(value) for name, value in given.items() if name in Recipe.model_fields}
    complete = make_recipe({**recipe, **wanted}).model_dump(mode="json")
    return {name: complete[name] for name in wanted}


def _plain(value: Any) -> Any:
    """A hyperparameter's value: all of them are texts, some with JSON inside."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def train(run: Run, place: Place) -> int:
    """Run the worker to its end, passing the order to stop on as the run's stop file; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: run.stop_file.touch())
    environment = {"NCCL_SOCKET_IFNAME": place.network, "GLOO_SOCKET_IFNAME": place.network, **os.environ}
    command = [*place.launcher(), "core.training", str(run.folder)]
    return subprocess.Popen(command, env=environment, start_new_session=True).wait()


def said_done(run: Run) -> bool:
    """Whether the model was complete when something still went wrong, such as a helping process that ended badly."""
    last = next(reversed(read_events(run.events_file)[0]), None)
    return last is not None and last["kind"] == "done" and run.report_file.exists()


def last_word(run: Run) -> Event | None:
    """The ``failed`` event of the first process, else that of any other, else None."""
    for file in (run.events_file, *sorted(run.folder.glob("events-*.jsonl"))):
        last = next(reversed(read_events(file)[0]), None)
        if last is not None and last["kind"] == "failed":
            return last
    return None


def explain(run: Run, code: int) -> Event:
    """The ``failed`` event for a worker that ended without one, as the system's kill leaves it."""
    killed = code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return EventWriter(run.events_file, sys.stdout).write(
        "failed",
        what="The instance ran out of memory." if killed else "The worker ended without a word.",
        why="The system ended the worker." if killed else f"Its exit code is {code}.",
        what_to_do="Choose a larger instance type, or half the pairs a step." if killed else
        "The last lines of the log say more.",
        offer=None,
    )


def bring_home(run: Run, target: Path) -> None:
    """Put what the app fetches into ``target``: model, report and events."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.move(run.model, target / "model")
    for file in (run.report_file, run.events_file, run.folds_file):
        if file.exists():  # there are no folds where one part was held out
            shutil.copy(file, target / file.name)


def main(root: Path = ROOT) -> int:
    """Lay out, train, bring home; 0 when done or stopped, 1 when failed."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-"))
    place = find_place(root, int(os.environ.get("SM_NUM_GPUS") or 0))
    try:
        run = lay_out(root, folder)
    except WorkbenchError as error:
        EventWriter(folder / "events.jsonl", sys.stdout).write("failed", **error.as_dict(), offer=None)
        return _fail(root, error.as_dict())
    code = train(run, place)
    if code and not said_done(run):
        return _fail(root, last_word(run) or explain(run, code))
    if place.leads:
        bring_home(run, root / "model")
    return 0


def _fail(root: Path, said: dict[str, Any]) -> int:
    """Leave the reason where SageMaker takes it from."""
    sentences = " ".join(str(said[name]) for name in ("what", "why", "what_to_do") if said.get(name))
    (root / "output").mkdir(parents=True, exist_ok=True)
    (root / "output/failure").write_text(sentences[:_REASON], encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main())
