"""Hashes that cost next to nothing: what they cost in earnest is the library's affair."""

import argon2
import pytest

from workbench.team import users


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(users, "_hasher", hasher)
    monkeypatch.setattr(users, "_NOBODYS", hasher.hash("nobody's"))
