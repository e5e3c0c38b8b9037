"""The file of users: names, hashed passwords, and who may spend money.

    {"users": {"ada": {"password": "$argon2id$...", "may_spend": true}, "bob": {"password": null, "may_spend": false}}}

A name without a password belongs to somebody who signs in elsewhere (see ``--sso-header``).
"""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import argon2
import filelock

from core.errors import WorkbenchError
from core.workspace import read_json, write_json

#: A name is also a folder's name and part of log lines: small letters, digits, and dots, dashes, underscores and @ between.
NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+([._@-][a-z0-9]+)*")
SHORTEST_PASSWORD = 10

_hasher = argon2.PasswordHasher()  # RFC 9106's second choice: argon2id, 64 MiB, three passes
#: Checked where there is no such name, so that this takes as long as a wrong password.
_NOBODYS = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True)
class User:
    """Somebody in the file.

    Attributes:
        password: its hash, None for somebody who signs in elsewhere.
        may_spend: whether they may deploy, train and delete where it costs money.
    """

    name: str
    password: str | None
    may_spend: bool


def clean_name(name: str) -> str:
    """A name as it is kept: in small letters.

    Raises:
        WorkbenchError: it cannot be a name here.
    """
    name = name.strip().lower()
    if not NAME.fullmatch(name):
        raise WorkbenchError(
            "This cannot be a name here.", "It may have up to 64 letters a to z, digits, and . - _ @ between them.",
            "Choose another name.",
        )
    return name


class Users:
    """The users in ``file``, read anew each time, so that a change holds at once."""

    def __init__(self, file: Path):
        self.file = file

    def all(self) -> dict[str, User]:
        """Everybody, by name.

        Raises:
            WorkbenchError: the file is damaged; {} where there is none.
        """
        if not self.file.exists():
            return {}
        kept = read_json(self.file)
        entries = kept.get("users") if isinstance(kept, dict) else None
        if not isinstance(entries, dict):
            raise WorkbenchError(
                f"The file of users, {self.file}, is damaged.", "It is not what “python -m workbench.users” writes.",
                "Bring back a copy of it, or move it away and add the users again.",
            )
        return {
            name: User(name, entry.get("password") if isinstance(entry.get("password"), str) else None,
                       entry.get("may_spend") is True)
            for name, entry in entries.items() if NAME.fullmatch(name) and isinstance(entry, dict)
        }

    def get(self, name: str) -> User | None:
        """The user of that name; None where there is none."""
        return self.all().get(name)

    def put(self, name: str, password: str | None, may_spend: bool) -> None:
        """Add or change a user.

        Raises:
            WorkbenchError: the name or the password cannot be used.
        """
        name = clean_name(name)
        if password is not None and len(password) < SHORTEST_PASSWORD:
            raise WorkbenchError(
                "This password is too short.", f"It needs {SHORTEST_PASSWORD} characters or more.", "Choose a longer one."
            )
        hashed = None if password is None else _hasher.hash(password)
        self._change(name, {"password": hashed, "may_spend": may_spend})

    def allow(self, name: str, may_spend: bool) -> None:
        """Give or take the right to spend.

        Raises:
            WorkbenchError: there is no such user.
        """
        user = self._known(name)
        self._change(user.name, {"password": user.password, "may_spend": may_spend})

    def remove(self, name: str) -> None:
        """Take a user out of the file; their folder stays.

        Raises:
            WorkbenchError: there is no such user.
        """
        self._change(self._known(name).name, None)

    def verify(self, name: str, password: str) -> bool:
        """Whether this is that user's password; takes as long where there is no such user."""
        user = self.get(name)
        try:
            matches = _hasher.verify(user.password if user and user.password else _NOBODYS, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return matches and user is not None and user.password is not None

    def _known(self, name: str) -> User:
        user = self.get(clean_name(name))
        if user is None:
            raise WorkbenchError(f"There is no user called “{name}”.", "", "List them with: python -m workbench.users list")
        return user

    def _change(self, name: str, entry: dict | None) -> None:
        """Write the file with one entry changed; only its owner may read it."""
        with filelock.FileLock(f"{self.file}.lock", timeout=10):
            users = {one.name: {"password": one.password, "may_spend": one.may_spend} for one in self.all().values()}
            if entry is None:
                users.pop(name, None)
            else:
                users[name] = entry
            write_json(self.file, {"users": users})  # made anew with mode 600, then put in place
            os.chmod(self.file, 0o600)
