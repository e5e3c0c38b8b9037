"""The page as Gradio's blocks, with one check more."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder, is_in_or_equal


class Page(gr.Blocks):
    """Blocks whose events read no file but one that was uploaded to them.

    Gradio makes sure of that in pages that it serves itself only, not in mounted ones: there a message may name any file of
    the machine as an upload, and gets it, or an address, and has it fetched.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False) -> list[Any]:
        """As Gradio's.

        Raises:
            gr.Error: a message names a file that is no upload.
        """
        if not all(is_in_or_equal(path, get_upload_folder()) for path in _files(inputs)):
            raise gr.Error("That file was not uploaded here.", print_exception=False)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)


def _files(data: Any) -> Iterator[str]:
    """What in ``data`` Gradio would take for the path of a file."""
    if isinstance(data, dict):
        if isinstance(data.get("path"), str) and data["path"]:
            yield data["path"]
        for value in data.values():
            yield from _files(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _files(value)
