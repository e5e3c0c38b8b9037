"""The sets that were brought into a workspace. Each is a folder:

sets/<id>/source/<file>   the uploaded file, never changed
          set.json        name, how the file was read, the columns' roles
          table.parquet   its rows as text
          actions.jsonl   what was left out, cleaned and undone, append-only
          actions.json    how many of these there were, so that it is known when some are lost
          near.json       questions that ask nearly the same, where all rows were looked at (``near.py``)
          pairs/          the pairs as they are after cleaning, where texts were cleaned; can be made again
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count as count_from
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.pairs.actions import Action, ActionKind, accept_loss, append_action, forget_actions
from core.pairs.columns import guess_columns, reading_notes, to_pairs
from core.pairs.dataset import PairSet
from core.pairs.issue import Issue, count
from core.pairs.read import read_table
from core.pairs.snapshot import Snapshot, no_set, snapshot, write_table
from core.pairs.spreadsheet import harmless
from core.pairs.table import Table
from core.rights import recorded
from core.shapes import SET, read_shaped
from core.workspace import Workspace, files_below, listed, unless_deleted, write_json, writing

SET_ID = re.compile(r"(?=.{1,80}\Z)[a-z0-9]+(-[a-z0-9]+)*")
_MANY_BROKEN = 1000


class DamagedSetError(WorkbenchError):
    """A set cannot be opened.

    Attributes:
        set_id: which one.
    """

    def __init__(self, set_id: str, why: str, what_to_do: str):
        super().__init__(f"The pair set “{set_id}” cannot be opened.", why, what_to_do)
        self.set_id = set_id


class StoredSet:
    """A set that was brought in. It shows what was so when it was opened; open it again after a change.

    Attributes:
        facts: ``name``, ``file``, ``digest`` (SHA-256 of the file), ``bytes``, ``created``, ``rows``, ``kind``,
            ``format``, ``encoding``, ``delimiter``, ``header``, ``compressed``, ``broken`` (pairs of line and why),
            ``broken_count``, ``all_columns``, ``columns`` (role -> column), ``notes`` (sentences).
    """

    def __init__(self, rows: Snapshot):
        self._rows = rows

    @property
    def folder(self) -> Path:
        return self._rows.folder

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._rows.facts

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def columns(self) -> dict[str, str]:
        """role -> column name."""
        columns: dict[str, str] = self.facts["columns"]
        return columns

    @property
    def source_file(self) -> Path:
        """The file as it was uploaded."""
        return self.folder / "source" / str(self.facts["file"])

    @property
    def actions(self) -> tuple[Action, ...]:
        """Everything that was done to the rows, oldest first."""
        return self._rows.actions

    @property
    def cut(self) -> bool:
        """Whether a crash cut the last action short, so that it was not done."""
        return self._rows.history.cut

    @property
    def loss(self) -> WorkbenchError | None:
        """That actions cannot be read any more, so that rows may be in use that were left out; None where all can be."""
        history = self._rows.history
        if not history.lost:
            return None
        return WorkbenchError(
            f"Of the {count(history.made, 'change')} to the rows of {self.name}, {history.lost:,} cannot be read any more.",
            f"{self._rows.actions_file} was emptied, cut off or damaged. Rows that were left out may be in use again, and"
            " texts that were cleaned may be as they were.",
            "Bring that file back from a backup; or look at the rows, leave out again what is not to be used, and press"
            " “Go on with what is left” under File on the Pairs tab.",
        )

    def accept_loss(self) -> None:
        """Use the rows as the actions say that can be read."""
        with self._changing():
            accept_loss(self._rows.actions_file)
        self._rows = Snapshot.now(self.folder, self.facts)

    @property
    def reasons(self) -> dict[int, str]:
        """Why each row that is left out is left out, by row number."""
        return self._rows.reasons

    def table(self) -> Table:
        """The file's rows as text, with every column."""
        return self._rows.table()

    def pairs(self) -> PairSet:
        """All rows, also those left out, with the texts cleaned where that was asked for."""
        return self._rows.pairs

    @property
    def use(self) -> pd.Series:
        """bool, one a row of ``pairs().frame``: the row is in use."""
        return self._rows.use

    def used_pairs(self) -> PairSet:
        """The rows in use: what is checked, split and trained on."""
        return self._rows.used_pairs

    def pairs_to_train_on(self) -> PairSet:
        """The rows in use.

        Raises:
            WorkbenchError: which rows these are is not known for sure, as actions are lost.
        """
        if self.loss:
            raise self.loss
        return self.used_pairs()

    def set_columns(self, columns: Mapping[str, str | None]) -> "StoredSet":
        """Give the columns other roles (role -> column name); what was left out stays so. Returns the changed set.

        Raises:
            WorkbenchError: as ``to_pairs``; nothing is changed then.
        """
        table = self.table()
        pairs = to_pairs(table, self.name, columns)
        notes = reading_notes(table, pairs.columns)
        facts = {**self.facts, "columns": pairs.columns, "kind": pairs.kind, "notes": notes}
        with self._changing():
            write_json(self.folder / "set.json", facts)
        return StoredSet(Snapshot.now(self.folder, facts))

    def read_again(self, *, delimiter: str | None = None, header: bool | None = None) -> "StoredSet":
        """Read the uploaded file with another delimiter or header; columns are guessed anew and, since row numbers may
        change, nothing is left out afterwards. Returns the set as it is then.

        Raises:
            WorkbenchError: the file cannot be read so; nothing is changed then.
        """
        table = read_table(
            self.source_file,
            name=self.name,
            skip_broken=self.facts["broken_count"] > 0,
            delimiter=delimiter or self.facts["delimiter"],
            header=self.facts["header"] if header is None else header,
        )
        facts = {**self.facts, **_facts(table, self.name)}
        with self._changing():
            forget_actions(self._rows.actions_file)
            shutil.rmtree(self.folder / "pairs", ignore_errors=True)
            write_table(self.folder, table)
            write_json(self.folder / "set.json", facts)
        return StoredSet(Snapshot.now(self.folder, facts))

    def apply(self, issue: Issue) -> Action:
        """Do what an issue's fix offers.

        Raises:
            WorkbenchError: it offers none.
        """
        if issue.fix is None:
            raise WorkbenchError("There is no fix for this.", "", "Choose the rows in the table yourself.")
        kind: ActionKind = "clean" if issue.fix.clean else "exclude"
        return self._act(kind, rows=issue.fix.exclude, reason=issue.fix.reason or issue.title, check=issue.check)

    def exclude(self, rows: Iterable[int], reason: str = "left out by hand") -> Action:
        """Leave rows out."""
        return self._act("exclude", rows=tuple(rows), reason=reason)

    def include(self, rows: Iterable[int]) -> Action:
        """Use rows again that were left out."""
        return self._act("include", rows=tuple(rows))

    def undo(self, action_id: int) -> Action:
        """Take an action back.

        Raises:
            WorkbenchError: there is no such action, or it was taken back already.
        """
        return self._act("undo", undoes=action_id)

    def _act(self, kind: ActionKind, **values: Any) -> Action:
        with self._changing():
            action = append_action(self._rows.actions_file, kind, **values)
        self._rows = Snapshot.now(self.folder, self.facts)  # this object shows its own change at once
        return action

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change the set's files; raises a ``WorkbenchError`` as ``writing`` does, or that the set was deleted meanwhile."""
        with unless_deleted(self.folder, no_set(self.id)), writing(f"{self.name} could not be changed."):
            yield

    def export(self, path: Path, everything: bool = False) -> None:
        """Write the cleaned set as CSV (UTF-8 with BOM, which Excel needs), with the file's own column names.

        Args:
            everything: also the rows that are left out, with two more columns, ``use`` and ``reason``; their names have a
                number behind them where the file has such columns itself.
        """
        pairs = self.pairs() if everything else self.used_pairs()
        frame = pairs.frame.drop(columns="row").rename(columns=pairs.columns)
        if everything:
            frame[_free_name("use", frame)] = np.where(self.use, "yes", "no")
            frame[_free_name("reason", frame)] = [self.reasons.get(row, "") for row in pairs.frame["row"]]
        harmless(frame).to_csv(path, index=False, encoding="utf-8-sig")


def add_set(
    workspace: Workspace,
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    skip_broken: bool = False,
    delimiter: str | None = None,
    header: bool | None = None,
    columns: Mapping[str, str] | None = None,
) -> StoredSet:
    """Bring a file into the workspace. Nothing is to be seen of it before all of it could be read.

    Args:
        name: what to call the set, the file's name if None.
        skip_broken, delimiter, header: as ``read_table``.
        columns: role -> column name; guessed where None.

    Raises:
        WorkbenchError: the file cannot be read as pairs, or there is no space for it.
    """
    name = _tidy_name(name or Path(path).name)
    table = read_table(path, name=name, skip_broken=skip_broken, delimiter=delimiter, header=header)
    facts = _facts(table, name, columns)
    with writing(f"{name} could not be stored."):
        return _store(workspace, Path(path), name, table, facts)


def _store(workspace: Workspace, path: Path, name: str, table: Table, facts: dict[str, Any]) -> StoredSet:
    """Write the set out of sight, then let it appear at once."""
    temporary = Path(tempfile.mkdtemp(dir=workspace.sets, prefix=".new-"))
    try:
        file = _safe_file_name(name, path)
        (temporary / "source").mkdir()
        shutil.copyfile(path, temporary / "source" / file)
        with (temporary / "source" / file).open("rb") as copy:
            digest = hashlib.file_digest(copy, "sha256").hexdigest()
            size = os.fstat(copy.fileno()).st_size
        facts |= {"name": name, "file": file, "digest": digest, "bytes": size, "created": round(time.time(), 3)}
        write_table(temporary, table)
        write_json(temporary / "set.json", facts)
        return StoredSet(Snapshot.now(_publish(workspace, temporary, name), facts))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def open_set(workspace: Workspace, set_id: str) -> StoredSet:
    """The set with this id; ids come from links, so their form is checked first.

    Raises:
        WorkbenchError: there is no such set, or it is damaged.
    """
    if not SET_ID.fullmatch(set_id):
        raise no_set(set_id)
    rows = snapshot(workspace.sets / set_id)
    if rows is None:
        raise damaged_set(workspace.sets / set_id) or no_set(set_id)
    return StoredSet(rows)


def list_sets(workspace: Workspace) -> list[StoredSet]:
    """Every set of the workspace that can be read, newest first; see ``damaged_sets`` for the others."""
    folders = [folder for folder in listed(workspace.sets) if SET_ID.fullmatch(folder.name)]
    sets = [StoredSet(Snapshot.now(one, facts)) for one in folders if (facts := read_shaped(one / "set.json", SET))]
    return sorted(sets, key=lambda stored: stored.facts["created"], reverse=True)


def damaged_sets(workspace: Workspace) -> list[DamagedSetError]:
    """What is to be said of each set that cannot be opened."""
    folders = [folder for folder in listed(workspace.sets) if SET_ID.fullmatch(folder.name)]
    unread = [folder for folder in folders if not read_shaped(folder / "set.json", SET)]
    return [damaged for folder in unread if (damaged := damaged_set(folder))]


def damaged_set(folder: Path) -> DamagedSetError | None:
    """That the set in ``folder`` cannot be opened, and where its file is; None where it is not there, or no more."""
    files = files_below(folder / "source")
    if not folder.is_dir():
        return None
    return DamagedSetError(
        folder.name, "Its set.json is missing or damaged.",
        f"Its file is still there, as it was uploaded: {files[0]}. Bring that again." if files else
        f"Bring {folder} back from a backup, or bring the file again.",
    )


def delete_set(workspace: Workspace, set_id: str) -> None:
    """Remove a set with its copy of the file; runs that used it keep what they need.

    Raises:
        WorkbenchError: there is no such set.
    """
    if not SET_ID.fullmatch(set_id) or not (workspace.sets / set_id).is_dir():
        open_set(workspace, set_id)  # says that there is none
    folder = workspace.sets / set_id
    with recorded(workspace, "delete", set_id, costs=False), writing(f"{set_id} could not be deleted."):
        gone = Path(tempfile.mkdtemp(dir=workspace.sets, prefix=".deleted-"))
        try:
            os.rename(folder, gone / folder.name)
        finally:
            shutil.rmtree(gone, ignore_errors=True)


def _facts(table: Table, name: str, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What set.json keeps about how the file was read."""
    roles = dict(columns) if columns else guess_columns(table)
    pairs = to_pairs(table, name, roles)
    return {
        "rows": len(table.frame),
        "kind": pairs.kind,
        "columns": pairs.columns,
        "all_columns": list(table.frame),
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "header": table.header,
        "compressed": table.compressed,
        "broken_count": len(table.broken),
        "broken": [[line.line, line.why] for line in table.broken[:_MANY_BROKEN]],
        "notes": reading_notes(table, pairs.columns),
    }


def _publish(workspace: Workspace, temporary: Path, name: str) -> Path:
    """Rename a finished folder to a free id made of ``name``, e.g. ``bedrock-faq-2``."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower().split(".")[0]).strip("-")[:40].strip("-") or "set"
    number = 1
    while True:
        folder = workspace.sets / (stem if number == 1 else f"{stem}-{number}")
        try:
            if not folder.exists():
                os.rename(temporary, folder)
                return folder
        except OSError:
            if not folder.exists():  # the name was free, so the trouble is another
                raise
        number += 1


def _free_name(name: str, frame: pd.DataFrame) -> str:
    """``name``, or ``name 2`` and so on where a column is called so."""
    return next(free for number in count_from(1) if (free := name if number == 1 else f"{name} {number}") not in frame)


def _tidy_name(name: str) -> str:
    """A name to show: one line, without folders."""
    return " ".join(re.split(r"[/\\]", name)[-1].split())[:150] or "pairs"


def _safe_file_name(name: str, path: Path) -> str:
    """A file name that every system takes, with the file's endings."""
    tidy = re.sub(r"[^\w.\- ]", "_", name).lstrip(". ")[-120:]
    return tidy or f"pairs{path.suffix}"
