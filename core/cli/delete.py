"""``delete``: an endpoint, or all of one's own, with everything that belongs to it; exits with 1 while anything is left.
Also a run or a pair set, which is asked about first, as it cannot be made again.
"""

import sys
from argparse import Namespace

from core.cli.follow import command
from core.cli.hosts import open_hosts
from core.cli.output import note, printable, say, write_json
from core.cli.trainers import trainers_for
from core.endpoints.hosts import Hosts
from core.endpoints.leftovers import AT_WORK
from core.errors import WorkbenchError
from core.runs.job import read_record
from core.runs.run import ACTIVE, find_run
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    if not (options.name or options.mine or options.leftovers or options.run or options.set):
        raise WorkbenchError("Nothing was named.", "", "Give an endpoint's name, --mine, --leftovers, --run or --set.")
    if (options.run or options.set) and options.leftovers:
        raise WorkbenchError("Nothing was deleted.", "", "Give --leftovers without --run and --set.")
    gone: list[str] = []
    left: list[str] = []
    if options.run:
        _delete_run(workspace, options.run, options.yes)
        gone.append(options.run)
    elif options.set:
        _delete_set(workspace, options.set, options.yes)
        gone.append(options.set)
    else:
        _delete_endpoints(workspace, options, gone, left)
    if options.json:
        write_json({"deleted": gone, "left": left})
    else:
        say(f"Deleted: {', '.join(gone)}. Nothing is left of it." if gone else "Nothing was deleted.")
        for what in left:
            say(f"Still there: {what}")
    return 1 if left else 0


def _delete_run(workspace: Workspace, name: str, yes: bool) -> None:
    """A run with its model, and what it left in the AWS account.

    Raises:
        WorkbenchError: there is no such run, it is at work, nobody agreed, or something of it could not be deleted.
    """
    one = find_run(workspace, name)
    if one.status().state in ACTIVE:
        raise WorkbenchError(f"{one.id} is still at work.", "", f"Stop it first: {command('stop', one)}")
    far = read_record(one) is not None
    there = " and what it left in your AWS account" if far else ""
    _confirm(one.id, f"{one.id} with its model{there}", yes)
    trainers_for(workspace, one.on if far else "here").delete(one)


def _delete_set(workspace: Workspace, name: str, yes: bool) -> None:
    """A pair set, also one that is damaged; runs keep their own copy of the pairs, so none is in its way.

    Raises:
        WorkbenchError: there is no such set, nobody agreed, or it could not be deleted.
    """
    from core.pairs.store import SET_ID, delete_set, open_set

    if not (SET_ID.fullmatch(name) and (workspace.sets / name).is_dir()):
        open_set(workspace, name)  # says that there is none
    _confirm(name, f"{name} with the copy of its file and all that was changed", yes)
    delete_set(workspace, name)


def _confirm(name: str, what: str, yes: bool) -> None:
    """Have the name typed on a terminal, unless --yes was given.

    Raises:
        WorkbenchError: it was not typed, or nobody can be asked.
    """
    if yes:
        return
    again = f"To delete {what}, which cannot be undone, add --yes."
    if not sys.stdin.isatty():
        raise WorkbenchError("Nothing was deleted.", "", again)
    print(printable(f"This deletes {what}. It cannot be undone. Type {name} to go on: "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise WorkbenchError("Nothing was deleted.", f"{name} was not typed.", again)


def _delete_endpoints(workspace: Workspace, options: Namespace, gone: list[str], left: list[str]) -> None:
    hosts, trouble = open_hosts(workspace)
    if options.name:
        _delete_one(hosts, options.name, gone, left)
    if options.mine:
        left += [str(trouble)] if trouble else []
        _delete_mine(hosts, gone, left)
    if options.leftovers:
        _remove_leftovers(hosts, gone, left)


def _delete_one(hosts: Hosts, name: str, gone: list[str], left: list[str]) -> None:
    """An endpoint, or a job or warm pool that is left over.

    Raises:
        WorkbenchError: there is nothing of that name, somebody deletes it already, or it is not a workbench's.
    """
    try:
        _delete_endpoint(hosts, name, gone, left)
    except WorkbenchError:
        found = [one for one in hosts.find_leftovers() if one.name == name]
        if not found:
            raise
        for one in found:
            hosts.remove(one, note)
        gone.append(name)


def _delete_mine(hosts: Hosts, gone: list[str], left: list[str]) -> None:
    hosts.refresh()
    left += [str(hosts.trouble)] if hosts.trouble else []
    for endpoint in hosts.list():
        if endpoint.whose == "mine":
            try:
                _delete_endpoint(hosts, endpoint.name, gone, left)
            except WorkbenchError as error:
                left.append(f"{endpoint.name}: {error}")
    for where, names in hosts.out_of_sight().items():
        left += [f"{name}: it is in {where}, which is not connected now" for name in names]


def _delete_endpoint(hosts: Hosts, name: str, gone: list[str], left: list[str]) -> None:
    remains = hosts.delete(name, note).left
    left += [f"{name}: {what}" for what in remains]
    if not remains:
        gone.append(name)


def _remove_leftovers(hosts: Hosts, gone: list[str], left: list[str]) -> None:
    """Everything of one's own that is only left; what is at work is told."""
    found = hosts.find_leftovers()
    left += [str(hosts.trouble)] if hosts.trouble else []
    for one in found:
        if one.whose != "mine":
            continue
        if one.kind in AT_WORK:
            note(f"{one.what}: {one.name}. Stop it with: python -m core delete {one.name}")
            continue
        try:
            hosts.remove(one, note)
            gone.append(one.name)
        except WorkbenchError as error:
            left.append(f"{one.name}: {error}")
