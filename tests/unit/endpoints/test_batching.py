"""Requests that come together go through the model together; each gets its own vectors, or its own error."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.endpoints import batching
from core.endpoints.batching import Batcher, Busy


class Model:
    """Vectors that say which text they are of; while ``gate`` is closed it is at work."""

    def __init__(self):
        self.gate = threading.Event()
        self.goes: list[list[str]] = []

    def embed(self, texts: list[str]) -> list[list[str]]:
        self.goes.append(texts)
        assert self.gate.wait(20)
        if "bad" in texts:
            raise RuntimeError("a bad text")
        return [[text] for text in texts]


def run(scenario: Callable, model: Model) -> None:
    async def main() -> None:
        batcher = Batcher(model.embed)
        working = asyncio.create_task(batcher.work())
        await scenario(batcher)
        working.cancel()

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop of its own: the browser tests leave theirs running
        thread.submit(lambda: asyncio.run(asyncio.wait_for(main(), 30))).result()


async def at_work(model: Model, goes: int) -> None:
    while len(model.goes) < goes:
        await asyncio.sleep(0.001)


def test_those_that_wait_while_the_model_works_go_together():
    model = Model()

    async def scenario(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.vectors(["a"]))
        await at_work(model, 1)
        others = [asyncio.create_task(batcher.vectors(texts)) for texts in (["b", "c"], ["d"], ["a"])]
        await asyncio.sleep(0)
        model.gate.set()
        assert await first == [["a"]]
        assert await asyncio.gather(*others) == [[["b"], ["c"]], [["d"]], [["a"]]]

    run(scenario, model)
    assert model.goes == [["a"], ["b", "c", "d", "a"]]


def test_one_that_would_make_it_too_many_waits_for_the_next_go(monkeypatch):
    monkeypatch.setattr(batching, "_TEXTS_AT_ONCE", 3)
    model = Model()

    async def scenario(batcher: Batcher) -> None:
        waiting = [asyncio.create_task(batcher.vectors(texts)) for texts in (["a", "b"], ["c", "d"], ["e"], list("12345"))]
        model.gate.set()
        assert [len(vectors) for vectors in await asyncio.gather(*waiting)] == [2, 2, 1, 5]

    run(scenario, model)
    assert model.goes == [["a", "b"], ["c", "d", "e"], list("12345")]


def test_an_error_is_the_callers_and_the_queue_goes_on():
    model = Model()
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        with pytest.raises(RuntimeError, match="a bad text"):
            await batcher.vectors(["bad"])
        assert await batcher.vectors(["good"]) == [["good"]]

    run(scenario, model)


def test_who_has_given_up_is_left_out():
    model = Model()

    async def scenario(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.vectors(["a"]))
        await at_work(model, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.vectors(["b"]), 0.01)
        model.gate.set()
        await first
        assert await batcher.vectors(["c"]) == [["c"]]

    run(scenario, model)
    assert model.goes == [["a"], ["c"]]


def test_more_than_can_be_answered_in_time_are_refused(monkeypatch):
    monkeypatch.setattr(batching, "_MOST_WAITING", 2)
    model = Model()

    async def scenario(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.vectors(["a"]))
        await at_work(model, 1)
        waiting = [asyncio.create_task(batcher.vectors(["b"])) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await batcher.vectors(["c"])
        model.gate.set()
        await asyncio.gather(first, *waiting)

    run(scenario, model)
