"""Places that serve models, each with what a test of any of them needs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.endpoints.folder import all_endpoints
from core.endpoints.host import DeploySpec, Endpoint, Host
from core.endpoints.local import LocalHost
from core.models import ModelRef, local_ref
from core.workspace import Workspace
from tests.tiny import tiny_model


@dataclass
class Place:
    """A host under test.

    Attributes:
        host: the host.
        spec: what to deploy with.
        model: a tiny model.
        again: makes another host over the same place, as another app would.
        is_empty: whether nothing at all is left there.
    """

    host: Host
    spec: DeploySpec
    model: ModelRef
    again: Callable[[], Host]
    is_empty: Callable[[], bool]

    def deploy(self) -> Endpoint:
        return self.host.deploy(self.model, self.spec, lambda _: None)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a tiny model. Read it only."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_model(folder / "model", Workspace.at(folder / "workspace"))


def local_place(folder: Path, tiny: Path) -> Iterator[Place]:
    workspace = Workspace.at(folder / "a workspace")

    def is_empty() -> bool:
        files = [path for path in workspace.endpoints.iterdir() if path.name != ".lock"]
        return not files and not any(map(serves_here, psutil.process_iter()))

    def serves_here(process: psutil.Process) -> bool:
        try:
            return any(argument.startswith(str(workspace.endpoints)) for argument in process.cmdline())
        except psutil.Error:  # a zombie, or gone in this moment
            return False

    place = Place(
        LocalHost(workspace), DeploySpec("here", 1.0), local_ref("Tiny one", tiny), lambda: LocalHost(workspace), is_empty
    )
    yield place
    for left in all_endpoints(workspace):  # no test leaves a process behind
        if pid := left.process():
            psutil.Process(pid).kill()


#: A place that serves models, by name: each passes the tests in test_hosts.py.
PLACES = {"here": local_place}


@pytest.fixture(scope="session")
def served_here(tmp_path_factory, tiny) -> Iterator[tuple[Place, Endpoint]]:
    """This machine with one endpoint that is ready; all tests share it, and leave it so."""
    for place in local_place(tmp_path_factory.mktemp("served"), tiny):
        yield place, place.deploy()


@pytest.fixture(params=PLACES)
def served(request) -> tuple[Place, Endpoint]:
    """Each place in turn, with one endpoint that is ready: ``served_here`` and its like."""
    return request.getfixturevalue(f"served_{request.param}")


@pytest.fixture(params=PLACES)
def place(request, tmp_path, tiny) -> Iterator[Place]:
    """An empty place."""
    yield from PLACES[request.param](tmp_path, tiny)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
