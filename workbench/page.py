"""The page as Gradio's blocks, with one check more and some work less."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import convert_component_dict_to_list
from gradio.utils import get_upload_folder, is_in_or_equal

_lock = threading.Lock()
_readers: Counter[str] = Counter()
_read: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)


@contextmanager
def reading_upload(path: str) -> Iterator[Callable[[], None]]:
    """Read a file that may have been uploaded; what this gives is called to have it removed then.

    Gradio lets equal files lie at one path. So it stays while another page reads it, and where it was uploaded anew meanwhile.
    What cannot be removed Gradio removes within two days.
    """
    with _lock:
        stamp = _stamp(path)
        _readers[path] += 1

    def forget() -> None:
        with _lock:
            _read[path] |= {stamp} if stamp and is_in_or_equal(path, get_upload_folder()) else set()

    try:
        yield forget
    finally:
        with _lock:
            _readers[path] -= 1
            if not _readers[path]:
                del _readers[path]
                if _stamp(path) in _read.pop(path, ()):
                    with suppress(OSError):
                        Path(path).unlink()


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        facts = Path(path).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


class Page(gr.Blocks):
    """Blocks whose events read no file but one that was uploaded to them, and whose answers cost what is new in them.

    Gradio makes sure of the first in pages that it serves itself only, not in mounted ones: there a message may name any file
    of the machine as an upload, and gets it, or an address, and has it fetched. For each part that an answer leaves as it is
    Gradio makes that part anew, with its whole configuration: most of what a tick of the timers would cost.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False) -> list[Any]:
        """As Gradio's.

        Raises:
            gr.Error: a message names a file that is no upload.
        """
        if not all(is_in_or_equal(path, get_upload_folder()) for path in _files(inputs)):
            raise gr.Error("That file was not uploaded here.", print_exception=False)
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """As Gradio's, which is given only the parts that become others."""
        parts, values = list(block_fn.outputs), predictions
        if state is not None and any(what == "load" for _, what in block_fn.targets):
            state.from_start = True
        if _is_skip(values):
            values = [values] * len(parts)
        elif isinstance(values, dict) and values:
            values = convert_component_dict_to_list(parts, values)
        if len(parts) == 1 and values is predictions:
            values = [values]
        usual = not block_fn.batch and not block_fn.is_validator_function and isinstance(values, list | tuple)
        if not usual or len(values) != len(parts):
            return await super().postprocess_data(block_fn, predictions, state)
        others = [at for at, part in enumerate(parts) if not _leaves(values[at], part, state)]
        answer: list[Any] = [None if part.stateful else gr.skip() for part in parts]
        if others:
            fewer = copy(block_fn)
            fewer.outputs = [parts[at] for at in others]
            given = [values[at] for at in others]
            made = await super().postprocess_data(fewer, given if len(given) > 1 else given[0], state)
            for at, value in zip(others, made, strict=True):
                answer[at] = value
        return answer


def _is_skip(value: Any) -> bool:
    return isinstance(value, dict) and value == gr.skip()


def _leaves(value: Any, part: Any, state: Any) -> bool:
    """Whether a part stays as it is: nothing is said of it, or that it is shown (or hidden), as it is already."""
    if not isinstance(value, dict) or value.get("__type__") != "update" or value.keys() - {"__type__", "visible"}:
        return False
    if "visible" not in value:
        return True
    now = part if state is None else state.get(part._id, part)
    told = now is not part or getattr(state, "from_start", True)  # a page that was forgotten may show what is not known here
    return told and value["visible"] is now.visible


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
