"""What tests of every ring use."""

from pathlib import Path

import pytest

from core.workspace import Workspace


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a tiny model. Read it only."""
    from tests.tiny import tiny_model  # loads torch, which most tests do without

    folder = tmp_path_factory.mktemp("tiny")
    return tiny_model(folder / "model", Workspace.at(folder / "workspace"))
