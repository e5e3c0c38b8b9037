"""Vectors that were computed before, kept in one SQLite file a model. A cache: losing it costs only time."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

_AT_ONCE = 500  # SQLite takes at most 999 parameters in older builds


class EmbeddingCache:
    """Vectors of texts under one model. Safe with several threads and processes; every failure means "not known"."""

    def __init__(self, folder: Path, digest: str):
        self._path = folder / f"{digest}.sqlite"

    def get(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The known vectors (float32) of ``texts``."""
        by_key = {_key(text): text for text in texts}
        keys = list(by_key)
        found: dict[str, np.ndarray] = {}
        try:
            with self._open() as database:
                for start in range(0, len(keys), _AT_ONCE):
                    some = keys[start : start + _AT_ONCE]
                    query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(some))})"
                    for key, vector in database.execute(query, some):
                        found[by_key[key]] = np.frombuffer(vector, dtype=np.float32)
        except sqlite3.DatabaseError as error:
            self._give_up(error)
            return {}
        except OSError:
            return {}
        return found

    def put(self, vectors: dict[str, np.ndarray]) -> None:
        """Keep ``vectors``; where the disk is full or the file is damaged, they are not kept."""
        rows = [(_key(text), vector.astype(np.float32).tobytes()) for text, vector in vectors.items()]
        try:
            with self._open() as database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except sqlite3.DatabaseError as error:
            self._give_up(error)
        except OSError:
            pass

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction: cheap, and never shared between threads."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            with database:
                database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
                yield database

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """Throw a damaged file away; a busy or full disk (an OperationalError) is left alone."""
        if isinstance(error, sqlite3.OperationalError):
            return
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self._path}{suffix}").unlink()


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()
