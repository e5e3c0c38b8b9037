"""Which column is the question, which the answer: guessed by names, then by what stands in them; and the pairs that
follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from core.errors import WorkbenchError
from core.pairs.dataset import ROLES, Kind, PairSet
from core.pairs.names import NAMES, plain_name
from core.pairs.table import Table
from core.pairs.text import SEVERAL_WORDS, text_array

ROLE_IN_WORDS = {
    "anchor": "question",
    "positive": "answer",
    "negative": "wrong answer",
    "score": "score",
    "label": "0/1 label",
    "group": "group",
}
#: Group names that are only believed where no value holds more than this share of the rows.
_WEAK_GROUPS, _LARGEST_GROUP = ("source", "url", "link", "file", "filename", "page", "chapter"), 0.2
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")


@dataclass(frozen=True)
class _Look:
    """What a column holds, in figures."""

    length: float  # mean characters of a cell
    questions: float  # share of cells that end with a question mark
    spaces: float  # share of cells with more than one word
    numbers: float  # share of the filled cells that are numbers
    filled: float  # share of cells with something in them


def guess_columns(table: Table, chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """role -> column name, for the roles that were found: by name where a name tells, else by content.

    Args:
        chosen: the roles that a person has decided (role -> column name, "" for none): they stay as they are, and no
            other role is guessed for their columns.

    Raises:
        WorkbenchError: fewer than two columns hold text, a chosen column is not there, or two were chosen that decide
            what kind of set this is.
    """
    chosen = dict(chosen or {})
    _check_there(table, chosen)
    _check_kind(chosen)
    free = table.frame.drop(columns=[column for column in chosen.values() if column])
    found = {role: column for role in ROLES if (column := _by_name(free, role))} | chosen
    # "document" can be the answer itself or say where it comes from: it is the answer only if nothing else is.
    if found.get("group") == found.get("positive") and "group" not in chosen:
        found.pop("group", None)
    if not table.header:
        found = _numbers_without_names(free) | found
    taken = {column for role, column in found.items() if role not in ("anchor", "positive")}
    if found.get("anchor") is None or found.get("positive") is None:
        found |= _by_content(table.frame, found, taken)
    # A set has one kind: the first of these that is there decides it, one that was chosen before one that was guessed.
    kinds = [role for role in _KIND_COLUMN.values() if found.get(role)]
    kinds.sort(key=lambda role: role not in chosen)
    return {role: found[role] for role in ROLES if found.get(role) and role not in kinds[1:]}


def to_pairs(table: Table, name: str, columns: Mapping[str, str | None]) -> PairSet:
    """The pairs of ``table`` with ``columns`` (role -> column name; unnamed roles may be missing, None or "").

    Scores from 0 to 5 are divided by 5; ``reading_notes`` says so.

    Raises:
        WorkbenchError: question or answer has no column, one column has two roles, two columns decide what kind of set
            this is, or a score or label is not one; names the row and the column.
    """
    roles = {role: column for role in ROLES if (column := columns.get(role))}
    _check_roles(table, roles)
    kind: Kind = next((kind for kind, role in _KIND_COLUMN.items() if role in roles), "pairs")
    frame = pd.DataFrame({"row": table.frame.index.to_numpy(np.int64)})
    for role, column in roles.items():
        cells = table.frame[column].reset_index(drop=True)
        frame[role] = (
            _scores(cells, frame["row"], column, name)
            if role == "score"
            else _labels(cells, frame["row"], column, name)
            if role == "label"
            else cells
        )
    return PairSet(name, kind, roles, frame)


#: The column that makes a set what it is; a set has one of them, or none.
_KIND_COLUMN: dict[Kind, str] = {"labelled": "label", "scored": "score", "triplets": "negative"}


def reading_notes(table: Table, columns: dict[str, str]) -> list[str]:
    """What a person should know about how the file was understood, in sentences; often empty."""
    notes = []
    if table.encoding not in (None, "UTF-8", "UTF-8 with BOM"):
        notes.append(f"The file is written in {table.encoding}.")
    if table.delimiter == ";":
        notes.append("The cells stand between semicolons.")
    if table.delimiter == "|":
        notes.append("The cells stand between vertical bars.")
    if not table.header:
        notes.append("The first line holds data, so the columns have no names of their own.")
    if table.broken:
        lines = ", ".join(str(line.line) for line in table.broken[:5])
        more = f" and {len(table.broken) - 5:,} more" if len(table.broken) > 5 else ""
        count = len(table.broken)
        notes.append(
            f"{count:,} broken line{'s were' if count > 1 else ' was'} left out: line"
            f"{'s' if count > 1 else ''} {lines}{more}."
        )
    if "score" in columns and _scale(_numbers(table.frame[columns["score"]]).to_numpy()) == 5:
        notes.append(f"The scores in “{columns['score']}” go up to 5; they were divided by 5.")
    unused = [
        column
        for column in map(str, table.frame)
        if plain_name(column) in NAMES["label"]
        and column not in columns.values()
        and not _mostly_labels(table.frame[column])
    ]
    notes += [f"“{column}” is not used: it holds more than 0 and 1." for column in unused]
    return notes


def _by_name(frame: pd.DataFrame, role: str) -> str | None:
    plain = {column: plain_name(column) for column in map(str, frame)}
    for name in NAMES[role]:
        for column, own in plain.items():
            if own == name and _fits(frame[column], role, name):
                return column
    return None


def _fits(cells: pd.Series, role: str, name: str) -> bool:
    """Whether what stands in a column goes with the role that its name suggests."""
    if role == "label":
        return _mostly_labels(cells)
    if role == "score":
        return _look(cells).numbers > 0.5
    if role == "group" and name in _WEAK_GROUPS:
        return cells.value_counts().iloc[0] <= max(1, _LARGEST_GROUP * len(cells))
    return True


def _mostly_labels(cells: pd.Series) -> bool:
    """At least nine in ten cells of a column are 0/1 labels: the others are slips, to be named one by one."""
    counts = cells.str.strip().str.lower().value_counts()
    return counts[counts.index.isin(_TRUE + _FALSE)].sum() >= 0.9 * len(cells)


def _numbers_without_names(frame: pd.DataFrame) -> dict[str, str]:
    """A column of numbers in a file without a header is a label or a score."""
    for column in reversed(frame.columns):
        numbers = _numbers(frame[column])
        if numbers.isna().any():
            continue
        if numbers.isin([0, 1]).all():
            return {"label": column}
        if numbers.between(0, 5).all() and (numbers % 1 != 0).any():
            return {"score": column}
    return {}


def _by_content(frame: pd.DataFrame, found: dict[str, str], taken: set[str]) -> dict[str, str]:
    """Question and answer among the columns of text: the two longest, the one that asks or is shorter first."""
    roles = [role for role in ("anchor", "positive") if role in found]
    looks = {column: _look(frame[column]) for column in map(str, frame) if column not in taken}
    texts = [
        column
        for column, look in looks.items()
        if look.numbers < 0.5 and look.filled > 0 and column not in [found[role] for role in roles]
    ]
    prose = [column for column in texts if looks[column].spaces > 0.1]
    if len(prose) + len(roles) >= 2:
        texts = prose  # identifiers are single words; leave them aside where there are texts
    longest = sorted(texts, key=lambda column: -looks[column].length)[: 2 - len(roles)]
    if len(longest) + len(roles) < 2:
        one = " and ".join(f"“{column}”" for column in [*(found[role] for role in roles), *longest])
        raise WorkbenchError(
            "Two columns of text are needed, one for the question and one for the answer.",
            f"Only {one} was found." if one else "None was found.",
            "Bring a file with a column for each; in a CSV file put a comma between them and texts in quotation marks.",
        )
    if roles:
        return {"positive" if roles == ["anchor"] else "anchor": longest[0]}
    first, second = [column for column in looks if column in longest]
    asks = looks[second].questions - looks[first].questions
    if asks > 0.3 or (abs(asks) <= 0.3 and looks[second].length < 0.5 * looks[first].length):
        first, second = second, first
    guess = {"anchor": first, "positive": second}
    others = [column for column in texts if column not in (first, second)]
    if len(frame.columns) == 3 and len(others) == 1 and looks[others[0]].length > 0.5 * looks[second].length:
        # Three columns of like texts are triplets, and these are written in this order.
        guess = dict(zip(("anchor", "positive", "negative"), frame.columns, strict=True))
    return guess


def _look(cells: pd.Series) -> _Look:
    """A column's figures, from its first 2,000 cells."""
    head = text_array(cells.iloc[:2000])
    filled = head.filter(pc.match_substring_regex(head, r"\S"))
    if len(filled) == 0:
        return _Look(0, 0, 0, 0, 0)

    def share(pattern: str) -> float:
        return float(pc.mean(pc.match_substring_regex(filled, pattern)).as_py())

    return _Look(
        length=pc.mean(pc.utf8_length(filled)).as_py(),
        questions=share(r"[?？]\s*$"),
        spaces=max(share(SEVERAL_WORDS), share(r"[\x{3040}-\x{9FFF}].{5}")),  # Japanese and Chinese put no spaces
        numbers=share(r"^\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*$"),
        filled=len(filled) / len(head),
    )


def _check_roles(table: Table, columns: dict[str, str]) -> None:
    for role in ("anchor", "positive"):
        if role not in columns:
            raise WorkbenchError(
                f"No column is chosen for the {ROLE_IN_WORDS[role]}.", _columns_in_words(table), "Choose one."
            )
    _check_there(table, columns)
    for role, column in columns.items():
        twice = next((other for other in columns if other != role and columns[other] == column), None)
        if twice:
            raise WorkbenchError(
                f"“{column}” is chosen twice, as {ROLE_IN_WORDS[role]} and as {ROLE_IN_WORDS[twice]}.",
                _columns_in_words(table),
                "Choose a column of its own for each.",
            )
    _check_kind(columns)


def _check_kind(columns: Mapping[str, str]) -> None:
    """Nothing that was chosen is left out in silence."""
    both = [role for role in _KIND_COLUMN.values() if columns.get(role)]
    if len(both) > 1:
        raise WorkbenchError(
            " and ".join(f"“{columns[role]}” as {ROLE_IN_WORDS[role]}" for role in both) + " cannot be used together.",
            "A set holds wrong answers, or scores, or 0/1 labels: each is learned from in another way.",
            "Choose one of them, and no column for the other.",
        )


def _check_there(table: Table, columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        if column and column not in table.frame:
            raise WorkbenchError(
                f"There is no column “{column}” for the {ROLE_IN_WORDS[role]}.",
                _columns_in_words(table),
                "Choose one of these.",
            )


def _columns_in_words(table: Table) -> str:
    return "The columns are: " + ", ".join(f"“{column}”" for column in table.frame) + "."


def _numbers(cells: pd.Series) -> pd.Series:
    """The cells as floats, also where they have a decimal comma; what is not a number becomes NaN."""
    return pd.to_numeric(cells.str.strip().str.replace(",", ".", regex=False), errors="coerce").astype(float)


def _scale(scores: np.ndarray) -> int:
    """What scores are divided by to lie in 0..1. Few values above 1 are slips in a 0..1 column, many a 0..5 scale."""
    return 5 if len(scores) and np.mean(scores > 1) >= 1 / 3 else 1


def _scores(cells: pd.Series, rows: pd.Series, column: str, name: str) -> pd.Series:
    numbers = _numbers(cells)
    scale = _scale(numbers.to_numpy())
    wrong = ~(numbers / scale).between(0, 1)
    if wrong.any():
        raise _bad_cell(cells, rows, wrong, column, name, "a score is a number from 0 to 1, or from 0 to 5")
    return numbers / scale


def _labels(cells: pd.Series, rows: pd.Series, column: str, name: str) -> pd.Series:
    plain = cells.str.strip().str.lower()
    wrong = ~plain.isin(_TRUE + _FALSE)
    if wrong.any():
        raise _bad_cell(cells, rows, wrong, column, name, "a label is 1 (belongs together) or 0 (does not)")
    return plain.isin(_TRUE).astype(np.int64)


def _bad_cell(cells: pd.Series, rows: pd.Series, wrong: pd.Series, column: str, name: str, rule: str) -> WorkbenchError:
    first = wrong.to_numpy().argmax()
    holds = f"“{cells.iloc[first][:40]}”" if cells.iloc[first].strip() else "nothing"
    more = f", and {wrong.sum() - 1:,} more rows are like it" if wrong.sum() > 1 else ""
    return WorkbenchError(
        f"{PurePath(name).name}: row {rows.iloc[first]}, column “{column}” holds {holds}.",
        f"In this column {rule}{more}.",
        "Mend the file and bring it again, or choose another column for it.",
    )
