"""Where on this machine the app listens."""

import socket

DEFAULT_PORT = 7860
#: Where no port is asked for, the first of these that is free is taken.
PORTS = range(DEFAULT_PORT, DEFAULT_PORT + 20)


def is_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port, found by binding it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
