"""An AWS that does not answer: nobody waits long for it, it is said how long, and what was known stays."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.aws import buckets, session
from core.aws.overview import overview
from core.workspace import Workspace
from tests.sagemaker_double.client import RunningDouble
from workbench.aws import AwsRoom, Seen

REGION = "us-west-2"


@pytest.fixture
def double(sagemaker_double, monkeypatch) -> Iterator[RunningDouble]:
    """The double, with an account in which nothing is missing, and requests that are given up soon."""
    for name, value in {**sagemaker_double.environment, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    connection = session.connect(region=REGION)
    buckets.create(connection, buckets.default_bucket(connection.identity().account, REGION))
    monkeypatch.setattr(session, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(session, "_SLOW", {})
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    sagemaker_double.forget_asked()
    return sagemaker_double


def looked(room: AwsRoom) -> Seen:
    end = time.monotonic() + 60
    while (seen := room.seen()).doing or seen.found is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return seen


@pytest.mark.parametrize("service", ["sagemaker", "sts", "iam", "s3", "logs"])
def test_a_request_that_is_not_answered_is_given_up_within_two_minutes(double, monkeypatch, service):
    monkeypatch.undo()
    for name, value in double.environment.items():
        monkeypatch.setenv(name, value)
    config = session.connect(region=REGION).client(service).meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) <= 120 and config.retries["mode"] == "standard"


def test_who_does_not_answer_is_asked_nothing_more_and_nothing_is_made_up(double):
    double.ask("no-answer", service="sts")
    seen = overview(region=REGION)
    assert not seen.ready and "cannot be reached" in seen.missing[0]
    assert double.asked() == [("sts", "GetCallerIdentity")]
    double.forget_asked()
    double.ask("no-answer", service="iam")
    seen = overview(region=REGION)
    assert seen.identity and len(seen.missing) == 1 and "ListRoles" not in seen.missing[0]
    assert "cannot be reached" in seen.missing[0] and seen.notes == ()  # no word of roles that nobody could look for
    assert double.asked() == [("iam", "ListRoles"), ("sts", "GetCallerIdentity")]
    double.ask("no-answer", service="iam")
    chosen = overview(region=REGION, role="arn:aws:iam::123456789012:role/chosen")
    assert not chosen.ready and "cannot be reached" in chosen.missing[0]


def test_the_page_says_how_long_it_has_looked(double, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "READ_TIMEOUT", 30.0)
    room = AwsRoom(Workspace.at(tmp_path / "w"))
    double.ask("no-answer", service="sts")
    room.look()
    assert room.seen().doing == "Looking at your AWS account …"
    room._began -= 34  # that much later
    assert "30 s so far" in room.seen().doing and "ends after" in room.seen().doing
    double.clear()
    assert looked(room).doing == ""


@pytest.mark.parametrize("kind", ["access-denied", "no-answer", "expired-token"])
def test_where_aws_says_less_of_the_same_account_what_is_known_of_it_stays(double, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(AwsRoom, "_read_what_it_costs", lambda *values: None)
    room = AwsRoom(Workspace.at(tmp_path / "w"))
    room.look()
    looked(room)
    known = room.account_to_look_at()
    assert known is not None and known.role and room.account() is not None
    double.ask(kind, service="iam", operation="ListRoles", times=0)
    room.look()
    assert not looked(room).found.ready
    assert room.account_to_look_at() is known, "what runs there is listed and counted on"
    double.clear()
    room.look()
    assert looked(room).found.ready and replace(room.account(), connection=known.connection) == known
