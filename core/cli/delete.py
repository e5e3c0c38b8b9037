"""``delete``: an endpoint, or all of one's own, with everything that belongs to it; exits with 1 while anything is left."""

from argparse import Namespace

from core.cli.output import say, write_json
from core.endpoints.local import LocalHost
from core.errors import WorkbenchError
from core.workspace import Workspace


def run(options: Namespace) -> int:
    host = LocalHost(Workspace.at(options.workspace))
    gone: list[str] = []
    left: list[str] = []
    for name in [endpoint.name for endpoint in host.list()] if options.mine else [options.name]:
        try:
            remains = host.delete(name).left
        except WorkbenchError as error:
            if not options.mine:
                raise
            remains = (str(error),)
        left += [f"{name}: {what}" for what in remains]
        if not remains:
            gone.append(name)
    if options.json:
        write_json({"deleted": gone, "left": left})
    else:
        say(f"Deleted: {', '.join(gone)}. Nothing is left of it." if gone else "Nothing was deleted.")
        for what in left:
            say(f"Still there: {what}")
    return 1 if left else 0
