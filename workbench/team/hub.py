"""The door of a shared workbench: says who somebody is, and hands what they ask for on to their own app, and to no other.

Which app that is depends on the session alone, never on anything in an address or a message.
"""

import asyncio
import ipaddress
import logging
import re
from collections.abc import Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from core.errors import WorkbenchError
from core.workspace import PEOPLE, Workspace
from workbench.metrics import WHO, Metrics
from workbench.shares import shared_report
from workbench.team import pages
from workbench.team.apps import Apps
from workbench.team.attempts import Attempts
from workbench.team.proxy import hand_on
from workbench.team.sessions import COOKIE, LASTS, Session, Sessions
from workbench.team.users import Users, clean_name
from workbench.words import span

log = logging.getLogger(__name__)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
#: The longest form that is read, in bytes, and how many passwords are checked at a time: each takes 64 MiB.
_LONGEST_FORM, _AT_A_TIME = 8192, 2
_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]{0,2000}")
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "forwarded")


@dataclass(frozen=True)
class Door:
    """How people come in.

    Attributes:
        users: the file of users; with ``sso_header`` it only says who may spend, and may be None.
        sso_header: the header in which a trusted proxy names the person; "" where people sign in with a password.
        trusted_proxies: the addresses whose headers are believed.
        root_path: the path under which a proxy shows the app.
    """

    users: Users | None
    sso_header: str = ""
    trusted_proxies: Collection[str] = field(default=())
    root_path: str = ""


class Hub:
    """The web app of a shared workbench.

    Args:
        house: the folder that all have in common.
    """

    def __init__(self, house: Path, door: Door):
        self.door = door
        self._house = house
        self._apps = Apps(house, door.users.file if door.users else None, door.root_path)
        self._sessions = Sessions(house)
        self._attempts = Attempts()
        self._checking = asyncio.Semaphore(_AT_A_TIME)
        self._trusted = [ipaddress.ip_network(one) for one in door.trusted_proxies]
        self.metrics = Metrics(lambda: [Workspace(one) for one in sorted((house / PEOPLE).iterdir())], house)
        self.app = Starlette(lifespan=self._lifespan, exception_handlers={WorkbenchError: self._in_words}, routes=[
            Route("/healthz", self._healthz),
            Route("/metrics", self._metrics),
            Route("/sign-in", self._sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/shared/{token}", self._shared),
            Route("/{path:path}", self._anything, methods=METHODS),
        ])

    @asynccontextmanager
    async def _lifespan(self, _: Starlette):
        await asyncio.to_thread(self._apps.load)
        keeping = asyncio.create_task(self._apps.keep_needed_ones())
        yield
        keeping.cancel()
        await self._apps.close()

    # ---- who is it ----------------------------------------------------------------------------------------------------

    def person(self, request: Request) -> str:
        """Who asks; "" where nobody knows."""
        return self._by_header(request) if self.door.sso_header else self._by_session(request)[0]

    def _by_header(self, request: Request) -> str:
        if not self._is_trusted(request):
            return ""
        names = request.headers.getlist(self.door.sso_header)
        try:
            return clean_name(names[0]) if len(names) == 1 else ""  # two: somebody has added one of their own
        except WorkbenchError:
            return ""

    def _by_session(self, request: Request) -> tuple[str, Session | None]:
        kept = self._sessions.read(request.cookies.get(COOKIE, ""))
        if kept is None or self.door.users is None:
            return "", None
        session, print_ = kept
        user = self.door.users.get(session.name)
        if user is None or not user.password or not Sessions.holds(print_, user.password):
            return "", None
        return user.name, session

    def _is_trusted(self, request: Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)

    def _address(self, request: Request) -> str:
        """Where the request comes from; what a trusted proxy has put in last is believed."""
        through = request.headers.get("x-forwarded-for", "") if self._is_trusted(request) else ""
        return through.rpartition(",")[2].strip()[:64] or (request.client.host if request.client else "")

    def _is_https(self, request: Request) -> bool:
        forwarded = self._is_trusted(request) and request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"
        return forwarded or request.url.scheme == "https"

    # ---- routes -------------------------------------------------------------------------------------------------------

    async def _healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _metrics(self, request: Request) -> Response:
        """For programs on this machine that do not come through a proxy, and for people who are signed in."""
        try:
            here = ipaddress.ip_address(request.client.host if request.client else "").is_loopback
        except ValueError:
            here = False
        here = here and not any(name in request.headers for name in _FORWARDED)
        if not here and not self.person(request):
            return PlainTextResponse("Sign in first.", 401)
        return await asyncio.to_thread(self.metrics.answer)

    async def _sign_in(self, request: Request) -> Response:
        root = self.door.root_path
        if self.door.sso_header:
            return self._by_proxy_only(request)
        if request.method == "GET":
            wanted = request.query_params.get("next", "")
            return pages.sign_in_page(f"{root}/sign-in", wanted if _PATH.fullmatch(wanted) else "/")
        body = await _read(request, _LONGEST_FORM)
        if body is None:
            return PlainTextResponse("This is no sign-in form.", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).items()}
        typed, password, wanted = form.get("name", ""), form.get("password", ""), form.get("next", "/")
        wanted = wanted if _PATH.fullmatch(wanted) else "/"
        try:
            name = clean_name(typed)
        except WorkbenchError:
            name = "?"  # counted and checked like any name that does not exist
        address = self._address(request)
        if wait := self._attempts.wait(name, address):
            answer = self._refused(wanted, typed, f"Too many wrong passwords. Try again in {span(wait + 60)}.", 429)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        self._attempts.failed(name, address)  # before it is checked: many at a time are counted as well
        async with self._checking:
            right = await asyncio.to_thread(self.door.users.verify, name, password)
        user = self.door.users.get(name) if right else None
        if user is None:
            log.warning("A sign-in was refused.")
            return self._refused(wanted, typed, "This name and password do not belong together.", 401)
        self._attempts.succeeded(name, address)
        answer = RedirectResponse(root + wanted, 303)
        answer.set_cookie(
            COOKIE, self._sessions.open(name, user.password), max_age=LASTS, path=root or "/", httponly=True, samesite="lax",
            secure=self._is_https(request),
        )
        return answer

    def _refused(self, wanted: str, typed: str, why: str, status: int) -> Response:
        return pages.sign_in_page(f"{self.door.root_path}/sign-in", wanted, typed[:64], why, status)

    async def _sign_out(self, request: Request) -> Response:
        if self.door.sso_header:
            return self._by_proxy_only(request)
        _, session = self._by_session(request)
        if session:
            await asyncio.to_thread(self._sessions.end, session)
        answer = RedirectResponse(f"{self.door.root_path}/sign-in", 303)
        answer.delete_cookie(COOKIE, path=self.door.root_path or "/", httponly=True, samesite="lax")
        return answer

    def _by_proxy_only(self, request: Request) -> Response:
        name = self.person(request)
        words = (
            f"You are signed in as {name}, by your organisation's own sign-in. To sign out, sign out there." if name else
            "People sign in to this workbench through their organisation's sign-in. Open it by the address that you were given."
        )
        return pages.message_page("Signing in", words, 200 if name else 401, f"{self.door.root_path}/" if name else "")

    async def _shared(self, request: Request) -> Response:
        """A report that somebody shares. It gets a place of its own in the browser, from which nothing of the app is reached."""
        name = self.person(request)
        if not name:
            return self._nobody(request)
        request.scope.get(WHO, []).append(name)
        report = shared_report(self._house, request.path_params["token"])
        if report is None:
            return pages.message_page(
                "Not shared", "This link opens nothing. Whoever made it may have ended it.", 404, f"{self.door.root_path}/"
            )
        return FileResponse(report, media_type="text/html", headers={
            "Content-Security-Policy": "sandbox allow-scripts allow-downloads; frame-ancestors 'none'", "Cache-Control": "no-store",
        })

    async def _anything(self, request: Request) -> Response:
        name = self.person(request)
        if not name:
            return self._nobody(request)
        request.scope.get(WHO, []).append(name)
        app = await self._apps.of(name)
        without = frozenset({self.door.sso_header.lower(), *(() if self._is_trusted(request) else _FORWARDED)})
        answer = await hand_on(request, app, without, https=self._is_https(request))
        if answer.headers.get("content-type", "").startswith(("text/html", "application/json")):
            answer.headers["Cache-Control"] = "no-store"  # nobody finds it in the browser after signing out
        return answer

    async def _in_words(self, request: Request, error: Exception) -> Response:
        """Somebody's app cannot be started, or the file of users is damaged: then nobody is let in."""
        log.warning("A request could not be served: %s", error)
        return pages.message_page("Not now", str(error), 503, f"{self.door.root_path}/")

    def _nobody(self, request: Request) -> Response:
        if self.door.sso_header:
            return self._by_proxy_only(request)
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{self.door.root_path}/sign-in?next={quote(request.url.path + query)}", 303)
        return PlainTextResponse("Sign in first: load the page again.", 401)


async def _read(request: Request, most: int) -> bytes | None:
    """The body; None where it is longer than ``most`` bytes."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return body
