"""Credentials that are planted in the environment and typed into forms are found nowhere afterwards."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from core.runs.local import REPOSITORY, LocalTrainer
from core.workspace import Workspace
from tests.integration.team.conftest import Browser
from tests.tiny import pairs, run_folder

PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00", "AWS_SECRET_ACCESS_KEY": "planted-secret-key-0123456789abcdefghijkl",
    "AWS_SESSION_TOKEN": "planted-session-token-0123456789", "HF_TOKEN": "hf_plantedInTheEnvironment0123456789",
    "HUGGING_FACE_HUB_TOKEN": "hf_plantedInTheOther0123456789",
}
TYPED = "hf_plantedInTheForm0123456789"
SECRETS = [*PLANTED.values(), TYPED]


class Server:
    """What a ``Browser`` needs to know of an app without a sign-in."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"


def test_no_secret_is_in_a_file_a_log_a_page_or_a_command_line(tmp_path, tiny):
    workspace, server = Workspace.at(tmp_path / "workspace"), Server()
    data = pairs(30)
    run = run_folder(workspace, tiny, "a-1", data[:24], data[24:], epochs=1)
    LocalTrainer(workspace).submit(run)
    nowhere = "http://127.0.0.1:1"  # nothing listens there: the push and each call to AWS fail
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, **PLANTED,
        "AWS_ENDPOINT_URL": nowhere, "AWS_DEFAULT_REGION": "us-east-1", "HF_ENDPOINT": nowhere, "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "workbench", "--no-browser", "--workspace", str(workspace.root), "--port", str(server.port)]
    with (tmp_path / "output.txt").open("wb") as output:
        app = subprocess.Popen(
            [*command, "--log", str(tmp_path / "log.jsonl")], cwd=REPOSITORY, env=environment, stdout=output, stderr=output
        )
    said: list[str] = []
    lines: set[str] = set()
    try:
        browser = until(lambda: _there(server))
        # a training, beside a call to AWS that fails and a push that fails
        said.append(browser.event("connection-look", "click").text)
        until(lambda: lines.update(" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
              or run.status().state in ("done", "failed"))
        assert run.status().state == "done", run.log_tail()
        push = next(one["id"] for one in browser.config["components"] if one["props"].get("value") == "Push the model")
        event = next(one for one in browser.config["dependencies"] if [push, "click"] in map(list, one["targets"]))
        answer = browser.post("/gradio_api/run/predict", json={
            "fn_index": event["id"], "data": ["a-1", "somebody/model", TYPED], "session_hash": "x", "trigger_id": push,
        })
        assert "cannot be reached" in answer.text
        said.append(answer.text)
        until(lambda: "Looking at your AWS account" not in said[-1] or said.append(browser.event("connection-look", "click").text))
        said += [browser.get(path).text for path in ("/", "/config", "/metrics")]
    finally:
        app.terminate()
        app.wait(timeout=30)
    everything = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    everything |= {f"page {number}": page.encode() for number, page in enumerate(said)}
    everything |= {f"command {line}": line.encode() for line in lines}
    assert any("core.training" in line for line in lines) and run.log_file.stat().st_size  # it looked in the right places
    found = [(where, secret) for where, content in everything.items() for secret in SECRETS if secret.encode() in content]
    assert not found, found


def _there(server: Server) -> Browser | None:
    try:
        httpx.get(f"{server.address}/healthz", timeout=5)
    except httpx.HTTPError:
        return None
    return Browser(server)


def until(ask, seconds: float = 150):
    """What ``ask`` gives once it gives anything."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, Path("output.txt")
        time.sleep(0.2)
    return answer
