"""``aws``: whose AWS account is used, and what is missing in it; exits with 1 while anything is missing."""

from argparse import Namespace
from dataclasses import replace
from typing import Any

from core.aws import buckets
from core.aws.choices import read_choices, save_choices
from core.aws.overview import Overview, overview
from core.cli.output import note, say, write_json
from core.workspace import Workspace

_CHOSEN = ("profile", "region", "role", "bucket")


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    given = {name: getattr(options, name) or None for name in _CHOSEN if getattr(options, name) is not None}
    choices = replace(read_choices(workspace), **given)
    found = overview(choices.profile, choices.region, choices.bucket, choices.role)
    if options.make_bucket and found.bucket_state == "missing" and found.connection and found.bucket:
        note(f"Making the bucket {found.bucket}")
        buckets.create(found.connection, found.bucket)
        found = overview(choices.profile, choices.region, choices.bucket, choices.role)
    if given or found.identity:
        save_choices(workspace, choices)
    if options.json:
        write_json(_as_dict(found))
    else:
        _tell(found)
    return 0 if found.ready else 1


def _as_dict(found: Overview) -> dict[str, Any]:
    return {
        "account": found.identity and found.identity.account, "you": found.identity and found.identity.arn,
        "profile": found.profile, "region": found.region, "role": found.role, "bucket": found.bucket,
        "bucket_state": found.bucket_state, "scheduler_role": found.scheduler_role, "ready": found.ready,
        "missing": list(found.missing), "notes": list(found.notes), "policies": found.policies or {},
    }


def _tell(found: Overview) -> None:
    if found.identity:
        say(f"Account  {found.identity.account}, {found.region}")
        say(f"You are  {found.identity.arn}")
        say(f"Role     {found.role or 'none'}")
        say(f"Bucket   {found.bucket}{' (not there yet: --make-bucket makes it)' if found.bucket_state == 'missing' else ''}")
    for line in found.missing:
        say(f"Missing: {line}" if found.identity else line)
    for line in found.notes:
        say(f"Note: {line}" if found.identity else line)
    if found.ready:
        say("Training and deploying on SageMaker can begin.")
    elif found.policies:
        say("The policies to copy into the IAM console: python -m core aws --json")
