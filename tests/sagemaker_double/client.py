"""What a test needs of the double: a child process to use, errors to ask for."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class RunningDouble:
    """A double in a process of its own.

    Attributes:
        environment: what to set to be in its account; ``SAGEMAKER_DOUBLE_SERVING`` says what serves its endpoints.
        pid: the process.
    """

    def __init__(self, environment: dict[str, str], pid: int):
        self.environment = environment
        self.pid = pid

    def client(self, service: str, region: str = "us-east-1"):
        """A boto3 client in its account, whatever the environment of this process; it does not retry."""
        import boto3
        from botocore.config import Config

        session = boto3.session.Session(
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"], region_name=region,
        )
        config = Config(retries={"total_max_attempts": 1}, read_timeout=120)
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], config=config)

    def ask(self, kind: str, **details: object) -> None:
        """Let something go wrong; faults.py has the kinds and the details."""
        self._send("POST", "/_double/faults", {"kind": kind, **details})

    def clear(self) -> None:
        """Let nothing go wrong any more, with the quotas as they were."""
        self._send("DELETE", "/_double/faults", {})
        self._send("DELETE", "/_double/quotas", {})

    def asked(self) -> list[tuple[str, str]]:
        """Signing name and operation of what others than the double itself have asked for since ``forget_asked``."""
        with urllib.request.urlopen(self.environment["AWS_ENDPOINT_URL"] + "/_double/asked", timeout=10) as answer:
            return [(service, operation) for service, operation in json.load(answer)["asked"]]

    def forget_asked(self) -> None:
        """Begin to note anew what is asked for."""
        self._send("DELETE", "/_double/asked", {})

    def let(self, kind: str) -> None:
        """Let nothing of that kind go wrong any more; all else stays as it is."""
        self._send("DELETE", "/_double/faults", {"kind": kind})

    def set_quota(self, name: str, value: float) -> None:
        """Change a quota, such as ``ml.m5.xlarge for endpoint usage``."""
        self._send("POST", "/_double/quotas", {"name": name, "value": value})

    def _send(self, method: str, path: str, wish: dict) -> None:
        url = self.environment["AWS_ENDPOINT_URL"] + path
        request = urllib.request.Request(url, json.dumps(wish).encode(), method=method)
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def running_double(**variables: str) -> Iterator[RunningDouble]:
    """Start a double on a free port; it and everything it runs ends with the block.

    Args:
        variables: what its environment has beside this process's own (``JAVA_HOME`` of nowhere: no Java).
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sagemaker_double"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, start_new_session=True,
    )
    try:
        environment = {}
        while line := process.stdout.readline().rstrip("\n"):
            name, _, value = line.partition("=")
            environment[name] = value
        if not environment:
            raise RuntimeError(f"The double did not start; exit code {process.wait(10)}.")
        yield RunningDouble(environment, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
