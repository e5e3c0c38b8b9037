"""What a check finds, and how it says it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.pairs.dataset import PairSet

Severity = Literal["bad", "look", "info"]


@dataclass(frozen=True)
class Fix:
    """One click that mends an issue; it can be undone.

    Attributes:
        label: what the button says.
        exclude: the numbers of the rows that it leaves out (or cleans).
        clean: it cleans the texts of these rows instead of leaving them out.
        reason: why each of the rows is left out, as it is kept with the row.
    """

    label: str
    exclude: tuple[int, ...]
    clean: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Issue:
    """One thing that a check found.

    Attributes:
        check: the check's id, e.g. ``exact-duplicate``.
        title: what was found, a short sentence without a full stop.
        rows: the numbers of the rows it is about.
        severity: ``bad`` spoils training, ``look`` may, ``info`` is good to know.
        explanation: which rows, why it matters and what can be done.
        fix: what one click can do about it.
        sampled: says so where only a part of the rows was looked at.
        groups: rows that belong together, where the check is about several at a time.
    """

    check: str
    title: str
    rows: tuple[int, ...]
    severity: Severity
    explanation: str
    fix: Fix | None = None
    sampled: str | None = None
    groups: tuple[tuple[int, ...], ...] = ()

    @property
    def key(self) -> str:
        """Tells apart the issues of one check, e.g. of its two sides; the same for as long as the finding is."""
        return f"{self.check}-{len(self.rows)}-{self.rows[0] if self.rows else 0}"


def nouns(pairs: PairSet) -> dict[str, str]:
    """What the sides of these pairs are called: question and answer only where they are."""
    if pairs.kind in ("scored", "labelled"):
        return {"anchor": "first text", "positive": "second text"}
    return {"anchor": "question", "positive": "answer", "negative": "wrong answer"}


def count(number: int, noun: str, many: str | None = None) -> str:
    """``1 row``, ``2 rows``, ``1,234 rows``."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def name_rows(rows: Iterable[int], most: int = 5) -> str:
    """``Row 3``, ``Rows 3 and 17``, ``Rows 1, 2, 3, 4, 5 and 12 more``; ``No row`` for none."""
    numbers = [int(row) for row in rows]
    if not numbers:
        return "No row"
    if len(numbers) == 1:
        return f"Row {numbers[0]}"
    shown, rest = numbers[:most], len(numbers) - most
    last = f"{rest:,} more" if rest > 0 else str(shown.pop())
    return "Rows " + ", ".join(map(str, shown)) + f" and {last}"


def as_rows(numbers: np.ndarray) -> tuple[int, ...]:
    """Row numbers as plain integers."""
    return tuple(numbers.tolist())


def grouped(rows: np.ndarray, codes: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """The rows of each code, in the order of their first rows."""
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    parts = [tuple(part) for part in _split(rows[order].tolist(), edges.tolist())]
    return tuple(sorted(part for part in parts if part))


def _split(values: list[int], edges: list[int]) -> Iterable[list[int]]:
    return (values[start:end] for start, end in zip([0, *edges], [*edges, len(values)], strict=True))
