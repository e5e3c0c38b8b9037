"""Endpoints on this machine: each is a process of its own on loopback that outlives the app."""

from collections.abc import Callable, Sequence

import numpy as np

from core.endpoints.host import Deleted, DeploySpec, Endpoint
from core.models import ModelRef
from core.workspace import Workspace


class LocalHost:
    """Serves models of one workspace on this machine."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    def deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        raise NotImplementedError

    def embed(self, name: str, texts: Sequence[str]) -> np.ndarray:
        raise NotImplementedError

    def extend(self, name: str, hours: float) -> Endpoint:
        raise NotImplementedError

    def delete(self, name: str) -> Deleted:
        raise NotImplementedError

    def sweep(self) -> list[str]:
        return []

    def list(self) -> list[Endpoint]:
        return []
