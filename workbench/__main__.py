"""Start the workbench: ``python -m workbench [--workspace DIR] [--port N] [--no-browser]``."""

import argparse
import socket
import sys
import threading
import time
import urllib.request
import webbrowser

HOST = "127.0.0.1"
DEFAULT_PORT = 7860
#: Seconds that answers which are under way get when the app is ended: a comparison takes minutes, and nobody waits for it.
LAST_ANSWERS = 5


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, serve until interrupted; 2 where the workspace or the port cannot be used."""
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
    options = parser.parse_args(arguments)

    port = options.port or next((port for port in range(DEFAULT_PORT, DEFAULT_PORT + 20) if _free(port)), DEFAULT_PORT)
    if not _free(port):
        print(f"Port {port} is in use. Close the program that uses it, or choose another with --port.", file=sys.stderr)
        return 2

    import uvicorn

    from core.errors import WorkbenchError
    from core.workspace import Workspace
    from workbench.app import build_app

    try:
        workspace = Workspace.at(options.workspace)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    address = f"http://{HOST}:{port}"
    threading.Thread(target=_announce, args=(address, workspace.root, not options.no_browser), daemon=True).start()
    uvicorn.run(
        build_app(workspace, root_path=options.root_path), host=HOST, port=port, log_level="warning",
        timeout_graceful_shutdown=LAST_ANSWERS,
    )
    return 0


def _free(port: int) -> bool:
    """Whether nothing listens on the port, found by binding it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _announce(address: str, workspace: object, open_browser: bool) -> None:
    """Once the app answers, print where it is and open the browser there."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
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
