"""Twenty browsers on one app while a run trains: ``python -m benchmarks.load [--seconds 600] [--sessions 20]``.

Each session does over HTTP what the page does in a browser: opens it with a stream that says it is there, asks at every tick of
its timers, sends on what a changed value triggers, turns to other tabs and runs, and now and then is loaded anew. Counted are
errors, the time of each answer, and the memory of the app. The target is a limit: the ratio is the share of it that is used.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.result import Result
from workbench.view import FOLLOW

ROOT = Path(__file__).resolve().parents[1]
SESSIONS, SECONDS = 20, 600.0
#: Seconds within which 95 of 100 answers have to come, and how much the app's memory may grow from the first to the last quarter.
MOST_SECONDS, MOST_GROWTH = 1.0, 0.10
#: Seconds between two things that a person does, and between two loads of the page, on average.
_ACTS, _RELOADS = 8.0, 60.0
#: As many as a browser makes to one server; the stream that says the page is open takes one of them.
_CONNECTIONS = 6
#: How far what a value's change triggers is followed: the page's longest chain is shorter.
_DEEPEST = 6


@dataclass
class Seen:
    """What all sessions saw."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    def note(self, kind: str, seconds: float, error: str = "") -> None:
        self.seconds.setdefault(kind, []).append(seconds)
        if error:
            self.errors[f"{kind}: {error}"] += 1

    def all_seconds(self) -> list[float]:
        return [one for kind in self.seconds.values() for one in kind]


class Session:
    """One browser with the page open."""

    def __init__(self, client: httpx.AsyncClient, number: int, seen: Seen):
        self._client, self._seen = client, seen
        self._random = random.Random(number)
        self._loads = 0
        self._ready = False  # whether the page that was opened last is there
        self._number = number

    async def live(self, until: float) -> None:
        """Use the page until then."""
        await asyncio.sleep(self._random.uniform(0, 3))
        while time.monotonic() < until:
            opening = asyncio.create_task(self._open())
            while not self._ready and not opening.done():
                await asyncio.sleep(0.05)
            left = min(until, time.monotonic() + self._random.expovariate(1 / _RELOADS))
            tasks = [asyncio.create_task(self._tick(timer, left)) for timer in self._timers()]
            tasks += [asyncio.create_task(self._act(left)), opening]  # what takes long at the start holds nothing else up
            stream = asyncio.create_task(self._stay())
            await asyncio.gather(*tasks)
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)

    async def _open(self) -> None:
        self._loads, self._ready = self._loads + 1, False
        self._hash = f"session-{self._number}-{self._loads}"
        await self._ask("page", "GET", "/")
        config = await self._ask("config", "GET", "/config")
        self._parts = {one["id"]: one for one in config["components"]}
        self._events = [one for one in config["dependencies"] if one["backend_fn"] or one["js"] == FOLLOW]
        self._values = {number: one["props"].get("value") for number, one in self._parts.items()}
        self._ready = True
        opening = [event for event in self._events if any(what == "load" for _, what in event["targets"])]
        await asyncio.gather(*(self._send(event, None) for event in opening))

    def _timers(self) -> list[int]:
        return [number for number, one in self._parts.items() if one["type"] == "timer" and one["props"].get("active", True)]

    async def _tick(self, timer: int, until: float) -> None:
        """A timer's events; as in a browser one that is still being answered is not asked again."""
        every = self._parts[timer]["props"]["value"]
        await asyncio.sleep(self._random.uniform(0, every))
        while time.monotonic() < until:
            began = time.monotonic()
            await self._trigger(timer, "tick")
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    async def _act(self, until: float) -> None:
        """What a person does: another tab, another run in front, another page of the list."""
        tabs = [number for number, one in self._parts.items() if one["type"] == "tabitem"]
        runs = self._named("runs")
        while (pause := self._random.expovariate(1 / _ACTS)) + time.monotonic() < until:
            await asyncio.sleep(pause)
            if self._random.random() < 0.5:
                await self._trigger(self._random.choice(tabs), "select", {})
            else:
                await self._trigger(runs, "click", {"do": "page", "page": str(self._random.randrange(3))})

    async def _stay(self) -> None:
        """The stream by which Gradio knows that the page is open."""
        try:
            async with self._client.stream("GET", f"/gradio_api/heartbeat/{self._hash}", timeout=None) as stream:
                async for _ in stream.aiter_bytes():
                    pass
        except httpx.HTTPError as error:
            self._seen.errors[f"heartbeat: {type(error).__name__}"] += 1

    def _named(self, elem_id: str) -> int:
        return next(number for number, one in self._parts.items() if one["props"].get("elem_id") == elem_id)

    async def _trigger(self, part: int, what: str, data: Any = None, depth: int = 0) -> None:
        triggered = [one for one in self._events if [part, what] in [list(target) for target in one["targets"]]]
        await asyncio.gather(*(self._send(event, part, data, depth) for event in triggered))

    async def _send(self, event: dict, part: int | None, data: Any = None, depth: int = 0) -> None:
        """One event, and what follows from it."""
        if not event["backend_fn"]:  # its answer is made in the browser
            await self._change({event["outputs"][0]: json.dumps([self._given(number) for number in event["inputs"]])}, depth)
            return
        body = {
            "fn_index": event["id"], "data": [self._given(number) for number in event["inputs"]], "event_data": data,
            "session_hash": self._hash, "trigger_id": part,
        }
        answer = await self._ask(f"event {event['id']}", "POST", "/gradio_api/run/predict", json=body)
        said = {}
        for number, value in zip(event["outputs"], answer.get("data", []), strict=False):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" not in value:
                    continue
                value = value["value"]
            said[number] = value
        following = [one for one in self._events if one.get("trigger_after") == event["id"] and depth < _DEEPEST]
        await asyncio.gather(
            self._change(said, depth), *(self._send(one, part, data, depth + 1) for one in following)
        )

    async def _change(self, said: dict[int, Any], depth: int) -> None:
        """Give parts their new values, and set off what their changes do."""
        changed = [number for number, value in said.items() if self._values.get(number) != value]
        self._values |= said
        if depth < _DEEPEST:
            await asyncio.gather(*(self._trigger(number, "change", None, depth + 1) for number in changed))

    def _given(self, number: int) -> Any:
        return None if self._parts[number]["type"] == "state" else self._values.get(number)

    async def _ask(self, kind: str, method: str, path: str, **request: Any) -> dict:
        began = time.monotonic()
        try:
            answer = await self._client.request(method, path, **request)
            error = "" if answer.status_code < 400 else f"status {answer.status_code} {answer.text[:200]}"
            said = answer.json() if not error and "json" in answer.headers.get("content-type", "") else {}
        except httpx.HTTPError as failure:
            error, said = type(failure).__name__, {}
        self._seen.note(kind, time.monotonic() - began, error)
        return said


def submit_training(place: Path) -> str:
    """A run on the project's own pairs that trains for hours; the app starts it."""
    from core.pairs.store import add_set
    from core.recipe import make_recipe
    from core.runs.create import create_run
    from core.runs.local import LocalTrainer
    from core.workspace import Workspace

    workspace = Workspace.at(place)
    stored = add_set(workspace, ROOT / "data" / "bedrock_faq.csv")
    recipe = make_recipe({"epochs": 1000, "patience": 1000, "evidence": "held-out"})
    source = {"name": stored.name, "digest": "", "rows": 109, "set": stored.id}
    run = create_run(workspace, stored.used_pairs(), recipe, source=source)
    LocalTrainer(workspace).submit(run)
    return run.id


@contextmanager
def served(place: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app over a workspace; what it trains ends with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "workbench", "--no-browser", "--workspace", str(place), "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                httpx.get(f"{address}/healthz", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address, psutil.Process(app.pid)
    finally:
        app.terminate()
        app.wait()
        for one in psutil.process_iter(["cmdline"]):
            if any(str(place) in part for part in one.info["cmdline"] or ()):
                one.kill()


async def _use(address: str, app: psutil.Process, sessions: int, seconds: float) -> Seen:
    seen = Seen()
    until = time.monotonic() + seconds
    tasks = [asyncio.create_task(_live(address, number, seen, until)) for number in range(sessions)]
    while time.monotonic() < until:
        seen.memory.append(app.memory_info().rss / 2**20)
        await asyncio.sleep(min(2.0, seconds / 40))
    await asyncio.gather(*tasks)
    return seen


async def _live(address: str, number: int, seen: Seen, until: float) -> None:
    """A session with the connections of a browser. (One pool for all took a whole core to look for a free one.)"""
    limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=60)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, headers={"Origin": address}) as client:
        await Session(client, number, seen).live(until)


def measure(sessions: int = SESSIONS, seconds: float = SECONDS) -> Result:
    """No error, 95 of 100 answers within a second, memory flat."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "workspace"
        run = submit_training(place)
        with served(place) as (address, app):
            seen = asyncio.run(_use(address, app, sessions, seconds))
            steps = (place / "runs" / run / "events.jsonl").read_bytes().count(b'"kind": "step"')
            spent = sum(app.cpu_times()[:2])
    everything = sorted(seen.all_seconds())
    p95 = everything[int(0.95 * (len(everything) - 1))]
    quarter = len(seen.memory) // 4
    first, last = statistics.fmean(seen.memory[quarter : 2 * quarter]), statistics.fmean(seen.memory[-quarter:])
    growth = last / first - 1
    met = not seen.errors and p95 <= MOST_SECONDS and growth <= MOST_GROWTH and steps > 0
    for kind, times in sorted(seen.seconds.items(), key=lambda one: -sum(one[1]))[:12]:
        words = f"{len(times):>6} times, mean {statistics.fmean(times):.3f} s, longest {max(times):.3f} s"
        print(f"  {kind:<12} {words}", file=sys.stderr)
    for error, times in seen.errors.most_common(8):
        print(f"  {times} x {error}", file=sys.stderr)
    return Result(
        f"load of {sessions} sessions", p95 / MOST_SECONDS, 1.0, met,
        f"at most {MOST_SECONDS:.0f} s for 95 of 100 answers: {p95:.3f} s, median {statistics.median(everything):.3f} s,"
        f" longest {everything[-1]:.2f} s of {len(everything):,} in {seconds:.0f} s; {sum(seen.errors.values())} errors; memory"
        f" {first:.0f} to {last:.0f} MB from the second to the last quarter; {spent / seconds:.0%} of a processor;"
        f" beside a training that made {steps:,} steps; load of the machine {os.getloadavg()[1]:.1f}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    print(json.dumps(measure(options.sessions, options.seconds).as_dict(), indent=1))
