"""What the page says about the connection: who you are, what will be used, and what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from core.aws import buckets, policy, roles
from core.aws.errors import NO_CREDENTIALS, AwsError
from core.aws.session import Connection, Identity, connect
from core.errors import WorkbenchError

T = TypeVar("T")

#: What AWS adds, for someone who has none.
WHAT_AWS_ADDS = (
    "Everything works on this machine without AWS. With an AWS account you can also train on a machine of your choice,"
    " GPUs included, and serve a model at an address of its own."
)


@dataclass(frozen=True)
class Overview:
    """What is so about the account at one moment.

    Attributes:
        connection: what the answers were asked with, None where there is none to ask with.
        profile, region: as used; None where none is chosen.
        identity: whose credentials they are; None where there are none that AWS accepts.
        role: the execution role's ARN that will be used, or None.
        roles: the ARNs that can be chosen from.
        scheduler_role: the ARN of the role that lets endpoints delete themselves with the app closed, or None.
        bucket, bucket_state: the bucket that will be used and what is so about it; None where that is not known.
        missing: what keeps training and deploying from working, a line each.
        notes: what works less well than it could, a line each.
        policies: title -> JSON to copy into the IAM console.
    """

    profile: str | None
    region: str | None
    identity: Identity | None = None
    role: str | None = None
    roles: tuple[str, ...] = ()
    scheduler_role: str | None = None
    bucket: str | None = None
    bucket_state: buckets.State | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    policies: dict[str, str] | None = None
    connection: Connection | None = None

    @property
    def ready(self) -> bool:
        """Whether training and deploying can begin."""
        return not self.missing


def overview(
    profile: str | None = None, region: str | None = None, bucket: str | None = None, role: str | None = None
) -> Overview:
    """Look around in the account. Makes nothing, and raises nothing that a person could mend: that is in ``missing``.

    Args:
        profile, region: as chosen; None leaves it to boto3.
        bucket, role: as chosen; None takes the workbench's own bucket, and the likeliest role.
    """
    try:
        connection = connect(profile, region)
    except WorkbenchError as error:
        return Overview(profile, region, missing=(str(error),), notes=(WHAT_AWS_ADDS,))
    try:
        if not connection.has_credentials():
            line = f"There are no AWS credentials on this machine. {NO_CREDENTIALS}"
            return Overview(profile, connection.region, missing=(line,), notes=(WHAT_AWS_ADDS,))
        identity = connection.identity()
    except AwsError as error:
        return Overview(profile, connection.region, missing=(str(error),), notes=(WHAT_AWS_ADDS,))
    return _of_account(connection, identity, bucket, role)


def _of_account(connection: Connection, identity: Identity, bucket: str | None, role: str | None) -> Overview:
    missing: list[str] = []
    notes: list[str] = []
    silent = False

    def ask(question: Callable[[], T], lines: list[str]) -> T | None:
        """The answer, or None and what kept AWS from giving it as a line. Who does not answer is asked nothing more."""
        nonlocal silent
        if silent:
            return None
        try:
            return question()
        except WorkbenchError as error:
            silent = isinstance(error, AwsError) and error.kind == "unreachable"
            (missing if silent else lines).append(str(error))
            return None

    found = ask(lambda: roles.execution_roles(connection), notes if role else missing) or []
    if role:
        ask(partial(roles.check_arn, role), missing)
    role = role or next((one.arn for one in found), None)
    if role is None and not missing:
        missing.append(
            "There is no role that SageMaker may act in. Make one in the IAM console with the execution policy and trust"
            f" policy below, named {policy.EXECUTION_ROLE}, or choose another."
        )
    scheduler = ask(lambda: roles.scheduler_role(connection), [])
    if scheduler is None and not silent:
        notes.append(
            "Endpoints delete themselves only while this app runs, or when it starts next. For that to work with the app"
            f" closed, make a role named {policy.SCHEDULER_ROLE} with the scheduler's policies below."
        )
    bucket = bucket or buckets.default_bucket(identity.account, connection.region)
    state = ask(lambda: buckets.state(connection, bucket), missing)
    if state not in (None, "ours"):
        missing.append(" ".join(buckets.why_not(bucket, state)))
    scheduler_arn = scheduler.arn if scheduler else None
    return Overview(
        profile=connection.profile, region=connection.region, identity=identity, role=role,
        roles=tuple(one.arn for one in found), scheduler_role=scheduler_arn, bucket=bucket, bucket_state=state,
        missing=tuple(missing), notes=tuple(notes),
        policies=_policies(identity.account, connection.region, bucket, role, scheduler_arn), connection=connection,
    )


def _policies(
    account: str, region: str, bucket: str, role: str | None, scheduler_role: str | None
) -> dict[str, str]:
    found = {
        "Your own user or role: policy": policy.caller_policy(account, region, bucket, role, scheduler_role),
        "Execution role: policy": policy.execution_policy(bucket, region, account),
        "Execution role: trust policy": policy.trust_policy("sagemaker", account),
        "Scheduler role: policy": policy.scheduler_policy(account, region),
        "Scheduler role: trust policy": policy.trust_policy("scheduler", account),
    }
    return {title: policy.as_json(one) for title, one in found.items()}
