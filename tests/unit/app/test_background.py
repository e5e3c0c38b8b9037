"""What goes on without a page: a fault of one look never ends the next."""

import os
import threading
import time

import pytest

from core.aws.errors import AwsError
from core.errors import WorkbenchError
from workbench import background


def test_runs_on_sagemaker_are_looked_after_whatever_goes_wrong():
    looks, enough = [], threading.Event()

    class Faulty:
        sagemaker = object()

        def __init__(self, name):
            self.name = name

        def refresh(self):
            looks.append(self.name)
            if looks.count("runs") > 1 and looks.count("searches") > 1 and "adopt" in looks:
                enough.set()
                threading.Event().wait()  # the thread has shown what it should, and rests until the tests end
            raise OSError("no disk")

        def adopt(self):
            looks.append("adopt")
            raise WorkbenchError("AWS cannot be reached.")

    background.keep_remote_runs_fresh(Faulty("runs"), Faulty("searches"), interval=0.01)
    assert enough.wait(20) and looks.count("adopt") == 1  # looking for other machines' runs is done now and then


def test_the_queue_moves_though_the_runs_cannot_be_looked_at():
    launched = threading.Event()

    class Trainer:
        @property
        def workspace(self):
            raise OSError("no disk")

        def launch_next(self):
            launched.set()

    background.keep_queue_moving(Trainer(), interval=60)
    assert launched.wait(20)


def test_without_an_account_nobody_looks_for_other_machines_runs():
    looked, adopted = threading.Semaphore(0), []

    class Nobody:
        sagemaker = None

        def refresh(self):
            looked.release()

        def adopt(self):
            adopted.append("asked")

    background.keep_remote_runs_fresh(Nobody(), Nobody(), interval=0.01)
    assert all(looked.acquire(timeout=20) for _ in range(6)) and not adopted


def test_credentials_that_are_not_accepted_any_more_are_looked_for_anew_and_nothing_else_is():
    kinds, renewed, swept = iter(["unreachable", "denied", "credentials"]), [], threading.Event()

    class Host:
        def sweep(self):
            kind = next(kinds, None)
            if kind is None:
                swept.set()
                threading.Event().wait()
            seen.append(kind)
            raise AwsError(kind, "code", "AWS did not answer.", "", "")

    seen: list[str] = []
    background.keep_endpoints_swept(Host(), interval=0.01, renew=lambda: renewed.append(seen[-1]))
    assert swept.wait(20) and renewed == ["credentials"]


@pytest.mark.parametrize(("name", "hours", "stays"), [
    ("tmpcut0ff", 0.5, True), ("tmpcut0ff", 1.5, False), ("digest/whole.csv", 1.5, True), ("digest/whole.csv", 25, False),
])
def test_uploads_that_nobody_goes_on_with_are_removed(tmp_path, name, hours, stays):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("question,answer")
    os.utime(file, (time.time() - hours * 3600,) * 2)
    background.sweep_uploads(tmp_path)
    assert file.exists() is stays


def test_the_uploads_are_swept_again_and_again_whatever_goes_wrong(tmp_path, monkeypatch):
    swept, enough = [], threading.Event()

    def sweep(folder):
        swept.append(folder)
        if len(swept) == 2:
            enough.set()
            threading.Event().wait()  # the thread has shown what it should, and rests until the tests end
        raise OSError("no disk")

    monkeypatch.setattr(background, "sweep_uploads", sweep)
    background.keep_uploads_swept(tmp_path, interval=0.01)
    assert enough.wait(20)
