"""Reading the FILE of a command."""

import contextlib
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cli.output import Progress, note
from core.errors import WorkbenchError
from core.models import BASE_MODEL, embed, resolve
from core.pairs.checks import Context, near_duplicate_groups, run_checks
from core.pairs.columns import guess_columns, reading_notes, to_pairs
from core.pairs.dataset import ROLES, PairSet
from core.pairs.issue import count, name_rows
from core.pairs.read import BrokenLinesError, Table, read_table
from core.workspace import Workspace

#: What nobody wants trained on; everything else that a check finds is the person's to judge.
_UNUSABLE = ("empty-text", "exact-duplicate")
#: So many questions are embedded within a minute on two cores.
_MOST_QUESTIONS = 5_000


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not used, and which check says so."""

    check: str
    title: str
    rows: tuple[int, ...]


def read_pairs(file: str, skip_broken: bool, column: Sequence[str] = ()) -> tuple[Table, PairSet]:
    """The pairs of ``file``, its columns found by names and content.

    Args:
        column: what --column says about some of them, each as ``ROLE=NAME``.

    Raises:
        WorkbenchError: the file cannot be read, no two of its columns are texts, or ``column`` names a role or a column
            that is not there.
    """
    chosen = _chosen_columns(column)
    path = Path(file).expanduser()
    try:
        table = read_table(path, skip_broken=skip_broken)
    except BrokenLinesError as error:
        without = f"To go on without {count(len(error.broken), 'broken line')}, add --skip-broken."
        raise WorkbenchError(error.what, error.why, f"{error.what_to_do} {without}".strip()) from None
    columns = guess_columns(table, chosen)
    for sentence in reading_notes(table, columns):
        note(sentence)
    return table, to_pairs(table, path.name, columns)


def source_of(file: str, pairs: PairSet) -> dict[str, Any]:
    """Where the rows of a run come from, as ``core.runs.create.create_run`` wants it.

    Raises:
        OSError: the file is not there any more.
    """
    path = Path(file).expanduser()
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"name": path.name, "digest": digest, "rows": len(pairs), "set": None}


def _chosen_columns(column: Sequence[str]) -> dict[str, str]:
    """role -> column name ("" for none) as ``ROLE=NAME`` says it; of two for one role the last counts."""
    chosen = {}
    for text in column:
        role, equals, name = text.partition("=")
        if role not in ROLES or not equals:
            raise WorkbenchError(
                f"--column {text} is not a role and a column's name."
                if not equals
                else f"There is no role called “{role}” for a column.",
                "The roles are anchor (the question), positive (the answer), negative (a wrong answer), score, label and group.",
                "Write it as ROLE=NAME, such as --column anchor=question.",
            )
        chosen[role] = name
    return chosen


def usable(pairs: PairSet) -> tuple[PairSet, list[LeftOut]]:
    """The pairs without those that cannot be trained on: an empty side, or a copy of an earlier row; and these, told.

    Raises:
        WorkbenchError: nothing is left.
    """
    out: set[int] = set()
    left_out = []
    for issue in run_checks(pairs, Context()):
        if issue.check in _UNUSABLE and issue.fix is not None:
            rows = tuple(sorted(set(issue.fix.exclude) - out))
            out |= set(rows)
            left_out.append(LeftOut(issue.check, issue.title, rows))
            note(f"{name_rows(rows, 12)} left out: {issue.title}.")
    rest = pairs.only(~pairs.frame["row"].isin(out))
    if not len(rest):
        raise WorkbenchError(
            f"{pairs.name} holds no pair that can be used.", "Each of its rows has an empty side.", "Check its columns."
        )
    return rest, left_out


def near_duplicates(pairs: PairSet, workspace: Workspace) -> tuple[tuple[int, ...], ...]:
    """Groups of rows whose questions ask nearly the same, found by the built-in model; they must not cross a split.

    Only the questions are embedded, of at most ``_MOST_QUESTIONS`` rows chosen by chance: the answers, most of the
    text, take no part.
    """
    rows = pairs.frame
    if len(rows) > _MOST_QUESTIONS:
        rows = rows.sample(_MOST_QUESTIONS, random_state=0).sort_values("row")
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        vectors = embed(
            resolve(BASE_MODEL, workspace), rows["anchor"].tolist(), workspace,
            Progress("Reading the questions with the base model"),
        )
    embeddings = {
        "anchor": vectors, "positive": vectors, "rows": rows["row"].to_numpy(), "sampled": len(rows) < len(pairs),
    }
    return near_duplicate_groups(pairs, Context(embeddings=embeddings))


def as_json(left_out: list[LeftOut]) -> list[dict[str, Any]]:
    return [{"check": one.check, "title": one.title, "rows": list(one.rows)} for one in left_out]
