"""``python -m tests.sagemaker_double [--port N]``: print the environment to set, then serve until stopped.

One KEY=VALUE a line, then an empty line; SIGTERM, SIGINT (Ctrl-C) or SIGHUP stops it and everything it runs.
"""

import argparse
import logging
import signal
import sys
import threading

from tests.sagemaker_double.server import Double


def main() -> int:
    """Serve; 0 when stopped, 2 where the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.sagemaker_double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1 (any free port)")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *ignored: stopped.set())
    try:
        double = Double(options.port)
    except SystemExit:  # the server has said that the port is taken
        return 2
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror or error}.", file=sys.stderr)
        return 2
    try:
        double.start()
        for name, value in double.environment().items():
            print(f"{name}={value}")
        print(flush=True)
        while not stopped.wait(1):
            pass
    finally:
        double.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
