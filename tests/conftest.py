"""What tests of every ring use."""

import signal
from pathlib import Path

import pytest

from core.workspace import Workspace

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would what they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a tiny model. Read it only."""
    from tests.tiny import tiny_model  # loads torch, which most tests do without

    folder = tmp_path_factory.mktemp("tiny")
    return tiny_model(folder / "model", Workspace.at(folder / "workspace"))
