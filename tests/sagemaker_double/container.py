"""A container without Docker: a command that sees a folder as /opt/ml, in namespaces of its own (mounts, processes, host name).

Its libraries and its Python are this machine's. As in a real container the command is process 1: SIGTERM reaches it
alone and does nothing unless it is handled, and nothing outlives it. Needs Linux and util-linux's ``unshare``; without
root it needs user namespaces.
"""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.sagemaker_double.serving_packages import TRAINING

HERE = Path(__file__).resolve().parent

#: From the best imitation to the least; without a process namespace SIGTERM has its usual effect.
NAMESPACES = (
    ("-m", "-u", "-p", "-f", "--kill-child", "--mount-proc"),
    ("-U", "-r", "-m", "-u", "-p", "-f", "--kill-child", "--mount-proc"),
    ("-m", "-u"),
    ("-U", "-r", "-m", "-u"),
)

#: Arguments: the host's name, the folder to be /opt/ml, the hosts file, a scratch folder, the Python that must not change.
#: Where the machine has no /opt/ml, the command gets its own view of /opt, so that nothing is left on the machine.
ENTER = """
set -e
name=$1 root=$2 hosts=$3 scratch=$4 python=$5; shift 5
hostname "$name" || true
if [ ! -d /opt/ml ]; then
    mkdir -p "$scratch/opt/ml"
    for entry in /opt/*; do
        view="$scratch/opt/${entry##*/}"
        if [ -d "$entry" ]; then mkdir -p "$view"; mount --rbind "$entry" "$view"
        elif [ -e "$entry" ]; then touch "$view"; mount --bind "$entry" "$view"; fi
    done
    mount --rbind "$scratch/opt" /opt
fi
mount --bind "$root" /opt/ml
mount --bind "$hosts" /etc/hosts
if [ -n "$python" ]; then
    mount --bind "$python" "$python" && mount -o remount,bind,ro "$python" || true
fi
cd /
exec "$@"
"""


@functools.cache
def namespaces() -> tuple[str, ...] | None:
    """The options for ``unshare`` that work here; None where none do."""
    if not shutil.which("unshare"):
        return None
    for options in NAMESPACES:
        if subprocess.run(["unshare", *options, "true"], capture_output=True).returncode == 0:
            return options
    return None


class Container:
    """One running command.

    Args:
        name: the host's name (``algo-1``).
        folder: holds ``ml`` (the command's /opt/ml) and what the container itself needs.
        command: the program and its arguments.
        environment: the command's variables, beside PATH, HOME and the like.
        hosts: the names of all hosts, which lead to this machine.
        on_line: is given every line of output.

    Raises:
        OSError: namespaces cannot be made here, or the command is not there.
    """

    def __init__(
        self, name: str, folder: Path, command: Sequence[str], environment: dict[str, str], hosts: Sequence[str],
        on_line: Callable[[str], None],
    ):
        options = namespaces()
        if options is None:
            raise OSError("this machine has no namespaces for it: Linux with unshare, and root or user namespaces, is needed")
        self._on_line = on_line
        self._inner = "-f" in options
        scratch, hosts_file = folder / "scratch", folder / "hosts"
        (scratch / "home").mkdir(parents=True, exist_ok=True)
        hosts_file.write_text("".join(f"127.0.0.1 {host}\n" for host in ("localhost", socket.gethostname(), *hosts)))
        own_python = sys.prefix if sys.prefix != sys.base_prefix else ""
        self._process = subprocess.Popen(
            [
                "unshare", *options, "bash", "-c", ENTER, "container", name, folder / "ml", hosts_file, scratch, own_python,
                *command,
            ],
            env={**_environment(scratch / "home"), **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )

    def wait(self) -> int:
        """Hand on the output until the command ends; its exit code."""
        for line in self._process.stdout:
            self._on_line(line.decode(errors="replace").rstrip("\n"))
        return self._process.wait()

    def terminate(self) -> None:
        """Ask the command to end, as ``docker stop`` does: SIGTERM, to its first process alone."""
        import psutil

        with contextlib.suppress(psutil.Error, IndexError, ProcessLookupError):
            first = psutil.Process(self._process.pid)
            (first.children()[0] if self._inner else first).send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything that it has started."""
        end_session(self._process)


def _environment(home: Path) -> dict[str, str]:
    base = base_environment(home)
    return {
        **base, "PATH": f"{base['PATH']}{os.pathsep}{TRAINING / 'bin'}",
        "PYTHONPATH": f"{HERE / 'inside'}{os.pathsep}{TRAINING}",
    }


def base_environment(home: Path) -> dict[str, str]:
    """What every program that the double starts finds: this Python first on the path, and no more threads than asked."""
    path = os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"))
    threads = {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **threads}


def end_session(process: subprocess.Popen) -> None:
    """Kill a process that leads its session, and all in it."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
