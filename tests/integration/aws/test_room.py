"""The connection that all pages share: nobody waits for AWS, nothing is asked or made before somebody wants it."""

import threading
import time

import pytest

from core.aws import policy
from core.aws.choices import Choices, has_choices, read_choices
from core.aws.session import connect
from core.workspace import Workspace
from workbench import aws as room_module
from workbench.aws import AwsRoom, Seen


@pytest.fixture
def room(aws, tmp_path, monkeypatch) -> AwsRoom:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(AwsRoom, "_read_what_it_costs", lambda *values: None)  # moto has neither prices nor quotas
    return AwsRoom(Workspace.at(tmp_path / "workspace"))


def looked(room: AwsRoom) -> Seen:
    """What the room knows once nothing is going on any more."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        seen = room.seen()
        if seen.found and not seen.doing:
            return seen
        time.sleep(0.02)
    raise AssertionError("it never ends looking")


def make_role() -> None:
    trust = policy.as_json(policy.trust_policy("sagemaker", "123456789012"))
    connect(region="eu-central-1").client("iam").create_role(RoleName=policy.EXECUTION_ROLE, AssumeRolePolicyDocument=trust)


def buckets() -> list[str]:
    return [one["Name"] for one in connect(region="eu-central-1").client("s3").list_buckets()["Buckets"]]


def test_nothing_is_asked_without_a_reason(room, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    room.wake()
    assert room.seen().found is None and not room.seen().doing and "Nobody has connected" in room.seen().why_not
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTINGTESTING12")
    room.wake()
    assert looked(room).found.identity.account == "123456789012"


def test_a_workspace_that_was_connected_is_looked_at_again(room, monkeypatch):
    room.open()
    looked(room)
    assert has_choices(room.workspace)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    again = AwsRoom(room.workspace)
    again.wake()
    assert "no AWS credentials" in looked(again).found.missing[0] and again.account() is None
    assert again.seen().why_not == "There is no connection to AWS."


def test_the_bucket_is_made_only_when_asked_for_and_then_the_account_is_there(room):
    make_role()
    room.open()
    seen = looked(room)
    assert seen.found.bucket_state == "missing" and room.account() is None and buckets() == []
    room.make_bucket()
    assert room.seen().doing.startswith("Making the bucket")
    seen = looked(room)
    assert seen.why_not == "" and buckets() == [seen.found.bucket] == [room.account().bucket]
    assert room.account().role.endswith(policy.EXECUTION_ROLE) and "eu-central-1" in seen.regions


def test_choices_are_kept_and_what_was_found_with_others_is_forgotten(room):
    make_role()
    room.open()
    looked(room)
    room.make_bucket()
    looked(room)
    chosen = Choices(region="us-west-2")
    room.choose(chosen)
    assert room.account() is None and read_choices(room.workspace) == chosen
    assert looked(room).found.bucket == "embedding-workbench-123456789012-us-west-2"


def test_a_look_that_hangs_is_outlived_by_the_next(room, monkeypatch):
    hanging, real = threading.Event(), room_module.overview

    def overview(profile, region, bucket, role):
        if region == "us-east-1":
            hanging.wait(30)
        return real(profile, region, bucket, role)

    monkeypatch.setattr(room_module, "overview", overview)
    room.choose(Choices(region="us-east-1"))
    room.choose(Choices(region="eu-central-1"))
    assert looked(room).found.region == "eu-central-1"
    hanging.set()
    time.sleep(1)
    assert room.seen().found.region == "eu-central-1"


def test_an_account_that_was_there_stays_when_aws_cannot_be_asked(room, monkeypatch):
    """What runs there costs on: the list shows the trouble, it does not show an empty account."""
    make_role()
    room.open()
    looked(room)
    room.make_bucket()
    looked(room)
    connection = room.account().connection
    connection.client("s3").delete_bucket(Bucket=room.account().bucket)
    room.look()
    assert looked(room).why_not == "Something is missing in your AWS account." and room.account() is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    room.look()
    assert looked(room).why_not == "There is no connection to AWS." and room.account() is not None


def test_what_lacks_something_can_still_be_looked_at(room):
    """An endpoint costs on when somebody has deleted the bucket or the role: it is listed and can be deleted."""
    room.open()
    seen = looked(room)
    assert len(seen.found.missing) == 2 and room.account() is None
    assert room.account_to_look_at().bucket == seen.found.bucket and room.trouble() is None


def test_looking_again_keeps_the_account_that_is_still_the_same(room):
    make_role()
    room.open()
    looked(room)
    room.make_bucket()
    looked(room)
    account = room.account()
    room.look()
    looked(room)
    assert room.account() is account, "what is known of its endpoints goes with it"


def test_what_was_deployed_and_cannot_be_asked_for_is_said(room, monkeypatch):
    (room.workspace.hosted / "123456789012-eu-central-1" / "ewb-a").mkdir(parents=True)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert room.trouble() is None, "nobody has looked yet"
    room.open()
    looked(room)
    assert "no AWS credentials" in str(room.trouble())


def test_a_bug_ends_the_look_with_words(room, monkeypatch):
    monkeypatch.setattr(room_module, "overview", lambda *values: 1 / 0)
    room.open()
    assert "not foreseen" in looked(room).found.missing[0]
