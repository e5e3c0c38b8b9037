"""The process of a local endpoint: ``python -m core.endpoints.server FOLDER``.

It answers like SageMaker's container, on 127.0.0.1 alone and only to who knows the token: ``GET /ping`` and
``POST /invocations``, with the handler that lies in the archive. It ends, and removes what belongs to it, when its
lifetime is over, whether or not the app runs.
"""

import asyncio
import contextlib
import hmac
import importlib.util
import logging
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from core.endpoints.batching import Batcher, Busy
from core.endpoints.folder import EndpointFolder, alone
from core.errors import WorkbenchError
from core.process import name_process
from core.workspace import Workspace, write_json

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

log = logging.getLogger(__name__)

#: As on SageMaker: the most bytes of a request, and the seconds in which it is answered.
MOST_BYTES = 6 * 2**20
SECONDS = 60
#: Seconds in which a request must have been received.
_RECEIVE_SECONDS = 20


class Refusal(Exception):
    """A request that is not answered, with its HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Service:
    """What the endpoint does with requests, and the little that it keeps of them.

    Args:
        folder: the endpoint.
        token: what a caller has to show.
        handler: the module from the archive.
        model: what its ``model_fn`` gave.
    """

    def __init__(self, folder: EndpointFolder, token: str, handler: ModuleType, model: Any):
        self._folder = folder
        self._token = token.encode()
        self._handler = handler
        self._batcher = Batcher(lambda texts: handler.predict_fn({"inputs": texts}, model)["vectors"])
        self._calls: Counter[int] = Counter()  # by the minute since 1970
        self._calls_written = 0

    def app(self) -> "Starlette":
        """The web application."""
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route

        return Starlette(
            routes=[
                Route("/ping", self._ping, methods=["GET"]), Route("/invocations", self._invocations, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _not_here, Exception: _bug}, lifespan=self._work,
        )

    @contextlib.asynccontextmanager
    async def _work(self, _app: "Starlette") -> AsyncIterator[None]:
        working = asyncio.create_task(self._batcher.work())
        yield
        working.cancel()

    async def _ping(self, _request: "Request") -> "Response":
        from starlette.responses import JSONResponse

        return JSONResponse({"status": "Healthy"})

    async def _invocations(self, request: "Request") -> "Response":
        from starlette.responses import Response

        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            return _error(refusal.status, str(refusal))
        self._calls[int(time.time() // 60)] += 1
        return Response(answer, media_type="application/json")

    async def _answer(self, request: "Request") -> str:
        """The answer to one request.

        Raises:
            Refusal: there is none.
        """
        shown = request.headers.get("authorization", "").encode("latin-1", errors="replace")
        if not hmac.compare_digest(shown, b"Bearer " + self._token):
            raise Refusal(401, "The token is missing or wrong. Send the header “Authorization: Bearer” with the endpoint's.")
        body = await _receive(request)
        try:
            data = self._handler.input_fn(body, request.headers.get("content-type", "application/json"))
            inputs = data["inputs"]
            async with asyncio.timeout(SECONDS):
                vectors = await self._batcher.vectors([inputs] if isinstance(inputs, str) else inputs)
            prediction = {"vectors": vectors[0] if isinstance(inputs, str) else vectors}
            return str(self._handler.output_fn(prediction, request.headers.get("accept")))
        except self._handler.BadRequest as error:
            raise Refusal(400, str(error)) from None
        except TimeoutError:
            raise Refusal(503, f"This took longer than {SECONDS} seconds. Send fewer or shorter texts at once.") from None
        except Busy:
            raise Refusal(503, "Too many requests wait already. Try again in a moment.") from None

    def write_calls(self) -> None:
        """Write down how many requests were answered, if that has changed."""
        if self._calls.total() == self._calls_written:
            return
        hour_ago = int(time.time() // 60) - 60
        self._calls = Counter({minute: number for minute, number in self._calls.items() if minute >= hour_ago})
        self._calls_written = self._calls.total()
        with contextlib.suppress(OSError):  # a full disk must not end the endpoint
            write_json(self._folder.calls_file, self._calls)


async def _receive(request: "Request") -> bytes:
    body = bytearray()
    too_long = Refusal(413, f"A request may have at most {MOST_BYTES >> 20} MB. Send fewer texts at once.")
    if int(request.headers.get("content-length", 0)) > MOST_BYTES:  # a number, or the protocol has refused it
        raise too_long
    try:
        async with asyncio.timeout(_RECEIVE_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise too_long
    except TimeoutError:
        raise Refusal(408, f"The request did not arrive within {_RECEIVE_SECONDS} seconds.") from None
    return bytes(body)


def _error(status: int, message: str) -> "Response":
    """An error as SageMaker's container words it."""
    from http import HTTPStatus

    from starlette.responses import JSONResponse

    return JSONResponse({"code": status, "type": HTTPStatus(status).phrase, "message": message}, status)


async def _not_here(_request: "Request", error: Exception) -> "Response":
    status = getattr(error, "status_code", 404)  # of Starlette's HTTPException
    return _error(status, "There are GET /ping and POST /invocations, nothing else.")


async def _bug(_request: "Request", _error_raised: Exception) -> "Response":
    return _error(500, "The endpoint met an error; its log says which.")


def load_handler(serving: Path) -> ModuleType:
    """The archive's own ``code/inference.py``."""
    spec = importlib.util.spec_from_file_location("inference", serving / "code" / "inference.py")
    assert spec is not None and spec.loader is not None  # as of every .py file
    handler = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = handler
    spec.loader.exec_module(handler)
    return handler


def _belongs(folder: EndpointFolder, token: str) -> bool:
    """Whether the folder is still this endpoint's: it may be deleted, and there again for a newer one."""
    try:
        return folder.token() == token
    except WorkbenchError:
        return False


def web_server(service: Service) -> "Server":
    """The server of the web application (``uvicorn.Server``)."""
    import uvicorn

    from core.endpoints.deadline import DeadlineProtocol

    return uvicorn.Server(uvicorn.Config(
        service.app(), http=DeadlineProtocol, ws="none", log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=5,
    ))


async def _serve(folder: EndpointFolder, token: str, listener: socket.socket, service: Service) -> None:
    """Answer until the process is told to end, the lifetime is over or the folder is gone."""
    server = web_server(service)

    async def watch() -> None:
        while not server.should_exit:
            await asyncio.sleep(0.5)
            if not _belongs(folder, token) or folder.is_over():
                server.should_exit = True
            else:
                service.write_calls()

    watching = asyncio.create_task(watch())
    await server.serve(sockets=[listener])
    watching.cancel()


def main(path: str) -> None:
    """Serve the endpoint in the folder ``path`` to its end."""
    folder = EndpointFolder(Path(path))
    token = folder.token()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # a free port
        handler = load_handler(folder.serving)
        model = handler.model_fn(str(folder.serving))
        port = listener.getsockname()[1]
        if _belongs(folder, token):
            write_json(folder.address_file, {"port": port, **name_process(os.getpid())})
            log.info("The model is loaded; listening on 127.0.0.1:%d", port)
            asyncio.run(_serve(folder, token, listener, Service(folder, token, handler, model)))
    log.info("Ended")
    if folder.is_over() and _belongs(folder, token):
        _remove(folder)


def _remove(folder: EndpointFolder) -> None:
    """Leave nothing behind, unless somebody is deleting it already; what stays is swept by the app."""
    with alone(Workspace(folder.folder.parents[1])):
        if folder.deleting_file.exists() or not folder.folder.exists():
            return
        write_json(folder.deleting_file, {"by": name_process(os.getpid())})
    if left := folder.remove_files():
        write_json(folder.deleting_file, {"left": left})


if __name__ == "__main__":
    main(sys.argv[1])
