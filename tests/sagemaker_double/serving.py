"""Model servers, each a process of its own on 127.0.0.1: what a serving container would run.

With Java: multi-model-server and the Hugging Face toolkit. Without: the toolkit's handler behind a small HTTP server.
For an image of Text Embeddings Inference: a stand-in that keeps its contract.
"""

import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sagemaker_double.container import base_environment, end_session
from tests.sagemaker_double.serving_packages import SERVING

HERE = Path(__file__).resolve().parent

#: multi-model-server accepts no port above 32767.
PORTS = range(20_000, 32_000)

#: As the toolkit writes it for the real container, but on loopback and with little memory.
PROPERTIES = """\
enable_envvars_config=true
decode_input_request=false
load_models=ALL
default_workers_per_model=1
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{port}
vmargs=-XX:-UseContainerSupport -Xmx256m
default_service_handler=double_handler
"""

#: Text Embeddings Inference's images: ``tei-cpu:2.0.1-tei1.8.2-...``, ``tei:...``.
TEI_IMAGE = re.compile(r"/(huggingface-)?tei(-cpu)?:")

_ports = threading.Lock()
_given: set[int] = set()


@functools.cache
def java() -> str | None:
    """The Java program, where there is one."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    works = path and subprocess.run([path, "-version"], capture_output=True).returncode == 0
    return path if works else None


def server_name() -> str:
    """What answers for an endpoint here."""
    return "multi-model-server" if java() else "toolkit-handler"


class ModelServer:
    """A running server that answers /ping and /invocations at ``port``.

    Args:
        scratch: its temporary folder, removed when it is closed.
    """

    def __init__(
        self, command: list[str], port: int, folder: Path, scratch: Path, environment: dict[str, str],
        on_line: Callable[[str], None],
    ):
        self.port = port
        self._scratch = scratch
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )
        threading.Thread(target=self._read, args=(on_line,), daemon=True).start()

    def _read(self, on_line: Callable[[str], None]) -> None:
        for line in self._process.stdout:
            on_line(line.decode(errors="replace").rstrip("\n"))

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it and everything it has started."""
        end_session(self._process)
        shutil.rmtree(self._scratch, ignore_errors=True)


def start_server(container: dict[str, Any], folder: Path, on_line: Callable[[str], None]) -> ModelServer:
    """Start the server for a model.

    Args:
        container: the model's container as CreateModel was given it.
        folder: where the archive is unpacked, under ``ml/model``; the server's other files go beside it.
        on_line: is given every line of its output.
    """
    port, model = free_port(), folder / "ml" / "model"
    (folder / "home").mkdir(exist_ok=True)
    # Not below the folder: the model server's sockets are there, whose paths may have 107 bytes at most.
    scratch = Path(tempfile.mkdtemp(prefix="sd-"))
    path = os.pathsep.join(map(str, (model / "code", HERE / "serving", SERVING)))
    environment = {
        **base_environment(folder / "home"), "PYTHONPATH": path, "TMPDIR": str(scratch), "TEMP": str(scratch),
        "SAGEMAKER_BASE_DIR": str(folder / "ml"), "SAGEMAKER_PROGRAM": "inference.py", "HF_HUB_OFFLINE": "1",
        **container.get("Environment", {}),
    }
    name = "tei-stand-in" if TEI_IMAGE.search(container["Image"]) else server_name()
    on_line(f"This endpoint of the double is served by {name}.")
    if name == "tei-stand-in":
        command = [sys.executable, str(HERE / "serving" / "tei_stand_in.py"), str(port), str(model)]
        return ModelServer(command, port, folder, scratch, environment, on_line)
    if java() is None:
        command = [sys.executable, str(HERE / "serving" / "handler_server.py"), str(port), str(model)]
        return ModelServer(command, port, folder, scratch, environment, on_line)
    environment["PATH"] = f"{Path(java()).parent}{os.pathsep}{environment['PATH']}"
    properties, log_config = folder / "mms.properties", SERVING / "sagemaker_inference" / "etc" / "log4j2.xml"
    properties.write_text(PROPERTIES.format(port=port))
    command = [
        sys.executable, "-c", "from mms.model_server import start; start()", "--foreground", "--start",
        "--model-store", "/", "--mms-config", str(properties), "--log-config", str(log_config), "--models", f"model={model}",
    ]
    return ModelServer(command, port, folder, scratch, environment, on_line)


def free_port() -> int:
    """A port that nobody listens on and that was not given out before."""
    with _ports:
        for port in PORTS:
            if port not in _given and _can_listen(port):
                _given.add(port)
                return port
    raise OSError("no port is free for a model server")


def _can_listen(port: int) -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
