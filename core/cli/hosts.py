"""The endpoints here and in the AWS account, as the commands look at them: AWS is asked where there is anything to ask with."""

import os
from pathlib import Path

from core.aws.account import account_to_look_at
from core.aws.choices import has_choices, read_choices
from core.aws.overview import overview
from core.aws.session import credentials_in_environment
from core.cli.output import note
from core.endpoints.hosts import Hosts
from core.errors import WorkbenchError
from core.workspace import Workspace

#: Files in which boto3 finds credentials without anybody's choice, by the variables that name others.
_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}


def open_hosts(workspace: Workspace) -> tuple[Hosts, WorkbenchError | None]:
    """The endpoints, and why AWS cannot be asked, where it should be: nothing where nobody has ever connected to AWS."""
    if not may_be_connected(workspace):
        return Hosts(workspace, lambda: None), None
    choices = read_choices(workspace)
    found = overview(choices.profile, choices.region, choices.bucket, choices.role)
    account, trouble = account_to_look_at(found), None
    if account is None and (has_choices(workspace) or any(workspace.hosted.glob("*/*/"))):
        trouble = WorkbenchError("Endpoints in the AWS account cannot be looked at.", " ".join(found.missing), "")
    return Hosts(workspace, lambda: account), trouble


def sweep(hosts: Hosts) -> None:
    """Delete what is over; what AWS does not let us sweep is told, and stays for the next time."""
    try:
        for name in hosts.sweep():
            note(f"{name} is deleted: its time was over.")
    except WorkbenchError as error:
        note(str(error))


def may_be_connected(workspace: Workspace) -> bool:
    """Whether there is anything to ask AWS with, or about: credentials, choices, or a deployment. Makes no request."""
    return (
        has_choices(workspace) or any(workspace.hosted.glob("*/*/")) or credentials_in_environment()
        or any(Path(os.environ.get(name, usual)).expanduser().is_file() for name, usual in _FILES.items())
    )
