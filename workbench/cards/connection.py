"""What the page says about the connection to AWS: who you are, what will be used, what is missing."""

from core.aws.overview import WHAT_AWS_ADDS, Overview
from workbench.aws import Seen
from workbench.words import count, esc, notice

_HEADING = '<h3 class="tight">Amazon SageMaker <span>{beside}</span></h3>'


def summary(seen: Seen) -> str:
    """What is so, in a sentence, and what is missing, a line each. Without AWS it is an offer, no alarm."""
    found = seen.found
    if found is None and seen.doing:
        return f'<div class="apart">{_HEADING.format(beside="")}<p class="soft" role="status">{esc(seen.doing)}</p></div>'
    if found is None or found.identity is None:
        beside, words = "not connected", f'<p class="soft">{esc(WHAT_AWS_ADDS)}</p>'
    elif found.ready:
        beside = '<b class="good">connected</b>'
        words = f"<p>Account {esc(found.identity.account)} in {esc(found.region)}, as {esc(_who(found.identity.arn))}.</p>"
    else:
        beside = f'<b class="warn">{count(len(found.missing), "thing is", "things are")} missing</b>'
        lines = "".join(_line(found, line) for line in found.missing)
        words = (
            f"<p>You are connected to account {esc(found.identity.account)} in {esc(found.region)}. Before you can train or"
            f" deploy there:</p>{lines}"
        )
    doing = f'<p class="soft small" role="status">{esc(seen.doing)}</p>' if seen.doing else ""
    trouble = notice(seen.trouble.what, seen.trouble.why, seen.trouble.what_to_do) if seen.trouble else ""
    return f'<div class="apart">{_HEADING.format(beside=beside)}{words}{doing}{trouble}</div>'


def _line(found: Overview, line: str) -> str:
    """One thing that is missing; the bucket can be made from here, nothing else is made."""
    make = (
        '<div class="actions"><button data-do="make-bucket" data-key="make-bucket">Make the bucket</button></div>'
        if found.bucket_state == "missing" and found.bucket and found.bucket in line
        else ""
    )
    return f'<div class="check"><span class="dot look">!</span><div class="words"><b>{esc(line)}</b></div>{make}</div>'


def _who(arn: str) -> str:
    """The name at the end of an ARN: ``user/anna``, ``assumed-role/Admin/anna``."""
    return arn.split(":", 5)[-1]


def facts(seen: Seen) -> str:
    """Who you are and what will be used; what would make it better; the policies to copy."""
    found = seen.found
    if found is None:
        return '<p class="soft">Choose a profile and a region, or leave both to the AWS configuration of this machine.</p>'
    if found.identity is None:
        return "".join(f'<p class="soft">{esc(line)}</p>' for line in found.missing)
    rows = (
        ("Account", found.identity.account),
        ("You are", found.identity.arn),
        ("Region", found.region),
        ("Role that SageMaker acts in", found.role or "none yet"),
        ("Bucket for data and models", f"{found.bucket}{' (not made yet)' if found.bucket_state == 'missing' else ''}"),
        ("Endpoints delete themselves", "also with this app closed" if found.scheduler_role else "while this app runs"),
    )
    table = "".join(f"<tr><th>{title}</th><td>{esc(value)}</td></tr>" for title, value in rows)
    notes = "".join(f'<p class="soft small">{esc(line)}</p>' for line in found.notes)
    return f'<div class="apart"><table class="facts"><tbody>{table}</tbody></table>{notes}</div>'


def policies(found: Overview | None) -> str:
    """The IAM policies, each in a fold and ready to be copied."""
    if found is None or not found.policies:
        return ""
    folds = "".join(
        f'<details data-key="policy-{number}"><summary>{esc(title)}</summary><div class="program">'
        f'<button data-copy="policy-{number}" data-key="copy-policy-{number}" aria-label="Copy: {esc(title)}">Copy</button>'
        f'<pre id="policy-{number}" tabindex="0">{esc(text)}</pre></div></details>'
        for number, (title, text) in enumerate(found.policies.items())
    )
    title = '<p class="soft small">Policies to copy into the IAM console, limited to what the workbench makes:</p>'
    return f'<div class="folds">{title}{folds}</div>'
