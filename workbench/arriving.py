"""Pairs on their way. The page knows of them at the click, the app only when it has read them: until then nothing on the page
may say that there are none, or train on those that were open before.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from workbench.view import QUIET, hidden_text

#: The page brings those of its link when it begins.
PAGE = "page"

#: By what pairs are on their way, of all that brings some: the end of one says nothing of another that has begun meanwhile.
_CHANGED = """() => {
  window.pairsOnTheirWay = window.pairsOnTheirWay || new Set(['%s']);
  window.pairsOnTheirWay.%s('%s');
  return [...window.pairsOnTheirWay].join(' ');
}"""


def arriving_text() -> gr.Textbox:
    """Holds something as long as pairs are on their way."""
    return hidden_text("Pairs are on their way", value=PAGE, elem_id="arriving")


def brings_pairs(arriving: gr.Textbox, by: str, listen: Callable[..., Any], *event: Any) -> None:
    """Have an event answered that opens pairs: ``listen(*event)``, where ``listen`` is as ``button.click``.

    Args:
        by: what brings them, a word that no other event has.
    """
    listen(None, None, arriving, js=_CHANGED % (PAGE, "add", by), **QUIET)
    arrived(arriving, by, listen(*event, **QUIET))


def arrived(arriving: gr.Textbox, by: str, answered: Any) -> None:
    """Say, once an event is answered or has failed, that nothing is on its way by it any more."""
    for ended in (answered.then, answered.failure):  # Gradio's pages do not go on to the first after a failure
        ended(None, None, arriving, js=_CHANGED % (PAGE, "delete", by), **QUIET)


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
