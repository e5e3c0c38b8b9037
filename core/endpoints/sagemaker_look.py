"""An endpoint on SageMaker as the list shows it: derived from what AWS says and what this machine keeps, never stored."""

import time
from typing import Any

from core.aws import tags
from core.aws.failures import explain_failure
from core.aws.hosting import Machines, Serverless
from core.aws.prices import SERVERLESS_GB_SECOND
from core.endpoints.host import Endpoint, Scaling, State, Target, Whose
from core.endpoints.sagemaker_folder import DeploymentFolder
from core.endpoints.sagemaker_parts import BUSY
from core.endpoints.sagemaker_view import Seen

#: SageMaker's states in which an endpoint answers.
SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")
#: Seconds after its creation in which another machine may still be about to check an endpoint.
_CHECKING = 900.0
_KINDS: tuple[Target, ...] = ("serverless", "tei", "sagemaker")

UNCHECKED = "Nobody has checked its vectors. Deploy it again, which checks them. What came between:"
NOBODY_CHECKED = "Nobody has checked its vectors: the app was closed meanwhile. Deploy it again, which checks them."


def kind_of(name: str) -> Target:
    """The kind of an endpoint that the workbench made: its name ends with it."""
    return next((kind for kind in _KINDS if name.endswith(f"-{kind}")), "sagemaker")


#: Said of one whose tags these credentials may not read.
TAGS_UNREAD = "Whether its vectors were checked cannot be told: its tags may not be read."


#: Said of one of which nobody can tell whether it will end by itself.
NO_END = (
    "When it was to delete itself cannot be told: its tag in the account is missing, unreadable or may not be read. It costs"
    " until it is gone: delete it, or give it a new end with Extend."
)


def whose(seen: Seen, folder: DeploymentFolder, owner: str) -> Whose:
    """Whose an endpoint is; where its tags may not be read, what this machine knows says so."""
    if not seen.made_here:
        return "foreign"
    if seen.tags_unread:
        return "mine" if folder.intent() else "colleague"
    return "mine" if tags.is_of(seen.tags, owner) else "colleague"


def with_endpoint(seen: Seen, folder: DeploymentFolder, owner: str) -> Endpoint:
    """An endpoint that AWS has."""
    its = whose(seen, folder, owner)
    expires = tags.expires_at(seen.tags)
    state, why = _foreign_state(seen) if its == "foreign" else _state(seen, folder)
    if its != "foreign" and expires is not None and expires <= time.time() and state in ("Ready", "Wrong"):
        state, why = ("Deleting", "Its time is over.") if its == "mine" else (state, f"Its time is over. {why}".strip())
    an_hour, so_far, no_price = _cost(seen)
    intent = folder.intent() if its == "mine" else {}
    end_known = _end_is_known(seen, expires, intent)
    no_end = "" if end_known or state not in ("Starting", "Ready", "Wrong") else NO_END
    serverless = isinstance(seen.size, Serverless)
    return Endpoint(
        name=seen.name, on=kind_of(seen.name) if its != "foreign" else "serverless" if serverless else "sagemaker",
        state=state, why=" ".join(part for part in (why, no_price, no_end) if part),
        model=(intent.get("model") or {}).get("name") or seen.tags.get(tags.RUN, ""), created=seen.listed.created,
        expires=expires, an_hour=an_hour, so_far=so_far,
        calls=None if seen.counted is None or its == "foreign" else seen.counted.calls,
        address=seen.name if state in ("Ready", "Wrong") else "", machine=_machine(seen, folder), whose=its,
        end_known=end_known,
    )


def without_endpoint(folder: DeploymentFolder, left: list[str] | None) -> Endpoint:
    """A deployment that has no endpoint yet, or none any more.

    Args:
        left: what there is of it, in words; None where that has not been asked.
    """
    intent, spec = folder.intent(), folder.spec()
    state, why = _state_without(folder, left)
    machine = "" if spec is None else machine_in_words(
        Serverless(spec.memory_mb, spec.concurrency) if spec.on == "serverless" else Machines(spec.instance_type, spec.count),
        None, spec.scaling,
    )
    deleting = folder.deleting()
    return Endpoint(
        name=folder.name, on=kind_of(folder.name), state=state, why=why,
        model=(intent.get("model") or {}).get("name") or str(deleting.get("model", "")),
        created=intent.get("created") or deleting.get("began") or 0.0, expires=intent.get("expires"), an_hour=0.0,
        so_far=0.0, calls=None, address="", machine=machine, whose=deleting.get("whose", "mine"),
        end_known="expires" in intent,
    )


def _end_is_known(seen: Seen, expires: float | None, intent: dict[str, Any]) -> bool:
    """Whether its tags say when it ends, or that it never does: then it has no such tag, and was never to have one."""
    if expires is not None or not seen.made_here:
        return True
    return not (seen.tags_unread or tags.EXPIRES in seen.tags or intent.get("expires"))


def machine_in_words(size: Machines | Serverless, now: int | None, scaling: Scaling | None) -> str:
    """What an endpoint runs on; ``now`` is how many instances there are at the moment."""
    if isinstance(size, Serverless):
        return f"{size.memory_mb // 1024} GB, {size.concurrency} calls at a time; costs only while it works"
    words = f"{size.count if now is None else now} × {size.instance_type}"
    return f"{words} ({scaling.least} to {scaling.most})" if scaling else words


def _machine(seen: Seen, folder: DeploymentFolder) -> str:
    if seen.size is None:
        return "not known"
    spec = folder.spec() if seen.made_here else None
    now = seen.described.instances if seen.described else None
    return machine_in_words(seen.size, now, spec.scaling if spec else None)


def _cost(seen: Seen) -> tuple[float, float, str]:
    """Dollars an hour and so far, and what is to be said of them. Machines are taken to be as many as now all the time."""
    if isinstance(seen.size, Serverless):
        worked = seen.counted.seconds if seen.counted else 0.0
        return 0.0, worked * seen.size.memory_mb / 1024 * SERVERLESS_GB_SECOND, ""
    if seen.listed.status == "Failed":  # SageMaker has given its machines back
        return 0.0, 0.0, ""
    if seen.size is None or seen.price is None:
        return 0.0, 0.0, "What it costs is not known."
    instances = seen.described.instances if seen.described else None
    an_hour = seen.price * (seen.size.count if instances is None else instances)
    return an_hour, an_hour * max(0.0, time.time() - seen.listed.created) / 3600, ""


def _foreign_state(seen: Seen) -> tuple[State, str]:
    said = "It was not made by a workbench."
    status = seen.listed.status
    if status in SERVING:
        return "Ready", said
    return ("Starting" if status in BUSY else "Deleting" if status == "Deleting" else "Failed"), said


def _state(seen: Seen, folder: DeploymentFolder) -> tuple[State, str]:
    """State and why."""
    if half := _deletion(folder):
        return half
    status = seen.listed.status
    if status == "Deleting":
        return "Deleting", ""
    if status not in SERVING and status not in BUSY:
        explained, told = " ".join(explain_failure(seen.described.reason if seen.described else "")), folder.outcome()
        return "Failed", told["why"] if str(told.get("why", "")).startswith(explained) else explained  # that has the log
    if folder.is_deployed_now() or status == "Creating":
        return "Starting", ""
    outcome = folder.outcome()
    if seen.tags.get(tags.CHECKED) == tags.READY:
        return "Ready", ""
    if seen.tags.get(tags.CHECKED) == tags.WRONG:
        return "Wrong", outcome.get("why") or "Its vectors were not the model's own when it was deployed."
    if outcome.get("state") == "Ready":  # AWS did not let us write the tag
        return "Ready", ""
    if seen.tags_unread:
        return "Wrong", outcome.get("why") or TAGS_UNREAD
    if outcome.get("state") == "Failed":  # we could not wait for it, and SageMaker went on
        return "Wrong", f"It is in service, but {UNCHECKED[0].lower()}{UNCHECKED[1:]} {outcome.get('why', '')}".strip()
    if not folder.intent() and time.time() - seen.listed.created < _CHECKING:
        return "Starting", "Its vectors are being checked by the machine that deploys it."
    return "Wrong", outcome.get("why") or NOBODY_CHECKED


def _deletion(folder: DeploymentFolder) -> tuple[State, str] | None:
    """What is so about a deletion that was begun; None where none was."""
    if not folder.deleting_file.exists():
        return None
    if folder.is_deleted_now():
        return "Deleting", ""
    left = folder.deleting().get("left")
    said = f"Still there: {'; '.join(left)}." if left else "The app was closed meanwhile."
    return "Failed", f"It was not deleted completely. {said} Delete it again."


def _state_without(folder: DeploymentFolder, left: list[str] | None) -> tuple[State, str]:
    if half := _deletion(folder):
        return half
    if folder.is_deployed_now():
        return "Starting", ""
    expires = folder.intent().get("expires")
    if expires is not None and expires <= time.time():
        return "Deleting", "Its time is over."
    there = f" In the account there is: {', '.join(left)}." if left else ""
    outcome = folder.outcome()
    if outcome.get("state") == "Failed":
        return "Failed", f"{outcome.get('why', '')}{there}"
    if outcome:
        return "Failed", (
            f"Its endpoint is gone: it was deleted outside of this workbench, or by its schedule.{there}"
            " Delete it to remove what is left, or deploy it again."
        )
    return "Failed", f"The app was closed while it deployed it.{there} Deploy it again, or delete it."
