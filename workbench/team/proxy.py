"""Hands a request on to a person's app, and its answer back, piece by piece."""

from collections.abc import AsyncIterator

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from workbench.team.apps import PersonsApp
from workbench.team.sessions import COOKIE

#: What belongs to one connection and is not handed on (RFC 9110, 7.6.1).
_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})
#: What the door's own server says already.
_NOT_HANDED_BACK = _HOP_BY_HOP | {"date", "server"}


async def hand_on(request: Request, app: PersonsApp, without: frozenset[str], *, https: bool) -> Response:
    """The answer of the app to the request.

    Args:
        without: headers that the app does not get to see, in small letters.
        https: whether the browser speaks it, which the app's links have to.
    """
    scope = request.scope
    query = scope["query_string"]
    target = scope.get("raw_path", scope["path"].encode()) + (b"?" + query if query else b"")
    headers = [
        (name, value) for name, value in request.headers.raw
        if (lower := name.decode("latin-1").lower()) not in _HOP_BY_HOP and lower not in without and lower != "cookie"
    ]
    if cookies := _without_session(request.headers.get("cookie", "")):
        headers.append((b"cookie", cookies.encode("latin-1")))
    if https and not request.headers.get("x-forwarded-proto"):
        headers.append((b"x-forwarded-proto", b"https"))
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    asked = httpx.Request(
        request.method, httpx.URL(scheme="http", host="app", raw_path=target), headers=headers,
        content=_body(request) if has_body else None,
    )
    try:
        answer = await app.client.send(asked, stream=True, follow_redirects=False)
    except ClientDisconnect:
        return Response(status_code=499)
    except httpx.HTTPError:
        return PlainTextResponse("Your workbench does not answer. Load the page again in a moment.", 502)
    response = StreamingResponse(_pieces(answer, app), answer.status_code)
    response.raw_headers = [
        (name.lower(), value) for name, value in answer.headers.raw if name.decode("latin-1").lower() not in _NOT_HANDED_BACK
    ]
    return response


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        if piece:
            yield piece


async def _pieces(answer: httpx.Response, app: PersonsApp) -> AsyncIterator[bytes]:
    """The body as it comes, packed as the app has packed it; closed also when the browser has gone."""
    try:
        with app.used():
            async for piece in answer.aiter_raw():
                yield piece
    except httpx.HTTPError:  # the app has ended in the middle: the browser sees a body that is too short
        return
    finally:
        await answer.aclose()


def _without_session(cookies: str) -> str:
    """The cookies but for the one that says who is signed in, which no app needs to know."""
    kept = (one.strip() for one in cookies.split(";"))
    return "; ".join(one for one in kept if one and one.partition("=")[0].strip() != COOKIE)
