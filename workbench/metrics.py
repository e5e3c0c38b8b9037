"""What a monitor and a log get to see: how many requests and errors, how long they took, what trains, how much room is left.

No text, name of a file or id is in either: of a request's path only the kind of thing that was asked for, and of an error
its type and where in the program it happened.
"""

import json
import logging
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.endpoints.folder import all_endpoints
from core.runs.line import waiting
from core.runs.run import all_runs
from core.workspace import Workspace

#: Where the scope has a list for who asks, filled once that is known (a list, as scopes are copied on their way).
WHO = "workbench.who"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: What can be asked for, by the first part of its path; everything else is "other".
_KINDS = frozenset({
    "healthz", "metrics", "sign-in", "sign-out", "shared", "take-home", "sets", "endpoints", "comparisons", "assets", "static",
    "config", "theme.css",
})


def kind_of(path: str) -> str:
    """What a path asks for, without anything that a person wrote: ``page``, ``take-home``, ``gradio_api/upload`` ..."""
    first, _, rest = path.strip("/").partition("/")
    if not first:
        return "page"
    if first == "gradio_api":
        name = rest.partition("/")[0].partition("=")[0]
        return f"gradio_api/{name}" if name in ("run", "queue", "upload", "file", "heartbeat", "call", "info") else "gradio_api"
    return first if first in _KINDS else "other"


class House(Collector):
    """The gauges that are read off the folders when somebody asks."""

    def __init__(self, workspaces: Callable[[], Iterable[Workspace]], root: Path):
        self._workspaces, self._root = workspaces, root

    def collect(self):
        states = {"running": 0, "queued": 0}
        endpoints = 0
        for workspace in self._workspaces():
            states["queued"] += len(waiting(workspace))
            states["running"] += sum(run.status().state in ("running", "stopping") for run in all_runs(workspace))
            endpoints += len(all_endpoints(workspace))
        trainings = GaugeMetricFamily("workbench_trainings", "Trainings by state.", labels=["state"])
        for state, number in states.items():
            trainings.add_metric([state], number)
        yield trainings
        yield GaugeMetricFamily("workbench_endpoints", "Endpoints on this machine.", endpoints)
        yield GaugeMetricFamily("workbench_disk_free_bytes", "Room on the workspace's disk.", shutil.disk_usage(self._root).free)


class Metrics:
    """One registry and its counters."""

    def __init__(self, workspaces: Callable[[], Iterable[Workspace]], root: Path):
        self.registry = CollectorRegistry()
        self.registry.register(House(workspaces, root))
        self.requests = Counter(
            "workbench_requests", "Requests by kind and status class.", ["kind", "status"], registry=self.registry
        )
        self.errors = Counter("workbench_errors", "Requests that ended in a fault of the program.", registry=self.registry)
        self.seconds = Histogram("workbench_request_seconds", "Time to the answer's first byte.", registry=self.registry)

    def answer(self) -> Response:
        """All of it, as Prometheus reads it."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE)


class Observed:
    """Counts the requests of ``app`` and writes one line about each.

    Args:
        log: where the lines go, None for nowhere.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: logging.Logger | None = None):
        self.app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, WHO: []}
        began, status, first = time.perf_counter(), 500, 0.0

        async def watch(message: Message) -> None:
            nonlocal status, first
            if message["type"] == "http.response.start":
                status, first = message["status"], time.perf_counter() - began
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            kind = kind_of(scope["path"])
            self._metrics.requests.labels(kind, f"{status // 100}xx").inc()
            self._metrics.seconds.observe(first)
            if status >= 500:
                self._metrics.errors.inc()
            if self._log is not None:
                facts = {"who": "".join(scope[WHO]), "method": scope["method"], "kind": kind, "status": status}
                self._log.info("request", extra={"facts": {**facts, "ms": round(1000 * first, 1)}})


class JsonLines(logging.Formatter):
    """One JSON object a line. A message's arguments may hold texts and stay out, and so does what an exception says."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3), "level": record.levelname, "from": record.name, "message": str(record.msg),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def structured_log(where: str) -> logging.Logger:
    """Send the program's log, and a line for each request, to a file (``-`` for standard error); gives the requests' log.

    Raises:
        OSError: the file cannot be opened.
    """
    stream: TextIO = sys.stderr if where == "-" else open(where, "a", encoding="utf-8", errors="replace")  # noqa: SIM115
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    requests = logging.getLogger("workbench.requests")
    requests.setLevel(logging.INFO)
    return requests
