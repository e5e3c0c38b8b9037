"""An answer that takes its time, kept so that a page need never wait for it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from core.errors import WorkbenchError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Incomplete(WorkbenchError, Generic[T]):
    """A part of the answer could not be had; ``answer`` is the rest."""

    def __init__(self, answer: T, trouble: WorkbenchError):
        super().__init__(trouble.what, trouble.why, trouble.what_to_do)
        self.answer = answer


class Remembered(Generic[T]):
    """The last answer to a question, and the trouble that the last asking met.

    Args:
        ask: gives the answer, or raises WorkbenchError (Incomplete: with a part of it).
        fresh: seconds for which an answer is good.
        first: what stands before the first answer.
    """

    def __init__(self, ask: Callable[[], T], fresh: float, first: T):
        self._ask = ask
        self._fresh = fresh
        self._lock = threading.Lock()
        self._answer = first
        self._trouble: WorkbenchError | None = None
        self._asked = float("-inf")
        self._heard: float | None = None
        self._asking = False

    @property
    def trouble(self) -> WorkbenchError | None:
        """Why the last asking gave no answer; None where it did, or nobody has asked yet."""
        with self._lock:
            return self._trouble

    @property
    def heard(self) -> float | None:
        """When an answer came last, in seconds since 1970; None where none has come yet."""
        with self._lock:
            return self._heard

    def last(self) -> T:
        """What is known. Where it is not fresh any more it is asked for, by a thread of its own."""
        with self._lock:
            begin = not self._asking and time.monotonic() - self._asked > self._fresh
            self._asking = self._asking or begin
            answer = self._answer
        if begin:
            threading.Thread(target=self._ask_again, name="asking", daemon=True).start()
        return answer

    def now(self) -> T:
        """The answer, asked for and waited for; where there is none, what was known before."""
        with self._lock:
            self._asking = True
        self._ask_again()
        with self._lock:
            return self._answer

    def _ask_again(self) -> None:
        answer: T | None = None
        trouble: WorkbenchError | None = None
        try:
            answer = self._ask()
        except Incomplete as error:
            answer, trouble = error.answer, error
        except WorkbenchError as error:
            trouble = error
        except Exception as error:  # a bug must not end the asking for ever; the log keeps its trace
            log.exception("AWS could not be asked.")
            trouble = WorkbenchError("AWS could not be asked, in a way that was not foreseen.", repr(error), "The log holds more.")
        with self._lock:
            if answer is not None:
                self._answer, self._heard = answer, time.time()
            self._trouble, self._asked, self._asking = trouble, time.monotonic(), False
