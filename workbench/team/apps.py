"""An app of their own for each person: a process that sees one workspace and listens on a socket that only this user of
the system can open.

So no event, upload, cache or global of one person's app can hold another's; and a crash takes one app along, not all.
The processes are forked from one that has the libraries loaded, which makes them quick to start and small.
"""

import asyncio
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from core.errors import WorkbenchError
from core.rights import USERS
from core.workspace import HOUSE_MARK, PEOPLE, PERSON, Workspace, write_json

log = logging.getLogger(__name__)

#: Seconds in which an app must answer after its start, and that its last answers get at its end.
START_SECONDS, LAST_ANSWERS = 120.0, 5
#: Seconds after which an app ends that nobody has a page of and that has nothing to look after; it starts again when asked.
IDLE_SECONDS = 3600.0
#: Seconds between two looks whether apps that have something to look after are alive.
_LOOK_EVERY = 5.0


class PersonsApp:
    """One person's app: the process, and a client that reaches it."""

    def __init__(self, process: BaseProcess, socket: Path):
        self.process = process
        self.open_requests, self.last_used = 0, time.monotonic()
        transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=httpx.Limits(max_connections=None))
        self.client = httpx.AsyncClient(transport=transport, timeout=None, base_url="http://app")

    @contextmanager
    def used(self) -> Iterator[None]:
        """Somebody waits for an answer meanwhile; a page that is there has one open all the time."""
        self.open_requests += 1
        try:
            yield
        finally:
            self.open_requests -= 1
            self.last_used = time.monotonic()

    def is_idle(self, now: float) -> bool:
        """Whether nobody has a page of it, and has had none for ``IDLE_SECONDS`` before ``now`` (of the monotonic clock)."""
        return self.open_requests == 0 and now - self.last_used > IDLE_SECONDS

    async def answers(self) -> None:
        """Wait until it answers.

        Raises:
            WorkbenchError: it ended meanwhile, or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.is_alive():
            try:
                await self.client.get("/healthz", timeout=5)
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
        raise WorkbenchError("Your workbench could not be started.", "", "Try again, or ask whoever runs it to look at its log.")


class Apps:
    """The apps of everybody, each started when it is first needed.

    Args:
        house: the folder that all have in common.
        users_file: who may spend; None where nobody may.
    """

    def __init__(self, house: Path, users_file: Path | None, root_path: str = ""):
        self._house = house
        self._users_file = users_file
        self._root_path = root_path
        self._sockets = Path(tempfile.mkdtemp(prefix="workbench-"))  # mode 700; short, as sockets' paths must be
        self._number = 0
        self._running: dict[str, PersonsApp] = {}
        self._starting: dict[str, asyncio.Lock] = {}
        self._fork = multiprocessing.get_context("forkserver")
        self._fork.set_forkserver_preload(["workbench.app"])
        (house / PEOPLE).mkdir(parents=True, exist_ok=True)
        os.chmod(house / PEOPLE, 0o700)
        write_json(house / HOUSE_MARK, {"people": PEOPLE})

    async def of(self, name: str) -> PersonsApp:
        """The app of the person, started where it does not run. ``name`` has been checked by whoever signed them in.

        Raises:
            WorkbenchError: it cannot be started.
        """
        async with self._starting.setdefault(name, asyncio.Lock()):
            app = self._running.get(name)
            if app is not None:
                app.last_used = time.monotonic()
            if app is None or not app.process.is_alive():
                app = self._running[name] = await asyncio.to_thread(self._start, name)
                await app.answers()
            return app

    def _start(self, name: str) -> PersonsApp:
        self._number += 1
        socket = self._sockets / f"{self._number}.sock"
        users = str(self._users_file) if self._users_file else ""
        process = self._fork.Process(
            target=_serve, args=(name, str(self._house / PEOPLE / name), users, str(socket), self._root_path),
            name=f"workbench of {name}", daemon=True,
        )
        process.start()
        return PersonsApp(process, socket)

    def load(self) -> None:
        """Load the libraries now, so that the first person does not wait for that."""
        forkserver.ensure_running()

    async def keep_needed_ones(self) -> None:
        """For as long as the app runs: start, and start again, the apps of people for whom something goes on, whether
        they have a page open or not: a training in the line, an endpoint that ends in time, something in an AWS account."""
        while True:
            for folder in await asyncio.to_thread(lambda: sorted((self._house / PEOPLE).iterdir())):
                try:
                    if await asyncio.to_thread(_something_goes_on, Workspace(folder)):
                        await self.of(folder.name)
                    elif (app := self._running.get(folder.name)) and app.is_idle(time.monotonic()):
                        await self._end(folder.name, app)
                except Exception:  # one person's broken folder must not keep the others' from being looked after
                    log.exception("The app of %s could not be looked after.", folder.name)
            await asyncio.sleep(_LOOK_EVERY)

    async def _end(self, name: str, app: PersonsApp) -> None:
        async with self._starting[name]:
            if app.is_idle(time.monotonic()):  # nobody has asked meanwhile
                del self._running[name]
                app.process.terminate()
                await app.client.aclose()

    async def close(self) -> None:
        """End them all; trainings go on."""
        for app in self._running.values():
            await app.client.aclose()
            app.process.terminate()
        for app in self._running.values():
            await asyncio.to_thread(app.process.join, LAST_ANSWERS + 5)
        shutil.rmtree(self._sockets, ignore_errors=True)

    @property
    def running(self) -> list[str]:
        """Whose apps run."""
        return [name for name, app in self._running.items() if app.process.is_alive()]


def _something_goes_on(workspace: Workspace) -> bool:
    """Whether the person's app has something to look after with no page open."""
    if (workspace.root / "aws.json").is_file() or glob("*/", root_dir=workspace.endpoints):
        return True
    return bool(glob("*/queued", root_dir=workspace.runs))


def _serve(name: str, root: str, users_file: str, socket: str, root_path: str) -> None:
    """What a person's process does: serve their app until it is told to end, or whoever started it is gone."""
    os.environ |= {PERSON: name, USERS: users_file}
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    os.umask(0o077)
    workspace = Workspace.at(root)
    os.chdir(workspace.root)  # Gradio trusts files in the working folder
    os.environ["GRADIO_TEMP_DIR"] = str(workspace.uploads)
    import uvicorn

    from core.libraries import import_heavy

    build_app = import_heavy("workbench.app").build_app
    uvicorn.run(
        build_app(workspace, root_path=root_path), uds=socket, log_level="warning", proxy_headers=False,
        timeout_graceful_shutdown=LAST_ANSWERS,
    )


def _end_with_the_parent() -> None:
    """An app that nobody can reach any more would move the line and sweep for ever beside the next one."""
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_ANSWERS + 5)
    os._exit(1)
