"""What goes on whether a page is open or not: the queue moves, endpoints end in time, heavy libraries are loaded early."""

import importlib
import logging
import threading
import time
from collections.abc import Callable

from core.endpoints.host import Host
from core.runs.local import LocalTrainer

log = logging.getLogger(__name__)

_warm = threading.Event()


def keep_queue_moving(trainer: LocalTrainer, interval: float = 1.0) -> threading.Thread:
    """Start the thread that launches the oldest queued run whenever none is at work. Ends with the process."""

    def loop() -> None:
        while True:
            try:
                trainer.launch_next()
                if _warm.is_set():  # somebody has opened the page: the next training starts without waiting
                    trainer.prepare()
            except Exception:  # the queue must outlive one bad run; the log keeps what happened
                log.exception("The next run could not be started.")
            time.sleep(interval)

    thread = threading.Thread(target=loop, name="queue", daemon=True)
    thread.start()
    return thread


def keep_endpoints_swept(host: Host, interval: float = 30.0) -> threading.Thread:
    """Start the thread that deletes, at once and then again and again, the endpoints whose time is over."""

    def loop() -> None:
        while True:
            try:
                for name in host.sweep():
                    log.info("The endpoint %s has deleted itself: its time was over.", name)
            except Exception:  # what failed now is tried again; the log keeps what happened
                log.exception("Endpoints whose time is over could not be deleted.")
            time.sleep(interval)

    thread = threading.Thread(target=loop, name="sweep", daemon=True)
    thread.start()
    return thread


#: Seconds in which the first page draws itself undisturbed.
_FIRST_PAGE = 1.5


def after_the_page(action: Callable[[], None]) -> None:
    """Do something in a thread of its own once the page that was asked for has drawn itself."""
    timer = threading.Timer(_FIRST_PAGE, action)
    timer.daemon = True
    timer.start()


def warm_up() -> None:
    """Once a page has been served, import what Compare and the checks need, so that nobody waits for it later."""
    if _warm.is_set():
        return
    _warm.set()
    after_the_page(lambda: importlib.import_module("sentence_transformers"))
