"""Start the workbench: ``python -m workbench [--workspace DIR] [--port N] [--no-browser]``."""

import argparse
import ipaddress
import os
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from core.ports import DEFAULT_PORT, PORTS, is_free

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from core.workspace import Workspace
    from workbench.metrics import Metrics

#: Addresses that mean every address of this machine, and which of them is this machine's own.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
#: Seconds that answers which are under way get when the app is ended: a comparison takes minutes, and nobody waits for it.
LAST_ANSWERS = 5

#: Seconds for which a connection without a question is kept: longer than proxies and browsers keep theirs (a minute or so), or
#: the server ends it at the moment in which they use it again, and the question is lost.
KEPT_OPEN = 75


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, serve until interrupted; 2 where the options, the workspace or the port cannot be used."""
    options = _options(arguments)
    from core.errors import WorkbenchError
    from core.workspace import Workspace
    from workbench.guard import LOOPBACK, Guard

    team = bool(options.users or options.sso_header)
    host = options.host
    try:
        _check(options, team, loopback=host in LOOPBACK)
        port = options.port or next((port for port in PORTS if is_free(host, port)), DEFAULT_PORT)
        if not is_free(host, port):
            raise WorkbenchError(
                f"Port {port} is in use.", "", "Close the program that uses it, or choose another with --port."
            )
        workspace = Workspace.at(options.workspace)
        from workbench.metrics import Metrics, Observed, structured_log

        log = structured_log(options.log) if options.log else None
        if team:
            app, metrics = _team_app(options, workspace)
        else:
            app, metrics = _single_app(options, workspace), Metrics(lambda: [workspace], workspace.root)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{options.log} cannot be written ({error.strerror}). Choose another file with --log.", file=sys.stderr)
        return 2
    import uvicorn

    names = [*options.allow_host, *(_names_of(host) if host not in LOOPBACK else ())]
    scheme = "https" if options.certificate else "http"
    shown = socket.gethostname() if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    address = f"{scheme}://{shown}:{port}"
    greeting = (host, port, address, workspace.root, not (options.no_browser or team))
    threading.Thread(target=_announce, args=greeting, daemon=True).start()
    uvicorn.run(
        Observed(Guard(app, names), metrics, log), host=host, port=port, log_level="warning",
        timeout_keep_alive=KEPT_OPEN, timeout_graceful_shutdown=LAST_ANSWERS, proxy_headers=not team, server_header=False,
        ssl_certfile=options.certificate, ssl_keyfile=options.key, log_config=None if log else uvicorn.config.LOGGING_CONFIG,
    )
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m workbench", description="The Embedding Workbench, in your browser."
    )
    parser.add_argument(
        "--workspace", help="the folder in which sets, runs and models are kept (default: your user data directory)"
    )
    parser.add_argument(
        "--port", type=int, help=f"the port to serve on (default: {DEFAULT_PORT}, or the next free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument(
        "--root-path", default="", help="the path under which a proxy shows the app, such as /workbench"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name by which browsers call the app, where a proxy stands before it; may be given several times",
    )
    parser.add_argument("--log", metavar="FILE", help="write a structured log, one JSON object a line (- for standard error)")
    people = parser.add_argument_group("for several people", "Each signs in and has sets, runs and endpoints of their own.")
    people.add_argument(
        "--host", default="127.0.0.1",
        help="the address of this machine to serve on (default: %(default)s, this machine alone); another needs a sign-in",
    )
    people.add_argument(
        "--users", metavar="FILE", help="people sign in with the passwords in this file; see python -m workbench.users"
    )
    people.add_argument(
        "--sso-header", metavar="NAME",
        help="people are signed in by a proxy, which names them in this header; needs --trusted-proxy, and --users then only"
        " says who may spend money",
    )
    people.add_argument(
        "--trusted-proxy", action="append", default=[], metavar="ADDRESS",
        help="the proxy's address: whatever it says of who somebody is and where they come from is believed, so nothing but"
        " that proxy may be reachable there, and it must remove that header from what browsers send",
    )
    people.add_argument("--certificate", metavar="FILE", help="serve https with this certificate (PEM), needs --key")
    people.add_argument("--key", metavar="FILE", help="the certificate's private key (PEM)")
    return parser.parse_args(arguments)


def _check(options: argparse.Namespace, team: bool, loopback: bool) -> None:
    """Refuse options that would leave a door open.

    Raises:
        WorkbenchError: one of them, or a combination.
    """
    from core.errors import WorkbenchError

    if not team and not loopback:
        raise WorkbenchError(
            f"The workbench was not started on {options.host or 'that address'}.",
            "Everybody who reaches that address could use it, spend your money and read your data.",
            "Leave --host out, or let people sign in: --users FILE or --sso-header NAME.",
        )
    if options.sso_header and not options.trusted_proxy:
        raise WorkbenchError(
            "--sso-header needs --trusted-proxy.", "Otherwise everybody could write any name into that header.",
            "Give the address of the proxy that signs people in.",
        )
    for one in options.trusted_proxy:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise WorkbenchError(
                f"“{one}” is no address of a proxy.", "", "Give an address such as 10.0.0.5 or 10.0.0.0/24."
            ) from None
    if bool(options.certificate) != bool(options.key):
        raise WorkbenchError("--certificate and --key belong together.", "", "Give both, or neither.")


def _single_app(options: argparse.Namespace, workspace: "Workspace") -> "ASGIApp":
    """The app of one person."""
    from core.libraries import import_heavy

    build_app = import_heavy("workbench.app").build_app
    os.environ["GRADIO_TEMP_DIR"] = str(workspace.uploads)  # a folder under /tmp would be everybody's on this machine
    return build_app(workspace, root_path=options.root_path)


def _team_app(options: argparse.Namespace, workspace: "Workspace") -> tuple["ASGIApp", "Metrics"]:
    """The app of several people.

    Raises:
        WorkbenchError: nobody could sign in, or the file of users is damaged.
    """
    from core.errors import WorkbenchError
    from core.rights import audit_file
    from workbench.team.hub import Door, Hub
    from workbench.team.users import Users

    users = Users(Path(options.users).resolve()) if options.users else None
    if users and not options.sso_header and not any(user.password for user in users.all().values()):
        raise WorkbenchError(
            f"Nobody could sign in: there is nobody with a password in {users.file}.", "",
            f"Add somebody first: python -m workbench.users --file {users.file} add NAME",
        )
    if not options.sso_header and not options.certificate and not options.trusted_proxy:
        print(
            "Passwords go over the network as they are typed. Give --certificate and --key, or put a proxy that speaks https"
            " before the workbench and name it with --trusted-proxy.", file=sys.stderr,
        )
    print(f"Who did what that costs is kept in {audit_file(workspace)}.", file=sys.stderr)
    hub = Hub(workspace.root, Door(users, options.sso_header or "", options.trusted_proxy, options.root_path))
    return hub.app, hub.metrics


def _names_of(host: str) -> list[str]:
    """By which names browsers may call this machine at ``host``: that address, or all names of a machine that serves on all."""
    import psutil

    if host not in _EVERYWHERE:
        return [host]
    addresses = [one.address.partition("%")[0] for found in psutil.net_if_addrs().values() for one in found]
    return [socket.gethostname(), socket.getfqdn(), *addresses]


def _announce(host: str, port: int, address: str, workspace: object, open_browser: bool) -> None:
    """Once the app answers, print where it is and open the browser there."""
    for _ in range(600):
        try:
            socket.create_connection((_EVERYWHERE.get(host, host), port), timeout=2).close()
            break
        except OSError:
            time.sleep(0.1)
    print(
        f"Embedding Workbench: {address}\nKept in: {workspace}\nStop it with Ctrl+C; a training that runs goes on.",
        flush=True,
    )
    if open_browser:
        webbrowser.open(address)


if __name__ == "__main__":
    sys.exit(main())
