"""The app ends when it is asked to, also while somebody still waits for an answer."""

import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from contextlib import suppress

from core.runs.local import REPOSITORY

#: The real start of the app, over a web app with one answer that takes ten minutes.
SLOW = textwrap.dedent("""
    import sys, time
    from fastapi import FastAPI
    import workbench.app, workbench.__main__

    def build_app(workspace, root_path):
        app = FastAPI()
        app.get("/healthz")(lambda: "ok")
        app.get("/slow")(lambda: (print("asked", flush=True), time.sleep(600)))
        return app

    workbench.app.build_app = build_app
    sys.exit(workbench.__main__.main(sys.argv[1:]))
""")


def test_it_does_not_wait_for_an_answer_that_takes_long(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SLOW, "--no-browser", "--workspace", str(tmp_path), "--port", str(port)]
    app = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        for line in app.stdout:
            if line.startswith("Stop it with"):  # the last line of the greeting
                break

        def ask():
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=600).close()

        threading.Thread(target=ask, daemon=True).start()
        assert app.stdout.readline() == "asked\n"
        time.sleep(0.1)
        app.send_signal(signal.SIGTERM)
        app.wait(timeout=60)
    finally:
        app.kill()
