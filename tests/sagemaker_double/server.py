"""The double itself: one HTTP server on 127.0.0.1 for all of AWS, SageMaker here and the rest by moto."""

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Protocol

from tests.sagemaker_double import endpoints, jobs, models, tags, tuning  # noqa: F401  (they register their operations)
from tests.sagemaker_double.account import Account, Region
from tests.sagemaker_double.faults import Faults
from tests.sagemaker_double.front import Front
from tests.sagemaker_double.hosting import Hosting, not_found
from tests.sagemaker_double.neighbours import let_iam_simulate
from tests.sagemaker_double.quotas import Quotas
from tests.sagemaker_double.roles import create_role
from tests.sagemaker_double.schedules import Schedules
from tests.sagemaker_double.serving import server_name
from tests.sagemaker_double.serving_packages import install
from tests.sagemaker_double.storage import Clients

#: What a person's access key is here; the double asks for no signature.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"


class Running(Protocol):
    """What runs for a job or an endpoint."""

    key: tuple[str, str]

    def start(self) -> None: ...
    def close(self) -> None: ...


class Double:
    """One account in one process.

    Args:
        port: where to listen; 0 is any free port.

    Raises:
        SystemExit, OSError: the port is taken, or may not be used.
    """

    def __init__(self, port: int = 0):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        self.account = Account()
        self.faults = Faults()
        self.quotas = Quotas()
        self._running: dict[tuple[type, str, str], Running] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="sagemaker-double-"))
        try:
            front = Front(self, DomainDispatcherApplication(create_backend_app))
            self._server = make_server("127.0.0.1", port, front, threaded=True, request_handler=MotoRequestHandler)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.clients = Clients(self.url)
        self._schedules = Schedules(self)
        tags.let_moto_find(self.account)
        let_iam_simulate(self)

    def start(self) -> None:
        """Answer requests from now on; the first time, the containers' packages are installed before."""
        install()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        create_role(self)
        self._write_profile()
        self._schedules.start()

    def close(self) -> None:
        """End every job and endpoint, then the server; what was kept is gone."""
        self._schedules.close()
        for running in list(self._running.values()):
            running.close()
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, region: str = "us-east-1") -> dict[str, str]:
        """What a program is to find in its environment, to be in this account and nowhere else.

        The person's own profiles are out of its sight, so that no call can reach a real account.
        """
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_DOUBLE_SERVING": server_name(),
        }

    def run(self, running: Running) -> None:
        """Start what a job or an endpoint needs and keep hold of it."""
        self._running[type(running), *running.key] = running
        running.start()

    def running(self, region: Region, name: str) -> Running | None:
        """The training run of that name, while it lasts."""
        from tests.sagemaker_double.training import TrainingRun

        return self._running.get((TrainingRun, region.name, name))

    def hosting(self, region: Region, name: str) -> Hosting:
        """The hosting of an endpoint that is there.

        Raises:
            ServiceError: InvokeEndpoint's, where there is none.
        """
        found = self._running.get((Hosting, region.name, name))
        if found is None:
            raise not_found(name)
        return found

    def forget(self, running: Running) -> None:
        """It is over."""
        self._running.pop((type(running), *running.key), None)

    def _write_profile(self) -> None:
        (self.folder / "config").write_text(
            f"[default]\nregion = us-east-1\nendpoint_url = {self.url}\n"
        )
        (self.folder / "credentials").write_text(
            f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = not-a-secret\n"
        )
        os.chmod(self.folder, 0o755)  # a container without root has other ids
