"""Who may speak to the app from inside a browser: no other page may, and no other site may show or read it.

Any page that a person has open can send requests to an app on their machine, and with a name that it points to 127.0.0.1
it can even read the answers. So each request has to name a host that the app is known by, and one that a page has sent
has to come from the app's own pages. Programs that are no browser send neither ``Origin`` nor ``Sec-Fetch-Site``.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The names of this machine, which only its own programs reach.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: What the page needs beside its own files. Gradio makes functions of the components' templates ('unsafe-eval') and sets
#: styles everywhere; the inline scripts of the page as it was sent run by their hashes, and no others.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; connect-src 'self';"
    " worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
#: What of Gradio's own addresses the page needs; the rest (its public API, fetching from elsewhere, recording, editing the
#: app's code ...) is closed.
_OPEN = re.compile(
    r"/gradio_api/(run/predict|upload|upload_progress|file=.*|heartbeat/\w+|startup-events|queue/(join|data)|reset|cancel"
    r"|theme\.css|app_id|user|token|login_check)/?", re.S,
)
_CLOSED = re.compile(r"/(gradio_api|monitoring|pwa_icon|svelte|login|logout)(/|$)")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-write=(self)",
}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.S | re.I)
#: Gradio's page is known by this. Its own ``head`` option adds scripts when the theme is chosen already, so ours is put in
#: here, where the whole page is at hand.
_GRADIO, _HEAD = b"window.gradio_config", b"<head>"
_THEME = b"<script>" + (Path(__file__).parent / "theme.js").read_bytes() + b"</script>"


def content_policy(page: bytes = b"") -> str:
    """The Content-Security-Policy of an answer: nothing from elsewhere, and of inline scripts those of ``page`` alone."""
    return _POLICY.format(scripts=_hashes(_INLINE_SCRIPT.findall(page)))


def _hashes(scripts: Iterable[bytes]) -> str:
    """As the policy names scripts: their SHA-256."""
    return " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in dict.fromkeys(scripts)
    )


def host_of(authority: str) -> str:
    """The host in ``name:port``, in small letters and without brackets; "" where there is none."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class Guard:
    """Refuses what another site sends, and adds the headers that keep other sites out.

    Args:
        hosts: the names by which the app may be called, beside those of this machine.
        loopback: whether it may be called by the names of this machine.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), *, loopback: bool = True):
        self.app = app
        self._named = frozenset(host.lower() for host in hosts)
        self._hosts = self._named | (LOOPBACK if loopback else frozenset())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the app has no websockets
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal:
            await PlainTextResponse(refusal, 403, _HEADERS)(scope, receive, send)
            return
        if headers.get("sec-fetch-dest") == "document" or "text/html" in headers.get("accept", ""):
            # a page's inline scripts are read on their way out, so it is packed here and not by the app
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}
        if _CLOSED.match(scope["path"]) and not _OPEN.fullmatch(scope["path"]):
            await PlainTextResponse("There is nothing here.", 404, _HEADERS)(scope, receive, send)
            return
        await self.app(scope, receive, _Answer(send, packed="gzip" in headers.get("accept-encoding", "")))

    def _refusal(self, method: str, headers: Headers) -> str:
        """Why a request is not answered; "" where it is."""
        host = headers.get("host", "")
        if host_of(host) not in self._hosts:
            return (
                f"The workbench is not known by the name “{host_of(host)[:80]}”. Open it by an address that it printed when it"
                " started, or start it with --allow-host and that name."
            )
        origin = headers.get("origin")
        if origin is not None and not self._own(origin, host):
            return "Another site asked for this, so it was not done. Open the workbench itself."
        site = headers.get("sec-fetch-site", "none")
        opened = method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if origin is None and site not in ("same-origin", "none") and not opened:
            return "Another site asked for this, so it was not done. Open the workbench itself."
        return ""

    def _own(self, origin: str, host: str) -> bool:
        """Whether ``origin`` is the app's own; a proxy may have changed the port and the host that the app sees."""
        there = origin.partition("://")[2]
        return there.lower() == host.lower() or host_of(there) in self._named


class _Answer:
    """Sends an answer with the headers added; a page waits until it is whole, for the hashes of its scripts. Gradio's page gets
    the script that sets the theme before anything is drawn."""

    def __init__(self, send: Send, packed: bool):
        self._send = send
        self._packed = packed
        self._page: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                self._page = message
                return
            headers.setdefault("Content-Security-Policy", content_policy())
        elif self._page is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = bytes(self._body)
            if _GRADIO in body:
                body = body.replace(_HEAD, _HEAD + _THEME, 1)
            headers = MutableHeaders(scope=self._page)
            headers.setdefault("Content-Security-Policy", content_policy(body))
            if self._packed and body:
                body = gzip.compress(body, 4)
                headers["Content-Encoding"] = "gzip"
                headers.add_vary_header("Accept-Encoding")
            if body:  # else only the headers were asked for
                headers["Content-Length"] = str(len(body))
            await self._send(self._page)
            message = {**message, "body": body}
        await self._send(message)
