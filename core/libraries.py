"""Importing libraries of thousands of modules, which takes seconds: torch and its friends, Gradio."""

import gc
import importlib
import sys
from types import ModuleType


def import_heavy(name: str) -> ModuleType:
    """The module ``name``, which brings such a library; the first time without the garbage collector.

    Nearly all that such an import makes stays for ever, and the collector would look through it again and again: a fifth of
    the time (sentence-transformers 4.8 s against 3.9 s, measured). It does not look through that later either.
    """
    if name in sys.modules:
        return importlib.import_module(name)  # waits where another thread is still at it
    collected = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        if collected:
            gc.enable()
