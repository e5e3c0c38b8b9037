"""A worker that was started ahead: it has loaded its libraries and waits to be told its run's folder.

Loading takes seconds, which pass while a person still looks at the pairs or the plan is made. The folder comes as one
line on the worker's standard input; when whoever started it ends without a word, that pipe closes and the worker ends.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class SpareWorker:
    """At most one such worker.

    Args:
        command: the worker program; ``--spare`` is added.
    """

    def __init__(self, command: Sequence[str]):
        self._command = (*command, "--spare")
        self._process: subprocess.Popen[str] | None = None

    @property
    def waits(self) -> bool:
        """Whether a worker waits."""
        return self._process is not None and self._process.poll() is None

    def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start it in ``folder``. Where the system refuses, there is none: runs start anyway."""
        try:
            self._process = subprocess.Popen(
                self._command, cwd=folder, env=environment, start_new_session=True, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        except OSError:
            self._process = None

    def take(self, run_folder: Path) -> subprocess.Popen[str] | None:
        """Give the waiting worker its run; it writes to the run's log from now on. None where no worker waits."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.poll() is not None:
            return None
        try:
            process.stdin.write(f"{run_folder}\n")
            process.stdin.close()
        except OSError:  # it has ended in this moment
            return None
        return process
