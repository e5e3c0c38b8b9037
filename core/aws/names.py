"""What the workbench calls what it makes, so that a policy can be limited to it and a name is made again the same."""

import hashlib
import re

#: Every resource's name begins with it.
PREFIX = "ewb-"
#: Every object in the bucket lies under it.
FOLDER = "embedding-workbench"

#: The longest name of an endpoint, a configuration, a model and a training job, and of a tuning job.
LONGEST, LONGEST_TUNING = 63, 32


def deployment_name(run: str, owner: str, on: str, digest: str) -> str:
    """The one name of a deployment's model, configuration and endpoint.

    Args:
        run: the run's id, or the name of another model.
        owner: who deploys; two people's runs of the same id must not meet in one account.
        on: the kind of endpoint ("sagemaker", "serverless", "tei").
        digest: the model's; two machines' runs of the same id must not meet either.
    """
    return _name(run, on, LONGEST, f"{owner}\n{digest}")


def training_job_name(run: str, owner: str, attempt: int = 1) -> str:
    """The name of a run's training job. A name can be used only once in an account, so a resumed run counts on."""
    return _name(run, str(attempt), LONGEST, owner)


def tuning_job_name(run: str, owner: str) -> str:
    """The name of a search; the jobs of its trials begin with it."""
    return _name(run, "", LONGEST_TUNING, owner)


def _name(run: str, end: str, longest: int, owner: str) -> str:
    """``ewb-<run>-<digest>-<end>``, the run's id cut where it is long; the digest keeps cut ids and owners apart."""
    digest = hashlib.sha256(f"{owner}\n{run}".encode()).hexdigest()[:8]
    tail = "-".join(part for part in (digest, end) if part)
    room = longest - len(PREFIX) - len(tail) - 1
    # AWS takes letters, digits and single dashes, with neither at an end.
    stem = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")[:room].strip("-")
    return f"{PREFIX}{stem}-{tail}" if stem else f"{PREFIX}{tail}"
