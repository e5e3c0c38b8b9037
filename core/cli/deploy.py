"""``deploy``: a model becomes an endpoint; done when its vectors have been compared with the model's own."""

from argparse import Namespace
from typing import Any

from core.aws.account import open_account
from core.aws.choices import read_choices
from core.cli.output import note, say, write_json
from core.endpoints.host import DeploySpec, Scaling
from core.endpoints.hosts import Hosts
from core.errors import WorkbenchError
from core.models import resolve
from core.workspace import Workspace

#: Which options say what of which kind of endpoint.
_OF_MACHINES = {"instance_type": "instance_type", "count": "count", "min": "", "max": "", "calls_a_minute": ""}
_OF_SERVERLESS = {"memory": "memory_mb", "concurrency": "concurrency"}

#: What one machine is to answer in a minute where nothing is said.
CALLS_A_MINUTE = 600


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    spec = spec_of(options)
    model = resolve(options.run, workspace)
    account = None if spec.on == "here" else open_account(read_choices(workspace))
    hosts = Hosts(workspace, lambda: account)
    hosts.local.sweep()
    endpoint = hosts.deploy(model, spec, note)
    if options.json:
        write_json({"name": endpoint.name, "on": endpoint.on, "state": endpoint.state, "why": endpoint.why})
    elif endpoint.state == "Ready":
        say(f"{endpoint.name} is ready: {endpoint.address}")
        if endpoint.on == "here":
            say(f"Its token is in {workspace.endpoints / endpoint.name / 'token'}")
        else:
            say(f"It runs on {endpoint.machine}. It costs ${endpoint.an_hour:.2f} an hour.")
        say(f"Delete it: python -m core delete {endpoint.name}")
    else:
        say(f"{endpoint.name}: {endpoint.state}. {endpoint.why}")
    return 0 if endpoint.state == "Ready" else 1


def spec_of(options: Namespace) -> DeploySpec:
    """What the options say.

    Raises:
        WorkbenchError: one of them is for another kind of endpoint, or needs a second one.
    """
    fitting = {"here": {}, "serverless": _OF_SERVERLESS}.get(options.on, _OF_MACHINES)
    for name in (*_OF_MACHINES, *_OF_SERVERLESS):
        if getattr(options, name) is not None and name not in fitting:
            raise WorkbenchError(
                f"--{name.replace('_', '-')} says nothing about --on {options.on}.", "", "Leave it out, or choose another --on."
            )
    said: dict[str, Any] = {
        field: getattr(options, name) for name, field in fitting.items() if field and getattr(options, name) is not None
    }
    if options.max is not None:
        least = 1 if options.min is None else options.min
        said["scaling"] = Scaling(least, options.max, options.calls_a_minute or CALLS_A_MINUTE)
        said.setdefault("count", least)
    elif options.min is not None or options.calls_a_minute is not None:
        raise WorkbenchError("--min and --calls-a-minute need --max.", "Without it the number of machines stays.", "")
    return DeploySpec(options.on, options.hours, **said)
