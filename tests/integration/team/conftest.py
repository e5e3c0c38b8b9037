"""A shared workbench as a process of its own, and people who speak to it over HTTP as browsers do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from core.workspace import Workspace
from workbench.team.users import Users

ROOT = Path(__file__).resolve().parents[3]
PASSWORDS = {"ada": "ada's long password", "bob": "bob's long password"}
NO_AWS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}


class Team:
    """The server; Ada may spend, Bob may not."""

    def __init__(self, house: Path):
        self.house = house
        self.log = house.parent / "log.jsonl"
        self.users = Users(house / "users.json")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "workbench", "--no-browser", "--workspace", str(self.house), "--port", str(self.port),
                   "--users", str(self.users.file), "--log", str(self.log)]
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with (self.house.parent / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env={**own, **NO_AWS})
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(f"{self.address}/healthz", timeout=5)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise RuntimeError((self.house.parent / "output.txt").read_text())

    def stop(self) -> None:
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive, [one.cmdline() for one in alive]  # no app outlives the door

    def workspace(self, name: str) -> Workspace:
        return Workspace.at(self.house / "users" / name)

    def app_of(self, name: str) -> psutil.Process:
        """The process of the person's app."""
        for one in psutil.Process(self.process.pid).children(recursive=True):
            if one.cwd() == str(self.house / "users" / name):
                return one
        raise LookupError(name)


class Browser(httpx.Client):
    """Somebody's browser: their cookies, and Gradio's events as the page sends them."""

    def __init__(self, team: Team, name: str = ""):
        super().__init__(base_url=team.address, timeout=90, headers={"Accept": "text/html", "Origin": team.address})
        self.name = name
        if name:
            answer = self.post("/sign-in", data={"name": name, "password": PASSWORDS[name], "next": "/"})
            assert answer.status_code == 303, answer.text
        self._config: dict = {}

    def __enter__(self) -> "Browser":
        return self  # it has been opened by the sign-in

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def config(self) -> dict:
        self._config = self._config or self.get("/config").json()
        return self._config

    def part(self, elem_id: str) -> int:
        """The id of the page's part with that name."""
        return next(one["id"] for one in self.config["components"] if one["props"].get("elem_id") == elem_id)

    def event(self, elem_id: str, event: str, values: dict[str, object] | None = None, data: dict | None = None) -> httpx.Response:
        """Send the first event that a part of the page triggers.

        Args:
            values: elem_id -> what its box holds; everything else is as the page was sent.
            data: what the event itself carries.
        """
        part = self.part(elem_id)
        one = next(
            one for one in self.config["dependencies"] if [part, event] in map(list, one["targets"]) and one["backend_fn"]
        )
        given = {self.part(name): value for name, value in (values or {}).items()}
        now = {one["id"]: one["props"].get("value") for one in self.config["components"]}
        return self.post("/gradio_api/run/predict", json={
            "fn_index": one["id"], "data": [given.get(place, now.get(place)) for place in one["inputs"]], "event_data": data,
            "session_hash": f"{self.name}session", "trigger_id": part,
        })


@pytest.fixture(scope="package")
def team(tmp_path_factory) -> Iterator[Team]:
    house = tmp_path_factory.mktemp("team") / "house"
    house.mkdir()
    team = Team(house)
    for name, password in PASSWORDS.items():
        team.users.put(name, password, may_spend=name == "ada")
    team.start()
    yield team
    team.stop()


@pytest.fixture(scope="package")
def ada(team) -> Browser:
    return Browser(team, "ada")


@pytest.fixture(scope="package")
def bob(team) -> Browser:
    return Browser(team, "bob")
