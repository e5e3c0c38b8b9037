"""Who you are, by boto3's own chain, and what is said when that does not work."""

import socket

import pytest

from core.aws.errors import AwsError
from core.aws.session import connect, profiles, regions
from core.errors import WorkbenchError


def test_the_identity_comes_from_aws(connection):
    assert connection.identity().account == "123456789012"
    assert connection.identity().arn.startswith("arn:aws:")


def test_a_profile_brings_its_region_and_its_keys(aws, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIAX\naws_secret_access_key = y\n")
    assert profiles() == ["work"]
    connection = connect("work")
    assert connection.region == "eu-west-1" and connection.has_credentials()
    assert connection.identity().account
    assert connect("work", "us-west-2").region == "us-west-2"


def test_without_a_region_nothing_is_chosen_for_the_person(aws):
    with pytest.raises(WorkbenchError, match="Choose a region"):
        connect()


@pytest.mark.parametrize("name", ["AWS_DEFAULT_REGION", "AWS_REGION"])
def test_the_environment_may_name_the_region(aws, monkeypatch, name):
    monkeypatch.setenv(name, "ap-south-1")
    assert connect().region == "ap-south-1"


def test_an_unknown_profile_is_said_to_be_unknown(aws):
    with pytest.raises(WorkbenchError, match="profile was not found"):
        connect("nobody", "us-east-1")


@pytest.mark.parametrize("config", ["[profile broken\nregion", "region = us-east-1"])
def test_a_broken_configuration_is_said_to_be_broken(aws, tmp_path, config):
    (tmp_path / "config").write_text(config)
    assert profiles() == []
    with pytest.raises(WorkbenchError, match="~/.aws/config"):
        connect(region="us-east-1")


def test_without_credentials_it_says_how_to_get_some(aws, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    connection = connect(region="us-east-1")
    assert not connection.has_credentials()
    with pytest.raises(AwsError, match="no credentials on this machine.*aws configure") as raised:
        connection.identity()
    assert raised.value.kind == "credentials"


def test_without_a_network_it_says_so(aws, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    monkeypatch.setattr("core.aws.session.ATTEMPTS", 1)
    with pytest.raises(AwsError, match="cannot be reached") as raised:
        connect(region="us-east-1").identity()
    assert raised.value.kind == "unreachable"


@pytest.mark.parametrize("region", ["no such region", "us_east_1!"])
def test_a_region_that_is_none_is_refused(aws, region):
    with pytest.raises(AwsError, match="region's name is not valid"):
        connect(region=region).identity()


def test_clients_are_made_once_with_bounded_retries(connection):
    client = connection.client("sagemaker")
    assert client is connection.client("sagemaker")
    assert client.meta.config.retries["total_max_attempts"] == 4
    assert connection.client("pricing", "us-east-1").meta.region_name == "us-east-1"


def test_the_regions_are_known_without_a_network():
    assert {"us-east-1", "eu-central-1"} <= set(regions())
