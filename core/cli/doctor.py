"""``doctor``: what is wrong with the installation and the workspace, and what to do; exits with 1 while anything is."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from core.aws.choices import read_choices
from core.cli.hosts import may_be_connected
from core.cli.output import note, say, write_json
from core.doctor import account, bundle, disk, installation, machine
from core.doctor.finding import Finding
from core.doctor.workspace import look_at_workspace, workspaces
from core.errors import WorkbenchError
from core.workspace import Workspace, default_workspace

_IN_WORDS = {"good": "good", "note": "note", "bad": "BAD "}


def run(options: Namespace) -> int:
    root = Path(options.workspace).expanduser().resolve() if options.workspace else default_workspace()
    found: list[Finding] = []
    for finding in look(root, options.aws):
        found.append(finding)
        if not options.json:
            _tell(finding, found[-2].area if len(found) > 1 else "")
    wrong = sum(one.state == "bad" for one in found)
    if options.bundle:
        bundle.write_bundle(Path(options.bundle), found, root, Path(options.log) if options.log else None)
        note(f"The support bundle is {options.bundle}. No text, name or secret of yours is in it; look through it all the same.")
    if options.json:
        write_json({"well": not wrong, "findings": [asdict(one) for one in found]})
    else:
        say(f"\n{'Nothing is wrong.' if not wrong else 'One thing is wrong.' if wrong == 1 else f'{wrong} things are wrong.'}")
    return 1 if wrong else 0


def look(root: Path, ask_aws: bool) -> Iterator[Finding]:
    """Each finding as soon as it is known. Makes and repairs nothing.

    Args:
        root: the workspace.
        ask_aws: also where nothing says that AWS is used here.
    """
    try:
        yield from installation.look_at_packages(installation.required())
    except WorkbenchError as error:
        yield Finding(installation.AREA, "bad", error.what, error.why, error.what_to_do)
    libraries, gpu = installation.look_at_libraries()
    yield from libraries
    workspace = Workspace(root)
    yield installation.look_at_base_model(workspace)
    yield from machine.look_at_machine(gpu)
    yield machine.look_at_ports()
    yield from disk.look_at_disk(root)
    for one in workspaces(root):
        yield from look_at_workspace(one)
    if ask_aws or may_be_connected(workspace):
        yield from account.look_at_account(read_choices(workspace))
    else:
        yield account.not_looked_at()


def _tell(finding: Finding, area_before: str) -> None:
    if finding.area != area_before:
        say(f"{finding.area}")
    say(f"  {_IN_WORDS[finding.state]}  {finding.what}")
    for line in (finding.why, *finding.names, finding.what_to_do if finding.state != "good" else ""):
        if line:
            say(f"        {line}")
