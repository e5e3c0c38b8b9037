"""The account as training and deploying use it: whose credentials, which role, which bucket."""

import re
from dataclasses import dataclass

from core.aws.buckets import default_bucket
from core.aws.choices import Choices
from core.aws.overview import Overview, overview
from core.aws.session import Connection
from core.errors import WorkbenchError
from core.workspace import person


@dataclass(frozen=True)
class Account:
    """An account, with everything in it that training and deploying need.

    Attributes:
        connection: credentials and region.
        role: the ARN of the role that SageMaker acts in; "" where there is none, and things can only be looked at.
        bucket: the bucket that data and models go through; it is this account's and in this region.
        scheduler_role: the ARN of the role that lets endpoints delete themselves with the app closed, or None.
    """

    connection: Connection
    role: str
    bucket: str
    scheduler_role: str | None

    @property
    def owner(self) -> str:
        """Who uses it: the ARN of the user or the assumed role, the same at every start.

        Where a profile assumes a role, boto3 makes up a name for each session, which would make a stranger of everybody
        at the next start: it is left out. People who share a machine share its credentials, and are told apart by name.
        """
        arn = re.sub(r"/botocore-session-\d+$", "", self.connection.identity().arn)
        return f"{arn}/{person()}" if person() else arn


def account_of(found: Overview) -> Account:
    """The account that an overview has found.

    Raises:
        WorkbenchError: something is missing that training and deploying need.
    """
    if not found.ready or found.connection is None or found.role is None or found.bucket is None:
        raise WorkbenchError(
            "SageMaker cannot be used yet.", " ".join(found.missing) or "Nobody has looked at the account.",
            "Look at the connection to AWS, on the Endpoints tab or with “python -m core aws”.",
        )
    return Account(found.connection, found.role, found.bucket, found.scheduler_role)


def account_to_look_at(found: Overview) -> Account | None:
    """The account with what there is of it, for listing and deleting, which need no role; None where nobody is signed in."""
    if found.connection is None or found.identity is None:
        return None
    bucket = found.bucket or default_bucket(found.identity.account, found.connection.region)
    return Account(found.connection, found.role or "", bucket, found.scheduler_role)


def open_account(choices: Choices) -> Account:
    """The account that the person's choices lead to; looks at it first, which takes a second or two.

    Raises:
        WorkbenchError: as ``account_of``.
    """
    return account_of(overview(choices.profile, choices.region, choices.bucket, choices.role))
