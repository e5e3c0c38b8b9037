"""``endpoints``: every endpoint with its state, its cost and its end; exits with 1 where AWS could not be asked."""

import time
from argparse import Namespace

from core.cli.hosts import open_hosts, sweep
from core.cli.output import note, say, write_json
from core.endpoints.host import Endpoint
from core.endpoints.leftovers import Leftover
from core.workspace import Workspace

_SHOWN = ("name", "on", "state", "an_hour", "so_far", "expires", "end_known")
_WHOSE = {"mine": "", "colleague": "a colleague's", "foreign": "not a workbench's"}


def run(options: Namespace) -> int:
    hosts, trouble = open_hosts(Workspace.at(options.workspace))
    sweep(hosts)
    hosts.refresh()
    found = hosts.list()
    if options.json:  # what no workbench made is no business of programs
        write_json([{name: getattr(one, name) for name in _SHOWN} for one in found if one.whose != "foreign"])
    else:
        _tell(found, hosts.find_leftovers())
        for where, names in hosts.out_of_sight().items():
            note(f"Not looked at, in {where}: {', '.join(names)}. Choose that region and account with: python -m core aws")
    if trouble := trouble or hosts.trouble:
        note(str(trouble))
    return 1 if trouble else 0


def _tell(found: list[Endpoint], leftovers: list[Leftover]) -> None:
    if not found:
        say("There are no endpoints. Make one with: python -m core deploy RUN")
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        whose = _WHOSE[one.whose]
        parts = (f"{one.name:{width}}", f"{one.on:10}", f"{one.state:8}", _cost(one), _end(one), one.machine, whose)
        say("  ".join(part for part in parts if part))
        if one.why:
            say(f"{'':{width}}  {one.why}")
    if leftovers:
        say("Left over in the AWS account; remove it with: python -m core delete --leftovers")
        for left in leftovers:
            cost = f"${left.an_hour:.2f} an hour" if left.an_hour else ""
            say("  " + ", ".join(part for part in (f"{left.what}: {left.name}", cost, _WHOSE[left.whose]) if part))


def _cost(endpoint: Endpoint) -> str:
    return f"${endpoint.an_hour:.2f} an hour, ${endpoint.so_far:.2f} so far"


def _end(endpoint: Endpoint) -> str:
    if not endpoint.end_known:
        return "may never delete itself"
    if endpoint.expires is None:
        return "stays until it is deleted"
    return f"deletes itself in {max(0.0, endpoint.expires - time.time()) / 3600:.1f} hours"
