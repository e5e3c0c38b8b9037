"""When an endpoint of this machine ends, and that it is said where nobody can tell any more."""

import os
import time

import pytest

from core.endpoints.folder import EndpointFolder
from core.endpoints.local import LocalHost
from core.models import ModelRef
from core.process import name_process
from core.workspace import Workspace, write_json


@pytest.fixture
def served(tmp_path) -> tuple[LocalHost, EndpointFolder]:
    """An endpoint that serves, as far as its folder tells: its process is this one."""
    workspace = Workspace.at(tmp_path)
    folder = EndpointFolder(workspace.endpoints / "faq-1")
    folder.begin(ModelRef("faq", tmp_path, "d" * 64), time.time() + 3600)
    write_json(folder.launched_file, {"asked": time.time(), **name_process(os.getpid())})
    write_json(folder.outcome_file, {"state": "Ready", "why": ""})
    return LocalHost(workspace), folder


@pytest.mark.parametrize("content", [
    b"", b'{"expires": 17', b'{"expires": "soon"}', b'{"expires": 1e999}', b"{}", b"\0" * 20, None,
])
def test_an_end_that_cannot_be_read_is_said_until_there_is_a_new_one(served, content):
    host, folder = served
    assert host.list()[0].end_known and host.list()[0].why == ""
    folder.lifetime_file.unlink() if content is None else folder.lifetime_file.write_bytes(content)
    [one] = host.list()
    assert (one.state, one.expires, one.end_known) == ("Ready", None, False)
    assert "cannot be told" in one.why and "delete it" in one.why
    assert host.sweep() == []
    again = host.extend(folder.name, 2.0)
    assert again.end_known and again.why == "" and again.expires == pytest.approx(time.time() + 7200, abs=60)


def test_one_that_was_never_to_end_is_another_thing(served):
    host, folder = served
    write_json(folder.lifetime_file, {"expires": None})
    [one] = host.list()
    assert one.expires is None and one.end_known and one.why == ""
