"""Pairs on their way. The page knows of them at the click, the app only when it has read them: until then nothing on the page
may say that there are none, or train on those that were open before.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from workbench.view import QUIET, hidden_text

_BEGUN, _DONE = "() => 'yes'", "() => ''"


def arriving_text() -> gr.Textbox:
    """Holds something as long as pairs are on their way, as they are when a page begins: it opens those of its link."""
    return hidden_text("Pairs are on their way", value="yes", elem_id="arriving")


def brings_pairs(arriving: gr.Textbox, listen: Callable[..., Any], *event: Any) -> None:
    """Have an event answered that opens pairs: ``listen(*event)``, where ``listen`` is as ``button.click``."""
    listen(None, None, arriving, js=_BEGUN, **QUIET)
    arrived(arriving, listen(*event, **QUIET))


def arrived(arriving: gr.Textbox, answered: Any) -> None:
    """Say, once an event is answered or has failed, that nothing is on its way any more."""
    for ended in (answered.then, answered.failure):  # Gradio's pages do not go on to the first after a failure
        ended(None, None, arriving, js=_DONE, **QUIET)


def require_pairs(arriving: str, set_id: str) -> None:
    """Make sure that pairs are open, and that they are those that were asked for last.

    Raises:
        WorkbenchError: they are still being opened, or there are none.
    """
    if arriving:
        raise WorkbenchError(
            "The pairs are still being opened.", "", "Start when their name stands at the top of the page."
        )
    if not set_id:
        raise WorkbenchError("There are no pairs yet.", "", "Bring a file or pick an example on the Pairs tab.")
