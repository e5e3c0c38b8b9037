"""``stop``, and what ``endpoints`` says of what costs."""

import json
import time

from core.__main__ import main
from core.cli.endpoints import _tell
from core.endpoints.host import Endpoint
from core.endpoints.leftovers import Leftover
from core.workspace import Workspace
from tests.tiny import pairs, run_folder


def test_a_waiting_run_leaves_the_queue_and_one_that_is_over_is_refused(tmp_path, tiny, capsys):
    workspace = Workspace.at(tmp_path)
    data = pairs(30)
    for name in ("words-1", "words-2"):
        run = run_folder(workspace, tiny, name, data[:20], data[20:])
        run.queued_file.touch()
    assert main(["stop", "words-1", "--workspace", str(tmp_path)]) == 0
    assert "has left the queue" in capsys.readouterr().out
    assert main(["stop", "words-2", "--json", "--workspace", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "stopped"
    assert main(["stop", "words-1", "--workspace", str(tmp_path)]) == 2
    assert "not at work" in capsys.readouterr().err


def endpoint(name: str, **more) -> Endpoint:
    known = {"why": "", "model": "m", "created": 0.0, "expires": None, "an_hour": 0.23, "so_far": 1.5, "calls": None}
    return Endpoint(name=name, on="sagemaker", state="Ready", address="", **{**known, **more})


def test_what_costs_is_listed_with_its_end_and_with_what_is_left_over(capsys):
    _tell([], [])
    assert "no endpoints" in capsys.readouterr().out
    leftovers = [
        Leftover("archive", "ewb-a", "Its archive", 0.0, "mine"), Leftover("warm-pool", "ewb-b", "Machines", 2.0, "colleague"),
    ]
    _tell([
        endpoint("one", why="It did not answer."), endpoint("two", end_known=False, whose="colleague"),
        endpoint("three", expires=time.time() + 7200, machine="1 × ml.m5.large"),
    ], leftovers)
    out = capsys.readouterr().out
    for words in (
        "$0.23 an hour, $1.50 so far", "stays until it is deleted", "It did not answer.", "may never delete itself",
        "a colleague's", "deletes itself in 2.0 hours", "1 × ml.m5.large", "--leftovers", "Its archive: ewb-a\n",
        "Machines: ewb-b, $2.00 an hour, a colleague's",
    ):
        assert words in out, words
