"""Trying an endpoint: how long it takes to answer, and a small file of texts made into a file of vectors."""

import csv
import re
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import WorkbenchError
from core.pairs.encoding import to_utf8
from core.pairs.read import read_table
from core.pairs.spreadsheet import FORMULA
from core.workspace import Workspace, files_below, writing

#: How many calls the latency is measured over, and how many texts of a file go into one call.
CALLS = 20
TEXTS_A_CALL = 32
#: A page waits for the vectors of a file, so the file must be small.
MOST_TEXTS = 1000
#: Headings that a column of texts has; a file of one column need not have one.
_HEADINGS = ("text", "texts", "sentence", "sentences", "question", "questions", "query", "input", "inputs")
_TICKET = re.compile(r"[0-9a-f]{32}")
_KEPT_SECONDS = 24 * 3600

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Latency:
    """How long calls took, one after another, in seconds: half of them at most ``p50``, 95 of 100 at most ``p95``."""

    calls: int
    p50: float
    p95: float


def measure(embed: Embed, text: str, calls: int = CALLS) -> Latency:
    """Call the endpoint with one text, ``calls`` times, each after the last has been answered."""
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        embed([text])
        seconds.append(time.perf_counter() - start)
    return Latency(calls, *(float(one) for one in np.quantile(seconds, [0.5, 0.95])))


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The cosine of two vectors; 0 where one of them is zero."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def read_texts(path: Path, name: str) -> list[str]:
    """The texts of a file: each line of a .txt; else the column called text (or the like), or the first one.

    Raises:
        WorkbenchError: the file cannot be read, or holds no text or more than ``MOST_TEXTS``.
    """
    if Path(name).suffix.lower() == ".txt":
        texts = to_utf8(path.read_bytes(), name).data.decode("utf-8", "replace").splitlines()
    else:
        frame = read_table(path, name=name).frame
        if frame.shape[1] == 1:  # then nothing tells a heading from a text but its words
            texts = read_table(path, name=name, header=False).frame.iloc[:, 0].astype(str).tolist()
            texts = texts[1:] if texts and texts[0].strip().lower() in _HEADINGS else texts
        else:
            named = [column for column in frame.columns if str(column).strip().lower() in _HEADINGS]
            texts = frame[named[0] if named else frame.columns[0]].astype(str).tolist()
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise WorkbenchError(f"{name} holds no text.", "", "Bring a file with one text a line, or a CSV with a column “text”.")
    if len(texts) > MOST_TEXTS:
        raise WorkbenchError(
            f"{name} holds {len(texts):,} texts.", f"This page takes {MOST_TEXTS:,} at most, so that nobody waits long.",
            "Bring a smaller file, or use the program below for all of them.",
        )
    return texts


def vectors_file(embed: Embed, texts: Sequence[str], workspace: Workspace) -> str:
    """Write the vectors of ``texts`` as CSV (one row a text) for one day, and return the ticket that fetches it.

    Raises:
        WorkbenchError: ``embed`` cannot be asked, or the disk is full.
    """
    folder = workspace.cache / "vectors"
    for old in files_below(folder, "*.csv"):
        with suppress(FileNotFoundError):  # another page may have removed it
            if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
                old.unlink()
    calls = [embed(texts[start : start + TEXTS_A_CALL]) for start in range(0, len(texts), TEXTS_A_CALL)]
    vectors = np.concatenate(calls)
    ticket = secrets.token_hex(16)
    with writing("The vectors could not be kept."):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{ticket}.csv", texts, vectors)
    return ticket


def _write(path: Path, texts: Sequence[str], vectors: np.ndarray) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # Excel needs the mark
        writer = csv.writer(file)
        writer.writerow(["text", *(f"v{number}" for number in range(1, vectors.shape[1] + 1))])
        for text, vector in zip(texts, vectors, strict=True):
            harmless = f"'{text}" if text.startswith(FORMULA) else text
            writer.writerow([harmless, *(f"{number:.7g}" for number in vector)])


def fetch_vectors(ticket: str, workspace: Workspace, folder: Path) -> Path:
    """A copy, in ``folder``, of the file that ``vectors_file`` wrote.

    Raises:
        WorkbenchError: there is none: the ticket is not one of ours, or its day is over.
    """
    gone = WorkbenchError("These vectors are no longer here.", "They are kept for a day.", "Make them again.")
    if not _TICKET.fullmatch(ticket):
        raise gone
    try:
        return shutil.copyfile(workspace.cache / "vectors" / f"{ticket}.csv", folder / "vectors.csv")
    except FileNotFoundError as error:
        raise gone from error
