"""Following a run from the command line: its events as they come, in words or as JSON lines."""

import shlex
import sys
import time
from typing import Any

from core.cli.output import explain, note, say, write_json
from core.runs.events import Event
from core.runs.explain import explain_end
from core.runs.job import read_record
from core.runs.run import ACTIVE, Run, Status
from core.runs.trainers import Trainers

#: Seconds between two looks at the run's files, and between two questions to AWS about a run there.
TICK, ASK = 0.2, 1.0


def follow(trainer: Trainers, run: Run, after: int, *, as_json: bool) -> int:
    """Show the run's events from byte ``after`` on until it is over, looking after the queue and SageMaker meanwhile.

    The run is a process of its own, or a job on SageMaker: Ctrl-C ends the following, not the run.

    Returns:
        The exit status: 0 for a run that is done or was stopped with a model, 1 for any other end.
    """
    show = write_json if as_json else _Words()
    waiting, asked, trouble = False, 0.0, None
    try:
        while True:
            trainer.launch_next()
            if time.monotonic() - asked >= ASK:
                trainer.refresh()
                asked, trouble = time.monotonic(), _tell_trouble(run, trouble)
            status = run.status()
            events, after = trainer.events(run, after)  # after the status: a run that is over has said everything
            for event in events:
                show(event)
            if status.state not in ACTIVE:
                break
            if status.state == "queued" and not waiting:
                waiting = True
                note(_whose_turn(trainer))
            time.sleep(TICK)
    except KeyboardInterrupt:
        _say_how_to_go_on(run)
        return 130
    trainer.launch_next()  # the next one in the queue need not wait for somebody to look
    if status.last is None:
        show(_without_a_word(run, status))
    if "batch_size" in ((explain_end(run, status) or {}).get("offer") or {}):
        note(f"Start again with half the pairs a step: {command('resume', run)} --half")
    return 0 if status.state in ("done", "stopped") and status.last else 1


def _tell_trouble(run: Run, told: dict[str, str] | None) -> dict[str, str] | None:
    """Say it when AWS can no longer be asked about the run, once."""
    record = read_record(run)
    trouble = record and record.trouble
    if trouble and trouble != told:
        explain(trouble)
    return trouble or None


def _whose_turn(trainer: Trainers) -> str:
    other = trainer.at_work()
    return f"Waiting for its turn: {other.id if other else 'another run'} is at work."


def _say_how_to_go_on(run: Run) -> None:
    if run.status().state == "queued":
        note(f"\n{run.id} stays in the queue and begins when the app is open or another command follows a run.")
    else:
        note(f"\n{run.id} goes on training.")
    note(f"Follow it again: {command('resume', run)}")
    note(f"Stop it: {command('stop', run)}")


def command(name: str, run: Run) -> str:
    """The command line that does ``name`` to this run, ready to be copied."""
    return f"python -m core {name} {run.id} --workspace {shlex.quote(str(run.workspace.root))}"


def _without_a_word(run: Run, status: Status) -> Event:
    """The ``failed`` event that a worker which was killed, or never began, could not write itself."""
    ended = explain_end(run, status) or {
        "what": f"{run.id} was taken out of the queue.", "why": "Somebody stopped it before its turn came.",
        "what_to_do": "Resume it to put it back.", "offer": None,
    }
    return {"t": round(time.time(), 3), "kind": "failed", "run": run.id, **ended}


class _Words:
    """Shows events to a person: one progress line that renews itself on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._shown = 0.0  # the share of steps at the last progress line
        self._open = False  # whether the cursor stands behind a progress line
        self._base: dict[str, Any] = {}
        self._planned = False

    def __call__(self, event: Event) -> None:
        if event["kind"] == "step":
            self._progress(event)
            return
        if self._open:
            print()
            self._open = False
        match event["kind"]:
            case "stage":
                say(event["text"])
            case "plan" if not self._planned:
                self._planned = True
                passes, batch = event["passes"], event["batch_size"]
                say(f"At most {event['steps']:,} steps in all, {passes} passes, {batch} pairs a step.")
            case "held_out":
                self._held_out(event)
            case "done":
                self._done(event)
            case "failed":
                explain(event)

    def _progress(self, event: Event) -> None:
        share = event["step"] / max(event["steps"], 1)
        loss = event.get("loss")
        parts = [f"step {event['step']:,} of {event['steps']:,}", f"loss {loss:.3f}" if loss is not None else "no loss"]
        if event.get("tokens_per_second"):
            parts.append(f"{event['tokens_per_second']:,.0f} tokens a second")
        if event.get("seconds_left") is not None:
            parts.append(f"{_duration(event['seconds_left'])} left")
        line = f"  {share:4.0%}  " + ", ".join(parts)
        if self._terminal:
            print(f"\r{line:<79}", end="", flush=True)
            self._open = True
        elif share - self._shown >= 0.1 or self._shown == 0.0:
            self._shown = share
            say(line)

    def _held_out(self, event: Event) -> None:
        figures = f"nDCG@10 {event['ndcg@10']:.3f}, right answer first {event['hit@1']:.0%}"
        if event.get("base"):
            self._base = event
            asked = f"the {event['questions']:,} questions of fold {event['fold']}" if "fold" in event else "held-out questions"
            say(f"Before training, on {asked}: {figures}")
            return
        change = f" ({event['ndcg@10'] - self._base['ndcg@10']:+.3f})" if self._base else ""
        say(f"After pass {event['pass']:.3g}: {figures}{change}{', the best so far' if event.get('best') else ''}")

    def _done(self, event: Event) -> None:
        report = event.get("report") or {}
        say()
        say("Stopped." if event.get("stopped") else "Done.")
        if report.get("verdict"):
            say(report["verdict"])
            if "general" in report:
                say(report["general"]["sentence"])
        say(f"The model is in {event['model']}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
