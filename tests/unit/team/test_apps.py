"""When somebody's app may end."""

from multiprocessing import current_process
from pathlib import Path

import pytest

from core.workspace import Workspace
from workbench.team.apps import IDLE_SECONDS, PersonsApp, _something_goes_on


def test_an_app_is_idle_an_hour_after_the_last_page_has_gone():
    app = PersonsApp(current_process(), Path("/nowhere"))
    begun = app.last_used
    assert not app.is_idle(begun + IDLE_SECONDS - 1) and app.is_idle(begun + IDLE_SECONDS + 1)
    with app.used(), app.used():
        assert not app.is_idle(begun + 10 * IDLE_SECONDS)
    assert app.is_idle(app.last_used + IDLE_SECONDS + 1) and not app.is_idle(app.last_used + 1)


@pytest.mark.parametrize("left", ["aws.json", "endpoints/e-1/", "runs/a-1/queued"])
def test_an_app_stays_for_what_costs_serves_or_waits(tmp_path, left):
    workspace = Workspace.at(tmp_path)
    assert not _something_goes_on(workspace)
    path = tmp_path / left
    if left.endswith("/"):
        path.mkdir()
    else:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert _something_goes_on(workspace)


def test_what_is_only_being_removed_keeps_no_app(tmp_path):
    workspace = Workspace.at(tmp_path)
    (workspace.endpoints / ".deleted-e-1").mkdir()
    assert not _something_goes_on(workspace)
