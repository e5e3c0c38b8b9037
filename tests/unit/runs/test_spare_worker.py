"""The worker that is started ahead, with real processes."""

import subprocess
import sys
import textwrap

import psutil

from core.process import alive
from core.runs.local import REPOSITORY
from core.runs.run import Run
from core.runs.spare import SpareWorker

#: Waits for its folder as ``python -m core.training --spare`` does, then says in it who it is.
WAITER = textwrap.dedent("""
    import os, pathlib, sys, time
    line = sys.stdin.readline().strip()
    if line:
        pathlib.Path(line, "here").write_text(str(os.getpid()))
        os.chdir(line)
        time.sleep(60)
""")


def spare_of(code: str) -> SpareWorker:
    spare = SpareWorker([sys.executable, "-c", code])
    spare.start(REPOSITORY, {})
    return spare


def test_it_gets_its_run_once(tmp_path, until_true):
    spare = spare_of(WAITER)
    assert spare.waits
    process = spare.take(tmp_path)
    try:
        until_true(lambda: (tmp_path / "here").exists() and (tmp_path / "here").read_text() == str(process.pid), "a word")
        assert not spare.waits and spare.take(tmp_path) is None
    finally:
        process.kill()
        process.wait()


def test_one_that_has_died_is_not_given_a_run(tmp_path, until_true):
    spare = spare_of("pass")
    until_true(lambda: not spare.waits, "the end of the process")
    assert spare.take(tmp_path) is None


def test_it_ends_with_the_program_that_started_it(until_true):
    code = f"""
        import sys
        from core.runs.spare import SpareWorker
        spare = SpareWorker([sys.executable, "-c", {WAITER!r}])
        spare.start(".", {{}})
        print(spare._process.pid)
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    until_true(lambda: not psutil.pid_exists(int(answer.stdout)), "the end of the waiting worker")


def test_its_process_is_known_by_its_folder_when_the_clock_was_set(tmp_path, until_true):
    run = Run(tmp_path / "a-run-1")
    run.folder.mkdir()
    process = spare_of(WAITER).take(run.folder)
    try:
        until_true(lambda: psutil.Process(process.pid).cwd() == str(run.folder), "the change of folder")
        assert alive({"pid": process.pid, "created": 1.0}, run.folder) == process.pid
    finally:
        process.kill()
        process.wait()
