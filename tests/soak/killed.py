"""Runs whose worker, app or both are killed with signal 9 at random moments, beside one that is left alone.

What an app does for a run is done here by a process without a page: it takes the next run of the queue and starts its
worker, as ``workbench.background`` has it do. Workers are forked from a process that has loaded the libraries, so that they
are killed while they work and not while they load.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from safetensors.numpy import load_file

from core.pairs.split import folds
from core.runs.damage import damaged_files
from core.runs.explain import explain_end
from core.runs.local import LocalTrainer
from core.runs.run import START_GRACE, Run, Status
from core.training import __main__ as program
from core.training import trainer, work  # noqa: F401  loads the libraries
from core.training.checkpoints import newest
from core.workspace import Workspace
from tests.tiny import pairs, run_folder, tiny_model

trainer._CHECKPOINT_SECONDS = (0.0, 0.0)  # a checkpoint after each step: every moment of one is met

WHOM = ("the worker", "the app", "both")
#: Seconds for anything to happen, on a machine that does much else.
PATIENCE = 300.0


class Forked:
    """A worker in place of one that was started ahead: a fork of this process."""

    waits = True

    def __init__(self, pid: int):
        self.pid = pid

    def poll(self) -> int | None:
        """None while it is there; it is no zombie afterwards."""
        try:
            gone, code = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return 0
        return code if gone else None

    @classmethod
    def take(cls, folder: Path) -> "Forked":
        if pid := os.fork():
            return cls(pid)
        os.setsid()
        os.chdir(folder)
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["worker", str(folder)]
        os._exit(program.main())


def app(workspace: Workspace) -> int:
    """Start an app; its process id."""
    if pid := os.fork():
        return pid
    os.setsid()
    own = LocalTrainer(workspace)
    own._spare = Forked
    while True:
        own.launch_next()
        time.sleep(0.02)


def until(so: Callable[[], Any], what: str) -> Any:
    """What ``so`` gives as soon as that is anything."""
    end = time.monotonic() + PATIENCE
    while not (found := so()):
        if time.monotonic() > end:
            raise AssertionError(f"It never came to this: {what}.")
        time.sleep(0.01)
    return found


def is_gone(pid: int) -> bool:
    """Whether the process is not there, or a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def workers(run: Run) -> list[int]:
    """The processes that work in the run's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(run.folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


class Soak:
    """One run beside another like it that nothing happens to.

    Args:
        evidence: "held-out" or "five folds".
        seed: of the moments.
    """

    def __init__(self, workspace: Workspace, model: Path, evidence: str, epochs: int, seed: int):
        self.workspace, self._draw = workspace, random.Random(seed)
        data, name = pairs(60), evidence.replace(" ", "-")
        train, held = (data.assign(fold=folds(np.arange(60), 12)), data[:0]) if evidence == "five folds" else (data[:48], data[48:])
        self.whole, self.broken = (
            run_folder(workspace, model, f"{name}-{which}", train, held, evidence=evidence, epochs=epochs, learning_rate=1e-4)
            for which in ("whole", "broken")
        )
        self.app = app(workspace)
        self.moments: list[dict[str, Any]] = []
        self._kept: set[int] = set()  # the steps of the checkpoints that were there when it was cut off

    def work(self, kills: list[str]) -> dict[str, Any]:
        """Let one run be, break the other as often as ``kills`` names whom, and compare the two."""
        LocalTrainer(self.workspace).submit(self.whole)
        until(lambda: self.whole.status().state == "done", "a run that is let alone is done")
        steps = max(event["step"] for event in self.whole.events()[0] if event["kind"] == "step")
        LocalTrainer(self.workspace).submit(self.broken)
        for at, whom in zip(self._moments(len(kills), steps), kills, strict=True):
            self._break(at, whom)
        self._go_on()
        until(lambda: self.broken.status().state == "done", "the run that was broken is done")
        self.end(self.app)
        return self._compare() | {"moments": self.moments, "steps": steps}

    def _moments(self, number: int, steps: int) -> list[int]:
        """After which steps to kill: of many some before the first, and some after the last, when the model is written."""
        ends = len(WHOM) if number > 3 * len(WHOM) else 0
        return sorted([0] * ends + [steps] * ends + [self._draw.randint(1, steps - 1) for _ in range(number - 2 * ends)])

    def _break(self, at: int, whom: str) -> None:
        """Kill ``whom`` a little after step ``at``, look what is shown, and go on."""
        began = time.monotonic()
        self._go_on()
        until(lambda: self._now().step >= at or self._now().state == "done", f"step {at}")
        time.sleep(self._draw.uniform(0, 0.25) if at else self._draw.uniform(0, 1.0))
        before = self._now()
        newborn = []
        if whom in ("the app", "both"):
            os.kill(self.app, signal.SIGSTOP)  # it forks no more
            newborn = [child.pid for child in psutil.Process(self.app).children()]  # perhaps not in the run's folder yet
            self.end(self.app)
        if whom in ("the worker", "both"):
            for pid in {*workers(self.broken), *(newborn if whom == "both" else ())}:
                self.end(pid)
        shown = self._truth(before, whom)
        self.moments.append({
            "killed": whom, "asked": at, "step": before.step, "before": before.state, "after": shown.state,
            "seconds": round(time.monotonic() - began, 2),
        })
        if whom in ("the app", "both"):
            self.app = app(self.workspace)

    def _truth(self, before: Status, whom: str) -> Status:
        """What is shown once all is quiet, which has to be so."""
        def settled() -> Status | None:
            now = self._now()
            if self._passes(now):  # the app was cut off between starting a worker and noting who it is
                return None
            return now if (now.pid is not None) == bool(workers(self.broken)) or now.state in ("done", "queued") else None

        since = time.monotonic()
        shown = until(settled, "what is shown is so")
        assert time.monotonic() - since < START_GRACE + 60
        assert len(workers(self.broken)) <= 1, "never two workers"
        allowed = {"the worker": ("interrupted", "running", "done"), "the app": ("running", "queued", "interrupted", "done"),
                   "both": ("interrupted", "queued", "done")}[whom]
        assert shown.state in allowed, (before, shown)
        if shown.state == "done":
            assert self.broken.report() and self.broken.model.is_dir()
        if shown.state == "interrupted":
            words = explain_end(self.broken, shown)
            assert words and words["why"] and "esume" in words["what_to_do"], words
            has_checkpoint = any(self.broken.checkpoints.glob("*/progress.json"))
            assert ("goes on from its last checkpoint" in words["what_to_do"]) == has_checkpoint
            kept = newest(self.broken.checkpoints)
            self._kept.add(kept.before + kept.step if kept else 0)
        assert damaged_files(self.broken) == [], "no half-written model, report or event"
        return shown

    def _go_on(self) -> None:
        """Resume the run, as a person does who finds it cut off."""
        if until(lambda: self._settled_state(), "a state that is no passing one") == "interrupted":
            LocalTrainer(self.workspace).submit(self.broken)

    def _settled_state(self) -> str | None:
        now = self._now()
        return None if self._passes(now) else now.state

    @staticmethod
    def _passes(now: Status) -> bool:
        """Whether it is a state that ends by itself within ``START_GRACE``: a worker is being started, or was to be."""
        return now.state == "running" and now.pid is None

    def _now(self) -> Status:
        return self.broken.status()

    def _compare(self) -> dict[str, Any]:
        """The two runs' figures, and how far their weights and losses are apart at most."""
        starts = [event["step"] for event in self.broken.events()[0] if event["kind"] == "start"]
        assert set(starts[1:]) <= self._kept and max(starts) == max(self._kept, default=0), "it goes on where it was"
        ours, theirs = (load_file(run.model / "model.safetensors") for run in (self.broken, self.whole))
        losses = [
            {event["step"]: event["loss"] for event in run.events()[0] if event["kind"] == "step"}
            for run in (self.broken, self.whole)
        ]
        return {
            "broken": figures(self.broken), "whole": figures(self.whole),
            "weights": max(float(np.abs(ours[name] - theirs[name]).max()) for name in theirs),
            "losses": max(abs(losses[0][step] - loss) for step, loss in losses[1].items() if step in losses[0]),
            "steps_compared": len(losses[0].keys() & losses[1].keys()),
            "starts": starts,
        }

    @staticmethod
    def end(pid: int) -> None:
        """Kill with signal 9, and wait until it is gone."""
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except ProcessLookupError:
            return
        except ChildProcessError:  # another's: whoever inherits it buries it
            until(lambda: is_gone(pid), "it is gone")


def figures(run: Run) -> dict[str, Any]:
    """What the run's report says of its two models, its passes and its best step."""
    report = run.report()
    done = run.events()[0][-1]
    return {
        **{side: report[side] for side in ("base", "tuned", "change")}, "passes": report.get("passes"),
        "kept": done["kept"], "best_step": done["best_step"],
    }


def main(folder: Path, evidence: str, epochs: int, kills: list[str], seed: int) -> dict[str, Any]:
    """A soak in a fresh workspace below ``folder``; what it came to.

    Raises:
        AssertionError: something was shown that was not so, or two workers were at work.
    """
    workspace = Workspace.at(folder / "workspace")
    soak = Soak(workspace, tiny_model(folder / "model", workspace), evidence, epochs, seed)
    try:
        return soak.work(kills)
    finally:
        for pid in (soak.app, *workers(soak.broken), *workers(soak.whole)):
            soak.end(pid)


def show(found: dict[str, Any]) -> str:
    """One line of what a soak came to."""
    return json.dumps(found, ensure_ascii=False)
