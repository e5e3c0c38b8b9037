"""Requests that come together go through the model together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Texts that go through the model in one go; a request with more of them goes alone.
_TEXTS_AT_ONCE = 256
#: Requests that may wait; more are refused at once, which is kinder than an answer that comes too late.
_MOST_WAITING = 64


class Busy(Exception):
    """More requests wait already than can be answered in time."""


@dataclass(frozen=True)
class _Job:
    texts: list[str]
    answer: asyncio.Future[list[Any]]


class Batcher:
    """A short queue before the model. While it works, requests gather, and the next go takes all of them: nobody waits
    for company when there is none.

    Args:
        embed: from texts to their vectors; called in a thread, once at a time.
    """

    def __init__(self, embed: Callable[[list[str]], list[Any]]):
        self._embed = embed
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(maxsize=_MOST_WAITING)

    async def vectors(self, texts: list[str]) -> list[Any]:
        """One vector for each text.

        Raises:
            Busy: too many requests wait already.
        """
        job = _Job(texts, asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(job)
        except asyncio.QueueFull:
            raise Busy from None
        return await job.answer

    async def work(self) -> None:
        """Answer, for ever."""
        held: _Job | None = None
        while True:
            jobs = [held or await self._waiting.get()]
            held = None
            while not self._waiting.empty():
                job = self._waiting.get_nowait()
                if sum(len(one.texts) for one in (*jobs, job)) > _TEXTS_AT_ONCE:
                    held = job
                    break
                jobs.append(job)
            jobs = [job for job in jobs if not job.answer.done()]  # without those whose caller has given up
            if jobs:
                await self._answer(jobs)

    async def _answer(self, jobs: list[_Job]) -> None:
        texts = [text for job in jobs for text in job.texts]
        try:
            vectors = await asyncio.to_thread(self._embed, texts)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the callers' matter, not the queue's; a panic of the tokenizer is no Exception
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            return
        start = 0
        for job in jobs:
            if not job.answer.done():
                job.answer.set_result(vectors[start : start + len(job.texts)])
            start += len(job.texts)
