"""``delete``: an endpoint, or all of one's own, with everything that belongs to it; exits with 1 while anything is left."""

from argparse import Namespace

from core.cli.hosts import open_hosts
from core.cli.output import note, say, write_json
from core.endpoints.hosts import Hosts
from core.endpoints.leftovers import AT_WORK
from core.errors import WorkbenchError
from core.workspace import Workspace


def run(options: Namespace) -> int:
    if not (options.name or options.mine or options.leftovers):
        raise WorkbenchError("Nothing was named.", "", "Give an endpoint's name, --mine or --leftovers.")
    hosts, trouble = open_hosts(Workspace.at(options.workspace))
    gone: list[str] = []
    left: list[str] = []
    if options.name:
        _delete_one(hosts, options.name, gone, left)
    if options.mine:
        left += [str(trouble)] if trouble else []
        _delete_mine(hosts, gone, left)
    if options.leftovers:
        _remove_leftovers(hosts, gone, left)
    if options.json:
        write_json({"deleted": gone, "left": left})
    else:
        say(f"Deleted: {', '.join(gone)}. Nothing is left of it." if gone else "Nothing was deleted.")
        for what in left:
            say(f"Still there: {what}")
    return 1 if left else 0


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
