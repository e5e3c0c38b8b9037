import pytest

from core.workspace import Workspace
from tests.tiny import tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of a tiny model."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_model(folder / "model", Workspace.at(folder / "workspace"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")
