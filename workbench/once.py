"""Results that several handlers ask for at one moment, computed by the first of them while the others wait.

``functools.lru_cache`` alone lets each of them compute: a page that opens asks for the same comparison four times at once.
"""

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def computed_once(kept: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Decorate a function of hashable arguments: its newest ``kept`` results are kept, each computed once.

    Other arguments are not waited for. A computation that fails is not kept; whoever waited for it tries again.
    """

    def decorate(compute: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        choosing = threading.Lock()
        result = lru_cache(kept)(compute)

        @lru_cache(kept)
        def computing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> threading.Lock:
            return threading.Lock()

        @wraps(compute)
        def look(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            with choosing:
                lock = computing(*args, **kwargs)
            with lock:
                return result(*args, **kwargs)

        return look

    return decorate
