"""moto's server on loopback as AWS: S3, STS, IAM, Logs and Scheduler, each test with an empty account."""

import socket
import urllib.request
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from core.aws.session import Connection, connect


@pytest.fixture(scope="session")
def aws_address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def aws(aws_address, monkeypatch, tmp_path) -> str:
    """An empty account, and an environment in which boto3 finds it and nothing of this machine's."""
    urllib.request.urlopen(urllib.request.Request(f"{aws_address}/moto-api/reset", method="POST")).close()
    for name, value in {
        "AWS_ENDPOINT_URL": aws_address, "AWS_ACCESS_KEY_ID": "AKIATESTINGTESTING12",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-no-text-shows", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return aws_address


@pytest.fixture
def connection(aws) -> Connection:
    return connect(region="eu-central-1")
