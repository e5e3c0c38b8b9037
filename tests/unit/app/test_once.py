import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.once import computed_once


def test_who_asks_at_the_same_moment_waits_for_one_computation():
    calls, begun, go_on = [], threading.Event(), threading.Event()

    @computed_once(2)
    def square(number):
        calls.append(number)
        begun.set()
        assert go_on.wait(30)
        return number * number

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(square, 3) for _ in range(4)]
        assert begun.wait(30)
        go_on.set()
        assert [answer.result() for answer in answers] == [9] * 4
    assert calls == [3] and square(3) == 9 and calls == [3]


def test_other_arguments_are_not_waited_for():
    begun, go_on = threading.Event(), threading.Event()

    @computed_once(2)
    def wait_if(slow):
        if slow:
            begun.set()
            assert go_on.wait(30)
        return slow

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(wait_if, True)
        assert begun.wait(30)
        assert wait_if(False) is False and not slow.done()
        go_on.set()
        assert slow.result() is True


def test_a_failure_is_not_kept_and_old_results_are_let_go():
    calls = []

    @computed_once(1)
    def half(number):
        calls.append(number)
        if len(calls) == 1:
            raise ValueError("the first time")
        return number / 2

    with pytest.raises(ValueError):
        half(4)
    assert half(4) == 2 and half(4) == 2 and half(6) == 3 and half(4) == 2
    assert calls == [4, 4, 6, 4]
