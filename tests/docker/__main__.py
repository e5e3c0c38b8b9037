"""Build the container as the Dockerfile says and use it, where there is no Docker engine: ``python -m tests.docker``.

Needs root, Debian's packages buildah and debootstrap, and takes some minutes and 10 GB; the container shares this machine's
network and kernel. Not part of the test suite. Exit status: 0 where all holds or nothing can be tried here, else 1.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.docker.stand_in import BASE, IMAGE, build_image, buildah, configuration, has_image, make_base, output

PORT = 7860
#: Seconds in which the app has to answer on a busy machine.
PATIENCE = 180


class Container:
    """One container of the image over a folder of this machine."""

    def __init__(self, name: str, workspace: Path):
        self._start = ["buildah", "run", "--isolation", "chroot", "--volume", f"{workspace}:/workspace", name, "--"]

    def run(self, *command: str, seconds: float = 900, **options) -> subprocess.CompletedProcess:
        """Run a command to its end."""
        return subprocess.run([*self._start, *command], capture_output=True, text=True, timeout=seconds, **options)

    @contextlib.contextmanager
    def serving(self, *command: str) -> Iterator[subprocess.Popen]:
        """A command that goes on, once it answers; ended with SIGTERM as an engine does."""
        app = subprocess.Popen([*self._start, *command], start_new_session=True)
        try:
            until(lambda: app.poll() is not None or get("/healthz"))
            yield app
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(app.pid, signal.SIGTERM)
            app.wait(60)


def get(path: str) -> str:
    """What the app answers, "" where it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def until(happened, seconds: float = PATIENCE) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} seconds")
        time.sleep(0.3)


def checks(container: Container, workspace: Path, config: dict) -> Iterator[tuple[str, bool, str]]:
    """What is promised of the container: in words, whether it holds, and what was seen."""
    check, command = config["Healthcheck"]["Test"][1:], config["Cmd"]
    who = container.run("id", "-u").stdout.strip()
    yield "runs as a user that is not root", config["User"] == "workbench" and who == "1000", f"user {config['User']}, {who}"
    written = container.run("sh", "-c", "touch /app/x /usr/x /etc/x; ls /etc/pip.conf; pip config list")
    refused = written.stderr.count("Permission denied") == 3
    yield "cannot change the program", refused, "3 places tried"
    yield "holds no settings of the builder's pip", "index" not in written.stdout, written.stdout.strip() or "none"
    yield "its workspace is a volume", "/workspace" in config["Volumes"], str(config["Volumes"])
    yield "is unwell before the app runs", container.run(*check).returncode != 0, "health check"
    with container.serving(*command):
        yield "answers as its command says", "Embedding Workbench" in get("/"), "GET /"
        healthy = container.run(*check)
        yield "its health check says so", healthy.returncode == 0, healthy.stderr[-200:] or "status 0"
        yield "nothing but this machine reaches it", not _listens_elsewhere(), f"port {PORT}"
        train = container.run("python", "-m", "core", "train", "data/support.json", "--workspace", "/workspace",
                              "--set", "epochs=1", "--set", "evidence=held-out")
        yield "trains", train.returncode == 0, (train.stdout.strip().splitlines() or [train.stderr[-300:]])[-1]
        doctor = container.run("python", "-m", "core", "doctor", "--workspace", "/workspace")
        yield "its doctor finds nothing wrong", doctor.returncode == 0, doctor.stdout.strip()[-700:]
    owners = {path.stat().st_uid for path in workspace.rglob("*")}
    yield "all in the volume is that user's", owners == {1000}, str(owners)
    yield "has ended when asked to", not get("/healthz"), "SIGTERM"
    runs = container.run("python", "-m", "core", "runs", "--workspace", "/workspace").stdout
    yield "the next container finds the run", "done" in runs, runs.strip()
    added = container.run(
        "python", "-m", "workbench.users", "--file", "/workspace/users.json", "add", "ada", input="a long pass phrase\n"
    )
    yield "adds a user", added.returncode == 0, (added.stdout + added.stderr).strip()
    team = ("--host", "0.0.0.0", "--users", "/workspace/users.json", "--allow-host", "workbench.example")
    with container.serving(*command, *team):
        yield "lets several people sign in", "assword" in get("/sign-in"), "GET /sign-in"
        yield "its health check holds there too", container.run(*check).returncode == 0, "status 0"


def _listens_elsewhere() -> bool:
    """Whether the port is open on an address that is not the loopback."""
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    for address in addresses:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://{address}:{PORT}/healthz", timeout=5).close()
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docker", description=__doc__.splitlines()[0])
    parser.add_argument("--mirror", default="", help="where Debian's packages are (default: debootstrap's own choice)")
    parser.add_argument("--keep", action="store_true", help="use the images of the last time, where they are there")
    options = parser.parse_args()
    for tool in ("buildah", "debootstrap"):
        if shutil.which(tool) is None or os.geteuid() != 0:
            print(f"Not tried: this needs root and {tool} (apt-get install buildah debootstrap).")
            return 0
    os.environ.setdefault("STORAGE_DRIVER", "vfs")  # works on any file system, containers' own included
    if not (options.keep and has_image(BASE)):
        make_base(options.mirror)
    if not (options.keep and has_image(IMAGE)):
        build_image()
    name = output("from", IMAGE)
    buildah("config", "--volume", "/workspace-", name)  # buildah would mount an empty one of its own over ours
    try:
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)
            workspace = Path(place) / "workspace"
            workspace.mkdir()
            refused = Container(name, workspace).run(*configuration()["Cmd"], seconds=PATIENCE)
            words = refused.stderr.strip().splitlines()
            seen = [("says in words that it may not write a folder of root's", refused.returncode == 2, (words or ["nothing"])[-1])]
            os.chown(workspace, 1000, 1000)  # as an engine makes a volume after the image's own folder
            for one in checks(Container(name, workspace), workspace, configuration()):
                seen.append(one)
                print(f"{'holds ' if one[1] else 'BROKEN'}  {one[0]}: {one[2]}", flush=True)
    finally:
        buildah("rm", name, stdout=subprocess.DEVNULL)
    first = seen[0]
    print(f"{'holds ' if first[1] else 'BROKEN'}  {first[0]}: {first[2]}")
    return 0 if all(holds for _, holds, _ in seen) else 1


if __name__ == "__main__":
    sys.exit(main())
