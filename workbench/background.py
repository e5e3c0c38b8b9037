"""What goes on whether a page is open or not: the queue moves, endpoints end in time, heavy libraries are loaded early."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.aws.errors import AwsError
from core.endpoints.host import Host
from core.errors import WorkbenchError
from core.libraries import import_heavy
from core.runs.run import all_runs
from core.runs.trainers import Trainers
from core.search.remote import SageMakerSearches
from core.workspace import files_below

log = logging.getLogger(__name__)

_warm = threading.Event()


def _started(name: str, loop: Callable[[], None]) -> threading.Thread:
    """A thread that goes on with ``loop`` and ends with the process."""
    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    return thread


def keep_queue_moving(trainer: Trainers, interval: float = 1.0) -> threading.Thread:
    """Start the thread that launches the oldest queued run whenever none is at work. Ends with the process."""

    def loop() -> None:
        try:
            for run in all_runs(trainer.workspace):
                run.status()  # what it rests on is remembered: a list of a thousand runs is there when the page is opened
        except Exception:  # nothing rests on it but how soon the list is there
            log.exception("The runs could not be looked at.")
        while True:
            try:
                trainer.launch_next()
                if _warm.is_set():  # somebody has opened the page: the next training starts without waiting
                    trainer.prepare()
            except Exception:  # the queue must outlive one bad run; the log keeps what happened
                log.exception("The next run could not be started.")
            time.sleep(interval)

    return _started("queue", loop)


def keep_remote_runs_fresh(
    trainer: Trainers, searches: SageMakerSearches, interval: float = 1.0, adopt_every: float = 60.0
) -> threading.Thread:
    """Start the thread that looks after runs and searches on SageMaker, and now and then for runs that another machine has
    started. Where nothing is at work there AWS is asked nothing but that. Ends with the process."""

    def loop() -> None:
        next_adoption = 0.0
        while True:
            for look in (searches.refresh, trainer.refresh):
                try:
                    look()
                except Exception:  # one bad run must not keep the others from being looked after
                    log.exception("The runs on SageMaker could not be looked after.")
            if time.monotonic() >= next_adoption and trainer.sagemaker is not None:
                next_adoption = time.monotonic() + adopt_every
                try:
                    trainer.adopt()
                except WorkbenchError as error:
                    log.info("Runs of other machines could not be looked for: %s", error)
                except Exception:
                    log.exception("Runs of other machines could not be looked for.")
            time.sleep(interval)

    return _started("remote runs", loop)


def keep_endpoints_swept(
    host: Host, interval: float = 30.0, renew: Callable[[], None] = lambda: None
) -> threading.Thread:
    """Start the thread that deletes, at once and then again and again, the endpoints whose time is over.

    Args:
        renew: called where the credentials are not accepted any more: by then somebody may have signed in again.
    """

    def loop() -> None:
        while True:
            try:
                for name in host.sweep():
                    log.info("The endpoint %s has deleted itself: its time was over.", name)
            except WorkbenchError as error:
                log.info("Endpoints whose time is over could not all be looked for: %s", error)
                if isinstance(error, AwsError) and error.kind == "credentials":
                    renew()
            except Exception:  # what failed now is tried again; the log keeps what happened
                log.exception("Endpoints whose time is over could not be deleted.")
            time.sleep(interval)

    return _started("sweep", loop)


#: Seconds after which an upload is removed: one that was cut off (nothing writes to it any more), and one that came whole but was
#: made no set of. Gradio forgets the first at once, and the second when it ends.
_CUT_OFF, _UNUSED = 3600.0, 86400.0


def sweep_uploads(folder: Path) -> None:
    """Remove what pages have left among the uploads when they were closed in the middle, or when the app was ended."""
    for file in files_below(folder):
        with suppress(OSError):  # another app may have removed it, and of a workspace that is only read nothing is
            kept = _CUT_OFF if file.parent == folder else _UNUSED  # Gradio gives a whole one a folder
            if file.stat().st_mtime < time.time() - kept:
                file.unlink()


def keep_uploads_swept(folder: Path, interval: float = 600.0) -> threading.Thread:
    """Start the thread that sweeps the uploads, at once and then again and again. Ends with the process."""

    def loop() -> None:
        while True:
            try:
                sweep_uploads(folder)
            except Exception:  # the next look may work; the log keeps what happened
                log.exception("The uploads could not be swept.")
            time.sleep(interval)

    return _started("uploads", loop)


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
    after_the_page(lambda: import_heavy("sentence_transformers"))
