"""What only an endpoint on this machine can meet: its process, its folder, its port, its command line."""

import http.client
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from core.endpoints import local
from core.endpoints.folder import EndpointFolder
from core.endpoints.local import REPOSITORY
from core.errors import WorkbenchError
from core.models import local_ref
from core.workspace import read_json, write_json
from tests.integration.endpoints.conftest import Place, local_place, wait_for


@pytest.fixture
def folder(served_here) -> EndpointFolder:
    """The endpoint that all tests share."""
    place, endpoint = served_here
    return EndpointFolder(place.host.workspace.endpoints / endpoint.name)


def ask(folder: EndpointFolder, body: bytes, method: str = "POST", path: str = "/invocations", **headers):
    """Status and JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", folder.port(), timeout=60)
    headers = {"Authorization": f"Bearer {folder.token()}", "Content-Type": "application/json", **headers}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    assert response.headers["content-type"] == "application/json"
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def test_it_answers_as_sagemaker_does(folder):
    status, one = ask(folder, b'{"inputs": "a"}')
    assert status == 200 and list(one) == ["vectors"] and len(one["vectors"]) == 32
    status, two = ask(folder, b'{"inputs": ["a", "b"]}')
    assert status == 200 and np.allclose(two["vectors"][0], one["vectors"], atol=1e-6) and len(two["vectors"]) == 2
    assert ask(folder, b"", "GET", "/ping", Authorization="") == (200, {"status": "Healthy"})


@pytest.mark.parametrize("body, status, says", [
    (b"not json", 400, "not JSON"), (b'{"inputs": []}', 400, "empty list"), (b'{"inputs": [1]}', 400, "not a text"),
    (b'{"inputs": "' + b"a" * 7_000_000 + b'"}', 413, "at most 6 MB"),
])
def test_what_it_cannot_answer_is_said(folder, body, status, says):
    got, answer = ask(folder, body)
    assert got == status == answer["code"] and says in answer["message"]


@pytest.mark.parametrize("shown", ["", "Bearer wrong", "Bearer ", "Basic abc", "Bearer ü"])
def test_without_the_token_it_says_nothing(folder, shown):
    status, answer = ask(folder, b'{"inputs": "a"}', Authorization=shown)
    assert status == 401 and "vectors" not in answer


def test_there_is_nothing_else(folder):
    assert ask(folder, b"", "GET")[0] == 405
    assert ask(folder, b"", "GET", "/docs")[0] == 404


def test_the_token_and_the_folder_are_for_their_owner_alone(folder):
    assert stat.S_IMODE((folder.folder / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700
    assert folder.token() not in folder.log_file.read_text()


def test_many_callers_at_once_get_each_their_own_vectors(folder):
    answers: dict[int, list] = {}

    def call(number: int) -> None:
        answers[number] = ask(folder, json.dumps({"inputs": [f"text {number}", "b"]}).encode())[1]["vectors"]

    callers = [threading.Thread(target=call, args=(number,)) for number in range(24)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    alone = ask(folder, json.dumps({"inputs": [f"text {number}" for number in range(24)]}).encode())[1]["vectors"]
    assert all(np.allclose(answers[number][0], alone[number], atol=1e-5) for number in range(24))


def test_it_listens_on_loopback_alone_in_a_session_of_its_own(folder):
    process = psutil.Process(folder.process())
    assert {one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert os.getsid(process.pid) == process.pid


def test_an_app_that_died_right_after_starting_it_does_not_lose_it(served_here, folder):
    launched = read_json(folder.launched_file)
    write_json(folder.launched_file, {"asked": launched["asked"]})
    try:
        assert folder.process() == launched["pid"] and served_here[0].host.list()[0].state == "Ready"
    finally:
        write_json(folder.launched_file, launched)


@pytest.fixture
def place(tmp_path, tiny, request) -> Iterator[Place]:
    """An empty place on this machine."""
    with local_place(tmp_path, tiny, request) as made:
        yield made


def test_wrong_vectors_are_told_with_the_log_and_a_killed_process_too(place, monkeypatch):
    monkeypatch.setattr(local, "own_vectors", lambda *_: np.eye(2, 32, dtype=np.float32))
    endpoint = place.deploy()
    assert endpoint.state == "Wrong" and "cosine" in endpoint.why and "The model is loaded" in endpoint.why
    assert place.host.embed(endpoint.name, ["a"]).shape == (1, 32)

    folder = EndpointFolder(place.host.workspace.endpoints / endpoint.name)
    os.kill(folder.process(), signal.SIGKILL)
    wait_for(lambda: place.host.list()[0].state == "Failed")
    failed = place.host.list()[0]
    assert "kills it" in failed.why and failed.address == ""
    with pytest.raises(WorkbenchError, match="kills it"):
        place.host.embed(endpoint.name, ["a"])
    with pytest.raises(WorkbenchError):
        place.host.extend(endpoint.name, 1)
    assert place.host.delete(endpoint.name).left == () and place.is_empty()


def test_an_app_that_was_closed_meanwhile_leaves_nothing_that_is_forgotten(place):
    folder = EndpointFolder(place.host.workspace.endpoints / "tiny-0")
    folder.begin(place.model, None)

    def state_and_why() -> tuple[str, str]:
        [listed] = place.host.list()
        return listed.state, listed.why

    here = {"pid": os.getpid(), "created": psutil.Process().create_time()}
    assert state_and_why() == ("Starting", "")
    write_json(folder.intent_file, {**read_json(folder.intent_file), "deployer": {"pid": 2**22 + 1, "created": 1}})
    assert state_and_why()[0] == "Failed" and "app was closed" in state_and_why()[1]
    write_json(folder.launched_file, here)  # as if its process were this one
    assert state_and_why()[0] == "Wrong" and "Nobody has checked" in state_and_why()[1]
    folder.launched_file.unlink()
    write_json(folder.deleting_file, {"by": here})
    assert state_and_why()[0] == "Deleting"
    write_json(folder.deleting_file, {"left": ["its archive"]})
    assert state_and_why()[0] == "Failed" and "its archive" in state_and_why()[1]
    folder.intent_file.write_text("damaged")
    assert state_and_why()[0] == "Failed"
    assert place.host.delete("tiny-0").left == () and place.is_empty()


def test_a_model_that_cannot_be_served_and_a_missing_package_are_said(place, tmp_path, tiny, monkeypatch):
    strange = shutil.copytree(tiny, tmp_path / "strange")
    (strange / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "median"}')
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    monkeypatch.setattr(local, "own_vectors", lambda *_: None)
    failed = place.host.deploy(local_ref("strange", strange), place.spec, lambda _: None)
    assert failed.state == "Failed" and "median" in failed.why and "Choose another model" in failed.why
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "empty"))
    failed = place.host.deploy(local_ref("no torch", tiny), place.spec, lambda _: None)
    assert failed.state == "Failed" and "torch" in failed.why and "requirements.txt" in failed.why
    assert len(place.host.list()) == 2


def test_a_process_whose_folder_is_anothers_now_ends(place):
    endpoint = place.deploy()
    folder = EndpointFolder(place.host.workspace.endpoints / endpoint.name)
    process = psutil.Process(folder.process())
    folder.folder.rename(folder.folder.with_name("tiny-moved"))
    folder.begin(place.model, time.time() - 1)
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert folder.intent_file.exists() and not folder.calls_file.exists() and not folder.address_file.exists()


def test_deleted_while_it_is_deployed_it_is_gone(place):
    def delete_at_the_start(step: str) -> None:
        if step.startswith("Waiting"):
            place.again().delete(place.host.list()[0].name)

    with pytest.raises(WorkbenchError, match="deleted while"):
        place.host.deploy(place.model, place.spec, delete_at_the_start)
    assert place.host.list() == []
    wait_for(place.is_empty)


def test_files_that_cannot_be_removed_keep_it_on_the_list(place, monkeypatch):
    folder = EndpointFolder(place.host.workspace.endpoints / "tiny-0")
    folder.begin(place.model, None)
    folder.serving.mkdir()
    (folder.serving / "stuck").write_text("")
    real = os.unlink

    def unlink(path, *more, **options):
        if str(path).endswith("stuck"):
            raise PermissionError(13, "Permission denied")
        real(path, *more, **options)

    monkeypatch.setattr(os, "unlink", unlink)
    left = place.host.delete("tiny-0").left
    assert len(left) == 1 and "stuck (Permission denied)" in left[0]
    [listed] = place.host.list()
    assert listed.state == "Failed" and "stuck" in listed.why
    monkeypatch.undo()
    assert place.host.delete("tiny-0").left == () and place.is_empty()


def core(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "core", *map(str, arguments)], cwd=REPOSITORY, capture_output=True, text=True)


def test_the_command_line(place, tiny):
    here = ("--json", "--workspace", place.host.workspace.root)
    assert json.loads(core("endpoints", *here).stdout) == []
    done = core("deploy", tiny, "--on", "here", "--hours", "2", *here)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last == {"name": last["name"], "on": "here", "state": "Ready", "why": ""}
    [row] = json.loads(core("endpoints", *here).stdout)
    assert list(row) == ["name", "on", "state", "an_hour", "so_far", "expires", "end_known"]
    assert (row["name"], row["state"], row["an_hour"], row["so_far"]) == (last["name"], "Ready", 0, 0)
    assert place.host.embed(last["name"], ["a"]).shape == (1, 32)  # it outlives its command
    gone = core("delete", "--mine", *here)
    assert gone.returncode == 0 and json.loads(gone.stdout) == {"deleted": [last["name"]], "left": []}
    assert place.host.list() == []


@pytest.mark.parametrize("arguments", [
    ["deploy", "no-such-run"], ["deploy", "all-MiniLM-L6-v2", "--hours", "0"], ["deploy", "x", "--on", "nowhere"],
    ["delete", "nothing"], ["delete"], ["deploy", "x", "--hours", "soon"],
], ids=" ".join)
def test_what_cannot_be_done_exits_with_2_and_words(tmp_path, arguments):
    done = core(*arguments, "--json", "--workspace", tmp_path)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr and done.stderr


def test_a_delete_that_leaves_something_exits_with_1(place):
    folder = EndpointFolder(place.host.workspace.endpoints / "tiny-0")
    folder.begin(place.model, None)
    write_json(folder.deleting_file, {"by": {"pid": os.getpid(), "created": psutil.Process().create_time()}})
    done = core("delete", "--mine", "--json", "--workspace", place.host.workspace.root)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["deleted"] == [] and len(answer["left"]) == 1 and "being deleted already" in answer["left"][0]
