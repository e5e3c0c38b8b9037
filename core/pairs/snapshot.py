"""A set's rows as its files had them at one moment, kept for as long as nobody changes these files.

Everything on a page asks for the same rows, and reading a million of them takes a second. What is kept goes by the
files' stamps, and these are looked at each time a set is opened: a change by another app or the command line is seen.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import WorkbenchError
from core.pairs.actions import Action, History, read_history, replay
from core.pairs.clean import clean_text
from core.pairs.columns import to_pairs
from core.pairs.dataset import PairSet
from core.pairs.read import read_table
from core.pairs.table import BrokenLine, Table
from core.shapes import SET, read_shaped
from core.workspace import files_below, unless_deleted

_TABLE, _ACTIONS, _COUNT = "table.parquet", "actions.jsonl", "actions.json"
#: (inode, size, time of change) of a file, None where there is none: another stamp for every change.
Stamp = tuple[int, int, int] | None
#: Texts hardly ever repeat, so a dictionary of them saves nothing; lz4 is read three times as fast as the default.
FAST_PARQUET: dict[str, Any] = {"compression": "lz4", "use_dictionary": False}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What follows from a set's files. Shared by all who open the set, so nothing in it may be changed.

    Args:
        facts: what set.json holds.
        table_stamp: that of table.parquet, taken before it is read.
    """

    folder: Path
    facts: Mapping[str, Any] = field(repr=False)
    table_stamp: Stamp

    @classmethod
    def now(cls, folder: Path, facts: Mapping[str, Any]) -> "Snapshot":
        """One of a set whose set.json holds ``facts``."""
        return cls(folder, facts, _stamp(folder / _TABLE))

    @property
    def actions_file(self) -> Path:
        return self.folder / _ACTIONS

    @cached_property
    def history(self) -> History:
        """What was done to the rows, as far as it can be read.

        Raises:
            WorkbenchError: the set was deleted meanwhile: without the list, rows that were left out would be in use again.
        """
        with unless_deleted(self.folder, no_set(self.folder.name)):
            history = read_history(self.actions_file)
            os.stat(self.folder)
        return history

    @property
    def actions(self) -> tuple[Action, ...]:
        """Everything that was done to the rows, oldest first."""
        return self.history.actions

    @cached_property
    def _state(self) -> tuple[dict[int, str], frozenset[int]]:
        return replay(self.actions)

    @property
    def reasons(self) -> dict[int, str]:
        """Why each row that is left out is left out, by row number."""
        return self._state[0]

    def table(self) -> Table:
        """The file's rows as text, with every column."""
        return _table(self.folder, self.facts)

    @cached_property
    def pairs(self) -> PairSet:
        """All rows, also those left out, with the texts cleaned where that was asked for."""
        cleaned = tuple(sorted(self._state[1]))
        columns = tuple(self.facts["columns"].items())
        with _reading:  # whoever else wants the same rows gets those that the first one reads
            return _pairs(_Wanted(self.folder, self.table_stamp, columns, cleaned, self.facts))

    @cached_property
    def use(self) -> pd.Series:
        """bool, one a row of ``pairs.frame``: the row is in use."""
        return ~self.pairs.frame["row"].isin(list(self.reasons)).rename("use")

    @cached_property
    def used_pairs(self) -> PairSet:
        """The rows in use."""
        return self.pairs.only(self.use)


def no_set(set_id: str) -> WorkbenchError:
    """That there is no set of this id, or no longer."""
    return WorkbenchError(
        f"There is no set called “{set_id[:100]}”.", "It may have been deleted.", "Bring the file again."
    )


def snapshot(folder: Path) -> Snapshot | None:
    """The set in ``folder`` as it is now; None where its set.json is missing or damaged."""
    # The stamps are taken before anything is read: what is kept for a stamp may be newer than it, and never older.
    stamps = tuple(_stamp(folder / name) for name in ("set.json", _TABLE, _ACTIONS, _COUNT))
    try:
        return _kept(folder, stamps)
    except FileNotFoundError:
        return None


def _stamp(path: Path) -> Stamp:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=4)
def _kept(folder: Path, stamps: tuple[Stamp, Stamp, Stamp, Stamp]) -> Snapshot:
    """The set with these stamps; that there is none, or it is damaged, is an error, as it must not be kept."""
    facts = read_shaped(folder / "set.json", SET)
    if not facts:
        raise FileNotFoundError(folder)
    return Snapshot(folder, facts, stamps[1])


@dataclass(frozen=True)
class _Wanted:
    """Pairs as one table, one choice of columns and one list of cleaned rows give them."""

    folder: Path
    table_stamp: Stamp
    columns: tuple[tuple[str, str], ...]
    cleaned: tuple[int, ...]
    facts: Mapping[str, Any] = field(compare=False)


_reading = threading.Lock()


@lru_cache(maxsize=2)
def _pairs(wanted: _Wanted) -> PairSet:
    """The pairs as the table holds them; with cleaned texts from the file that was made of them before, or made now."""
    name, kind, columns = wanted.facts["name"], wanted.facts["kind"], dict(wanted.columns)
    if not wanted.cleaned:
        return to_pairs(_table(wanted.folder, wanted.facts, columns.values()), name, columns)
    digest = hashlib.sha256(json.dumps([columns, wanted.cleaned, wanted.table_stamp]).encode()).hexdigest()[:16]
    file = wanted.folder / "pairs" / f"{digest}.parquet"
    try:
        return PairSet(name, kind, columns, pd.read_parquet(file))
    except (OSError, ValueError):
        pass  # not made yet, damaged, or thrown away by a change from another page
    plain = to_pairs(_table(wanted.folder, wanted.facts, columns.values()), name, columns)
    frame = plain.frame
    chosen = frame["row"].isin(wanted.cleaned)
    sides = [side for side in ("anchor", "positive", "negative") if side in frame]
    frame = frame.assign(
        **{
            side: frame[side].where(~chosen, frame[side][chosen].map(clean_text).reindex(frame.index))
            for side in sides
        }
    )
    with contextlib.suppress(OSError):  # the disk is full, or the set was deleted meanwhile: it can be made again
        _keep_only(file, frame)
    return PairSet(plain.name, plain.kind, plain.columns, frame)


def _keep_only(file: Path, frame: pd.DataFrame) -> None:
    """Write the pairs to ``file``, whole or not at all, in place of all others in its folder."""
    file.parent.mkdir(exist_ok=True)
    for old in files_below(file.parent, "*.parquet"):
        old.unlink(missing_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".")
    os.close(handle)
    try:
        frame.to_parquet(temporary, index=False, **FAST_PARQUET)
        os.replace(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _table(folder: Path, facts: Mapping[str, Any], columns: Iterable[str] | None = None) -> Table:
    """The set's table, of ``columns`` only if they are given."""
    wanted = None if columns is None else list(columns)
    try:
        frame = pd.read_parquet(folder / _TABLE, columns=wanted).rename_axis(index="row")
    except (OSError, ValueError):  # damaged or gone: it is made again of the uploaded file, which says the same
        with unless_deleted(folder, no_set(folder.name)):
            frame = _read_again(folder, facts).frame
        frame = frame if wanted is None else frame[wanted]
    broken = tuple(BrokenLine(line, why) for line, why in facts["broken"])
    return Table(
        frame, facts["format"], facts["encoding"], facts["delimiter"], facts["header"], facts["compressed"], broken
    )


def _read_again(folder: Path, facts: Mapping[str, Any]) -> Table:
    """The table of a set whose table.parquet is damaged, from the uploaded file; written down for the next time.

    Raises:
        WorkbenchError: the uploaded file is damaged too.
    """
    file = folder / "source" / facts["file"]
    try:
        with file.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != facts["digest"]:
                raise OSError("it is not the file that was uploaded")
        table = read_table(
            file, name=facts["name"], skip_broken=facts["broken_count"] > 0, delimiter=facts["delimiter"],
            header=facts["header"],
        )
        missing = set(facts["all_columns"]) - set(table.frame)
        if missing:
            raise OSError("it has other columns")
    except (OSError, WorkbenchError) as error:
        raise WorkbenchError(
            f"The rows of {facts['name']} cannot be read.", f"Its table.parquet is damaged, and of the uploaded file: {error}.",
            f"Bring {folder} back from a backup, or bring the file again.",
        ) from error
    with contextlib.suppress(OSError):  # on a full disk it is made again the next time
        write_table(folder, table)
    return table


def write_table(folder: Path, table: Table) -> None:
    """Write a set's table.parquet, whole or not at all."""
    temporary = folder / ".table.parquet"
    # The file may have a column called "row" of its own, so the record numbers go in as an index without a name.
    table.frame.rename_axis(index=None).to_parquet(temporary, index=True, **FAST_PARQUET)
    os.replace(temporary, folder / _TABLE)
