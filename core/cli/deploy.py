"""``deploy``: a model becomes an endpoint; done when its vectors have been compared with the model's own."""

from argparse import Namespace

from core.cli.output import note, say, write_json
from core.endpoints.host import DeploySpec
from core.endpoints.local import LocalHost
from core.models import resolve
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    host = LocalHost(workspace)
    host.sweep()
    endpoint = host.deploy(resolve(options.run, workspace), DeploySpec(options.on, options.hours), note)
    if options.json:
        write_json({"name": endpoint.name, "on": endpoint.on, "state": endpoint.state, "why": endpoint.why})
    elif endpoint.state == "Ready":
        say(f"{endpoint.name} is ready: {endpoint.address}")
        say(f"Its token is in {workspace.endpoints / endpoint.name / 'token'}")
        say(f"Delete it: python -m core delete {endpoint.name}")
    else:
        say(f"{endpoint.name}: {endpoint.state}. {endpoint.why}")
    return 0 if endpoint.state == "Ready" else 1
