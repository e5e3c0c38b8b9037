"""The AWS account: whether there are credentials that are accepted, what is missing, and which permissions are refused."""

from core.aws.choices import Choices
from core.aws.errors import AwsError
from core.aws.overview import overview
from core.aws.permissions import refused_looks
from core.doctor.finding import Finding

AREA = "AWS"
#: After so many seconds AWS is asked nothing more; a request that is under way ends within half a minute.
SECONDS = 60.0
_POLICIES = "The policies to copy into the IAM console: python -m core aws --json"


def not_looked_at() -> Finding:
    """Where nothing was ever connected to AWS."""
    return Finding(
        AREA, "good", "AWS is not used on this machine, and nothing needs it.", "",
        "Where an instance's own role gives credentials, ask for it: python -m core doctor --aws",
    )


def look_at_account(choices: Choices) -> list[Finding]:
    """Ask AWS, with real requests that make nothing. Takes some seconds."""
    found = overview(choices.profile, choices.region, choices.bucket, choices.role)
    who = (found.identity.arn, found.region or "") if found.identity else ()
    if found.connection is None:
        return [Finding(
            AREA, "bad", "AWS cannot be asked.", "There are no credentials that it accepts, or no region is chosen.",
            "Look at the connection: python -m core aws", found.missing,
        )]
    bucket = found.bucket if found.bucket_state == "ours" else None
    refused, trouble = refused_looks(found.connection, bucket, SECONDS)
    findings = [Finding(AREA, "good", "AWS accepts the credentials.", names=who)]
    if found.missing:
        findings.append(Finding(
            AREA, "bad", f"Training and deploying on SageMaker lack {_things(len(found.missing))}.", "",
            f"Look at the connection: python -m core aws. {_POLICIES}", found.missing,
        ))
    if refused:
        findings.append(Finding(
            AREA, "bad", f"AWS refuses {', '.join(refused)}.", "The policy of your user or role does not allow it.", _POLICIES,
        ))
    if trouble:
        findings.append(Finding(AREA, "bad", *_without_names(trouble), names=(str(trouble),)))
    if found.notes:
        findings.append(Finding(AREA, "note", "Something in the account could work better.", names=found.notes))
    if not found.missing and not refused and not trouble:
        findings.append(Finding(
            AREA, "good", "Role, bucket and all permissions for looking are there.",
            "What may be made and deleted is only known when it is tried.", _POLICIES,
        ))
    return findings


def _things(number: int) -> str:
    return "something" if number == 1 else f"{number} things"


def _without_names(error: AwsError) -> tuple[str, str, str]:
    """What kept AWS from answering in our own words: its texts may name an account, a user or a bucket."""
    whys = {
        "unreachable": "It cannot be reached, or took too long.", "throttled": "Too many requests came from this account.",
        "credentials": "It does not accept the credentials any more.",
    }
    return "Not all permissions could be tried.", whys.get(error.kind, f"AWS says: {error.code}."), "Try again in a few minutes."
