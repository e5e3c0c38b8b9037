"""A connection to AWS: which credentials, which region, and the clients made of them."""

import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.aws.errors import AwsError, asking
from core.errors import WorkbenchError

#: Every request is tried at most so often, after growing pauses, when the service is busy or the line is cut.
ATTEMPTS = 4
#: Seconds to wait for a connection, and for an answer: a service that hangs is given up after less than a minute.
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 12.0
#: What takes longer to answer: a model that computes (InvokeEndpoint itself gives up after 60 s), an upload's last part.
_SLOW = {"sagemaker-runtime": 70.0, "s3": 20.0}

#: The default region for those who have set none is no business of ours: what costs money has a place by choice.
NO_REGION = (
    "No AWS region is chosen.",
    "Neither the profile nor AWS_DEFAULT_REGION names one.",
    "Choose a region, such as us-east-1 or eu-central-1: everything will be made and paid for there.",
)


@dataclass(frozen=True)
class Identity:
    """Who makes the requests: the account's 12 digits, and the ARN of the user or the assumed role."""

    account: str
    arn: str


#: Environment variables with which boto3 finds credentials without anybody's choice.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def credentials_in_environment() -> bool:
    """Whether the environment names credentials. Makes no request, and loads nothing."""
    return any(os.environ.get(name) for name in _CREDENTIALS)


def client_config(service: str) -> Any:
    """botocore's ``Config`` with which a service is asked: how often, and how long it may take to answer."""
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, connect_timeout=CONNECT_TIMEOUT,
        read_timeout=_SLOW.get(service, READ_TIMEOUT), max_pool_connections=20, user_agent_extra="embedding-workbench",
    )


class Connection:
    """Credentials and a region. Clients are made once and may be used by several threads.

    Attributes:
        profile: the named profile, or None for boto3's own choice.
        region: where everything happens.
        session: boto3's own session, for the SageMaker SDK.
    """

    def __init__(self, session: Any, profile: str | None, region: str):
        self.profile = profile
        self.region = region
        self.session = session
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._identity: Identity | None = None

    def client(self, service: str, region: str | None = None) -> Any:
        """boto3's client of a service, in this connection's region where no other is named."""
        key = (service, region or self.region)
        with self._lock:  # boto3 sessions are not made for several threads, their clients are
            if key not in self._clients:
                with asking(f"open {service}", self.region):
                    self._clients[key] = self.session.client(service, region_name=key[1], config=client_config(service))
            return self._clients[key]

    def identity(self) -> Identity:
        """Who the credentials belong to, asked once.

        Raises:
            AwsError: there are none, they are not accepted, or AWS cannot be reached.
        """
        if self._identity is None:
            with asking("say who you are", self.region):
                said = self.client("sts").get_caller_identity()
            self._identity = Identity(said["Account"], said["Arn"])
        return self._identity

    def is_same(self, other: "Connection") -> bool:
        """Whether both ask in the same region with the same key. Makes no request where both have been used."""
        try:
            with asking("renew the credentials", self.region):  # reading the key of those that expire asks for new ones
                keys = [found.access_key for one in (self, other) if (found := one.session.get_credentials())]
        except AwsError:
            return False
        return (
            (self.profile, self.region, self.identity()) == (other.profile, other.region, other.identity())
            and len(keys) == 2 and keys[0] == keys[1]
        )

    def has_credentials(self) -> bool:
        """Whether boto3 finds any credentials; whether they are accepted only ``identity`` tells."""
        with asking("find credentials", self.region):
            return self.session.get_credentials() is not None


def connect(profile: str | None = None, region: str | None = None) -> Connection:
    """A connection by boto3's own chain of profiles, environment and instance roles. Makes no request.

    Raises:
        WorkbenchError: there is no such profile, or no region is named anywhere.
    """
    import boto3

    profile = profile or None
    with asking("open the profile"):
        session = boto3.Session(profile_name=profile)
        # SageMaker's notebooks and other AWS tools set AWS_REGION, which boto3 does not read.
        region = region or session.region_name or os.environ.get("AWS_REGION")
    if not region:
        raise WorkbenchError(*NO_REGION)
    return Connection(session, profile, region)


def profiles() -> list[str]:
    """The named profiles of this machine; none where the configuration cannot be read."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        return sorted(botocore.session.Session().available_profiles)
    except BotoCoreError:
        return []


@cache
def regions() -> list[str]:
    """The regions that have SageMaker, as this version of boto3 knows them; needs no network."""
    import botocore.session

    return sorted(botocore.session.Session().get_available_regions("sagemaker"))
