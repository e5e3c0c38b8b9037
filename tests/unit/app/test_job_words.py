"""A run on SageMaker in words: what it does, on what, and what that costs."""

import time

import pytest

from core.runs.job import Record, save
from core.runs.run import Run, Status
from workbench.cards import train as cards

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"
RUNNING = Status("running", None, 0, 0, None)


def record(**more) -> Record:
    known = {
        "name": "ewb-a-1", "attempt": 1, "folder": "s3://b/f/", "profile": None, "region": "us-east-1", "role": "r",
        "bucket": "b", "instance_type": "ml.g5.xlarge", "instance_count": 1, "spot": False, "keep_warm_seconds": 0,
        "an_hour": 1.408, "phase": "created",
    }
    return Record(**{**known, **more})


@pytest.mark.parametrize(
    "ago, more, said",
    [
        (None, {}, "nothing to pay so far"),
        (3600, {}, "about $1.41 so far"),
        (3600, {"spot": True}, "at most $1.41 so far"),
        (7200, {"ended": 3600, "billable_seconds": 1800, "spot": True}, "about $0.70"),
        (7200, {"ended": 3600, "billable_seconds": 1800, "keep_warm_seconds": 1800}, "at most $1.41"),
        (60, {"an_hour": None}, "its price is not known"),
        (3600, {"instance_count": 2}, "about $2.82 so far"),
    ],
)
def test_what_it_has_cost(ago, more, said):
    started = {} if ago is None else {"started": time.time() - ago}
    assert cards.cost_of(record(**started, **more)) == said


@pytest.mark.parametrize(
    "more, said",
    [
        ({"phase": "sending"}, "sending the data"), ({"phase": "creating"}, "starting"),
        ({"secondary": "LaunchingMLInstances"}, "starting"), ({"secondary": "DownloadingTrainingImage"}, "downloading"),
        ({"secondary": "Training"}, "training"), ({"secondary": "Interrupted"}, "waiting for a machine"),
        ({"secondary": "Uploading"}, "uploading"),
    ],
)
def test_what_it_does(more, said):
    assert cards.state_of_job(record(**more)) == said


def test_the_line_says_what_where_and_why_aws_is_silent():
    line = cards.job_line(record(words="Training on the instance.", since=time.time() - 125, instance_count=2), RUNNING)
    assert "Training on the instance for 2 min." in line and "2 × ml.g5.xlarge, $2.82 an hour" in line
    silent = record(trouble={"what": "AWS cannot be reached.", "why": "The line is cut.", "what_to_do": "Wait."})
    assert "AWS cannot be reached." in cards.job_line(silent, RUNNING) and "The line is cut." in cards.job_line(silent, RUNNING)
    since = record(trouble={"what": "AWS cannot be reached."}, heard=time.time() - 300)
    assert "Nothing was heard of this training for 5 min" in cards.job_line(since, RUNNING)
    assert "heard" not in cards.job_line(record(trouble={"what": "No."}, heard=time.time() - 5), RUNNING)
    warm = record(ended=time.time(), keep_warm_seconds=600)
    assert "kept warm" in cards.job_line(warm, Status("done", None, 1, 1, None))
    assert "kept warm" not in cards.job_line(warm, RUNNING)


def test_a_hostile_answer_of_aws_stays_text():
    hostile = record(words=EVIL, instance_type=EVIL, trouble={"what": EVIL, "why": EVIL, "what_to_do": EVIL})
    line = cards.job_line(hostile, RUNNING)
    assert "<script" not in line and 'onload="' not in line


def test_deleting_says_that_the_account_is_cleaned_as_well(tmp_path):
    run = Run(tmp_path / "a-1")
    run.folder.mkdir()
    assert "AWS account" not in cards.confirm_delete(run)
    save(run, record())
    assert "AWS account" in cards.confirm_delete(run)
