"""``endpoints``: every endpoint with its state, its cost and its end."""

import time
from argparse import Namespace

from core.cli.output import say, write_json
from core.endpoints.host import Endpoint
from core.endpoints.local import LocalHost
from core.workspace import Workspace

_SHOWN = ("name", "on", "state", "an_hour", "so_far", "expires")


def run(options: Namespace) -> int:
    host = LocalHost(Workspace.at(options.workspace))
    host.sweep()
    found = host.list()
    if options.json:
        write_json([{name: getattr(endpoint, name) for name in _SHOWN} for endpoint in found])
    elif not found:
        say("There are no endpoints. Make one with: python -m core deploy RUN")
    else:
        width = max(len(endpoint.name) for endpoint in found)
        for endpoint in found:
            say(f"{endpoint.name:{width}}  {endpoint.on:10}  {endpoint.state:8}  {_cost(endpoint)}  {_end(endpoint)}")
            if endpoint.why:
                say(f"{'':{width}}  {endpoint.why}")
    return 0


def _cost(endpoint: Endpoint) -> str:
    return f"${endpoint.an_hour:.2f} an hour, ${endpoint.so_far:.2f} so far"


def _end(endpoint: Endpoint) -> str:
    if endpoint.expires is None:
        return "stays until it is deleted"
    return f"deletes itself in {max(0.0, endpoint.expires - time.time()) / 3600:.1f} hours"
