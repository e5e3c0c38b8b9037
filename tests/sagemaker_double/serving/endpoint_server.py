"""What the stand-ins for a serving container share: /ping and /invocations on 127.0.0.1."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Status, body and content type.
Answer = tuple[int, bytes, str]


def serve(port: int, answer: Callable[[bytes, dict[str, str]], Answer]) -> None:
    """Answer /invocations with ``answer(body, headers)``, until the process is ended."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200, b'{\n  "status": "Healthy"\n}\n', "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._send(*answer(body, dict(self.headers)))

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    ThreadingHTTPServer(("127.0.0.1", port), Requests).serve_forever()
