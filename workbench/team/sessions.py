"""Who is signed in: a cookie, signed so that nobody can make one, that names a session which can be ended."""

import hashlib
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.workspace import read_object, write_json

COOKIE = "workbench_session"
#: Seconds after which one has to sign in again.
LASTS = 12 * 3600
_SALT = "embedding-workbench session"


@dataclass(frozen=True)
class Session:
    """A session that holds.

    Attributes:
        name: whose it is.
        id: tells it from the same person's others.
    """

    name: str
    id: str


class Sessions:
    """The sessions of one installation; its secret and the sessions that were ended are files in ``folder``.

    A session also ends when its person's password changes or they are taken out of the file of users: it holds a print of
    what it was opened with.
    """

    def __init__(self, folder: Path):
        self._signer = URLSafeTimedSerializer(_secret(folder / "session-secret"), salt=_SALT)
        self._ended_file = folder / "sessions-ended.json"
        self._lock = threading.Lock()
        self._ended = {one: at for one, at in read_object(self._ended_file).items() if isinstance(at, (int, float))}

    def open(self, name: str, proof: str) -> str:
        """The cookie of a new session.

        Args:
            proof: what has to be the same for as long as it lasts, such as the password's hash.
        """
        return self._signer.dumps({"name": name, "id": secrets.token_hex(16), "print": _print(proof)})

    def read(self, cookie: str) -> tuple[Session, str] | None:
        """The session of a cookie with the print of its proof (see ``holds``); None where it is forged, old or ended."""
        try:
            kept = self._signer.loads(cookie, max_age=LASTS)
            session, print_ = Session(str(kept["name"]), str(kept["id"])), str(kept["print"])
        except (BadSignature, KeyError, TypeError):
            return None
        return None if session.id in self._ended else (session, print_)

    @staticmethod
    def holds(print_: str, proof: str) -> bool:
        """Whether a session that was opened with the proof of this print still holds with ``proof``."""
        return secrets.compare_digest(print_, _print(proof))

    def end(self, session: Session) -> None:
        """End it: its cookie is good for nothing any more, wherever it is kept."""
        with self._lock:
            oldest = time.time() - LASTS
            self._ended = {one: at for one, at in self._ended.items() if at > oldest} | {session.id: time.time()}
            write_json(self._ended_file, self._ended)


def _print(proof: str) -> str:
    return hashlib.sha256(proof.encode()).hexdigest()[:32]


def _secret(file: Path) -> str:
    """What the cookies are signed with, made at the first start; only its owner may read it."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_hex(32))
            new.flush()
            os.fsync(new.fileno())
    except FileExistsError:
        pass
    kept = file.read_text()
    if len(kept) < 64:  # a crash or a full disk left it empty: with that anybody could sign
        file.unlink()
        return _secret(file)
    return kept
