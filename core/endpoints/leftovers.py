"""What deployments and trainings have left in the account that no endpoint needs, and what of it costs money.

A deployment that this machine knows of is on the list of endpoints with what is left of it, and is deleted there.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from core.aws import buckets, hosting, inventory, logs, running, schedules, tags
from core.aws.account import Account
from core.aws.errors import AwsError, unless_denied
from core.aws.names import PREFIX
from core.aws.policy import ENDPOINT_LOGS
from core.aws.prices import price_of
from core.endpoints.host import Whose
from core.endpoints.remembered import Incomplete
from core.endpoints.sagemaker_parts import archive_folder, end_endpoint, patiently
from core.errors import WorkbenchError

T = TypeVar("T")

Kind = Literal[
    "endpoint", "configuration", "model", "archive", "schedule", "log", "training-job", "tuning-job", "warm-pool"
]
#: These are at work for somebody, perhaps on another machine: nobody ends them with a sweep of the broom.
AT_WORK: tuple[Kind, ...] = ("training-job", "tuning-job")

#: Seconds for which something may lie there without an endpoint because one is just being made, on whichever machine.
SETTLED = 900.0

_WORDS: dict[Kind, str] = {
    "endpoint": "An endpoint that has failed",
    "configuration": "The configuration of an endpoint that is not there",
    "model": "The model of an endpoint that is not there",
    "archive": "The archive of a model that is not there",
    "schedule": "The schedule of an endpoint that is not there",
    "log": "The log of an endpoint that is not there",
    "training-job": "A training job that is running",
    "tuning-job": "A search over settings that is running",
    "warm-pool": "Machines that are kept warm for the next training job",
}


@dataclass(frozen=True)
class Leftover:
    """One thing that is left.

    Attributes:
        kind: what it is.
        name: its own name, or that of the deployment that it belongs to.
        what: what it is, in words.
        an_hour: what it costs an hour, in US dollars; what is only stored costs next to nothing and counts as 0.
        whose: "colleague" where a tag says so. Archives, schedules and logs bear none, and count as yours.
    """

    kind: Kind
    name: str
    what: str
    an_hour: float
    whose: Whose


def find_leftovers(account: Account, known: Collection[str], runs: Collection[str]) -> list[Leftover]:
    """What is left in the account, what costs most first.

    Args:
        known: the deployments that this machine knows of: they are on the list of endpoints.
        runs: the ids of this workspace's runs: the Train tab looks after their jobs.

    Raises:
        AwsError: AWS cannot be reached.
        Incomplete: it refuses a part; the rest is in there.
    """
    refused: list[AwsError] = []

    def ask(question: Callable[[], list[T]]) -> list[T]:
        return unless_denied(question, [], refused)

    found = ask(lambda: _running(account, runs))  # first of all what costs by the hour
    found += ask(lambda: _lying(account, known, ask))
    if refused:
        raise Incomplete(found, refused[0])
    return found


def _running(account: Account, runs: Collection[str]) -> list[Leftover]:
    """Jobs that this workspace knows nothing of, and what is kept warm; what costs most first."""
    found, connection = [], account.connection
    for one in running.list_running(connection):
        if one.kind == "warm-pool" or one.tags.get(tags.RUN) not in runs:
            price = price_of(connection, one.instance_type, connection.region, "training") if one.count else None
            an_hour = price.an_hour * one.count if price else 0.0
            what = _WORDS[one.kind].replace("running", "stopping") if one.stopping else _WORDS[one.kind]
            found.append(Leftover(one.kind, one.name, what, an_hour, _whose(account, one.tags)))
    return sorted(found, key=lambda one: -one.an_hour)


def _lying(
    account: Account, known: Collection[str], ask: Callable[[Callable[[], list[str]]], list[str]]
) -> list[Leftover]:
    """What lies there without an endpoint, and endpoints that have failed.

    Args:
        ask: gives the answer to a question, or an empty one where it may not be asked.
    """
    connection = account.connection
    endpoints = {one.name: one for one in hosting.list_endpoints(connection) if one.name.startswith(PREFIX)}
    owners = {one.name: one.tags for one in inventory.made_here(connection)}
    made = {"configuration": hosting.list_configs(connection), "model": hosting.list_models(connection)}
    archives = _archives(account)
    young = {
        name for name, at in [*((one.name, one.created) for some in made.values() for one in some), *archives.items()]
        if at > time.time() - SETTLED
    }
    log_groups = ask(lambda: logs.groups(connection, f"{ENDPOINT_LOGS}{PREFIX}"))
    models = {one.name for one in made["model"]}
    lying: list[tuple[Kind, Collection[str]]] = [
        ("configuration", {one.name for one in made["configuration"]}), ("model", models),
        ("archive", archives.keys() - models), ("schedule", set(ask(lambda: schedules.list_schedules(connection)))),
        ("log", {group.removeprefix(ENDPOINT_LOGS) for group in log_groups}),
    ]
    found = [
        Leftover("endpoint", name, _WORDS["endpoint"], 0.0, _whose(account, owners.get(name, {})))
        for name, one in endpoints.items() if one.status == "Failed" and tags.made_here(owners.get(name, {}))
    ]
    return found + [
        Leftover(kind, name, _WORDS[kind], 0.0, _whose(account, owners.get(name, {})))
        for kind, names in lying for name in sorted(names - endpoints.keys() - set(known) - young)
        if kind not in made or tags.made_here(owners.get(name, {}))
    ]


def _whose(account: Account, its_tags: dict[str, str]) -> Whose:
    return "colleague" if its_tags.get(tags.OWNER) and not tags.is_of(its_tags, account.owner) else "mine"


def remove_leftover(account: Account, leftover: Leftover, tell: Callable[[str], None]) -> None:
    """Remove it; it may be gone already.

    Raises:
        WorkbenchError: it is needed (again) by an endpoint, AWS refuses, or cannot be reached.
    """
    connection, name = account.connection, leftover.name
    if not name.startswith(PREFIX):
        raise WorkbenchError(f"{name} is left alone.", "Its name is not one that the workbench gives.", "")
    tell(f"Removing {leftover.what[0].lower() + leftover.what[1:]}: {name}")
    if leftover.kind == "training-job" or leftover.kind == "tuning-job" or leftover.kind == "warm-pool":
        patiently(partial(running.end, connection, leftover.kind, name))
        return
    endpoint = patiently(lambda: hosting.describe_endpoint(connection, name))
    if endpoint is not None and (leftover.kind != "endpoint" or endpoint.status != "Failed"):
        raise WorkbenchError(f"{name} stays.", "There is an endpoint of that name now, which needs it.", "")
    match leftover.kind:
        case "endpoint":
            end_endpoint(account, name, tell)
        case "configuration":
            patiently(lambda: hosting.delete_config(connection, name))
        case "model":
            patiently(lambda: hosting.delete_model(connection, name))
        case "archive":
            patiently(lambda: buckets.delete_prefix(connection, archive_folder(account.bucket, name)))
        case "schedule":
            patiently(lambda: schedules.delete_schedule(connection, name))
        case "log":
            patiently(lambda: logs.delete_group(connection, f"{ENDPOINT_LOGS}{name}"))


def _archives(account: Account) -> dict[str, float]:
    """When the archive of each deployment was last written, by the deployment's name."""
    start = f"s3://{account.bucket}/{buckets.MODELS}"
    found: dict[str, float] = {}
    for one in buckets.list_prefix(account.connection, start):
        name, _, rest = one.uri.removeprefix(start).partition("/")
        if rest and name.startswith(PREFIX):
            found[name] = max(found.get(name, 0.0), one.modified)
    return found
