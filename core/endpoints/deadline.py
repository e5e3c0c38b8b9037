"""HTTP that waits for nobody without end: uvicorn's own has no limit for the head of a request, nor for a caller that sends
on after it was refused, or does not read its answer."""

from asyncio import Transport

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

#: Seconds for the head of a request, from the connection or the answer before it; and for all the rest of it.
HEAD_SECONDS, REQUEST_SECONDS = 20, 120
#: Seconds between two looks at a connection.
LOOK_SECONDS = 1


class DeadlineProtocol(H11Protocol):
    """One connection, which is closed when it takes too long."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as in uvicorn's own
        super().connection_made(transport)
        self._since = self.loop.time()
        self._seen: RequestResponseCycle | None = None
        self._look()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    def _look(self) -> None:
        if self.transport.is_closing() and self not in self.connections:
            return
        if self.cycle is not self._seen:  # another request has begun
            self._since, self._seen = self.loop.time(), self.cycle
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.loop.time() - self._since > (REQUEST_SECONDS if answering else HEAD_SECONDS):
            self.transport.abort()  # close() would wait until what is left of an answer has been read
        else:
            self.loop.call_later(LOOK_SECONDS, self._look)
