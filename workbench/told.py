"""Errors that a handler meets, said on the page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from workbench.words import said


def told_in(view: gr.HTML) -> Callable[[Callable], Callable]:
    """A decorator for handlers that answer with a dict: a ``WorkbenchError`` becomes a message in ``view``, and all else on the
    page stays as it is."""

    def told(handler: Callable) -> Callable:
        @wraps(handler)
        def handled(*asked: Any) -> dict:
            try:
                return handler(*asked)
            except WorkbenchError as error:
                return {view: said(error)}

        return handled

    return told
