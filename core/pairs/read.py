"""Read a file of pairs in any of the formats that people have, found by what is in it."""

import gzip
import io
import os
import zlib
from pathlib import Path

import pyarrow.compute as pc

from core.errors import WorkbenchError
from core.pairs.delimited import find_delimiter, read_delimited
from core.pairs.encoding import damage_error, to_utf8
from core.pairs.excelfiles import read_excel
from core.pairs.jsonfiles import is_json_lines, read_json, read_json_lines
from core.pairs.parquetfiles import read_parquet
from core.pairs.table import MAX_BYTES, MAX_ROWS, BrokenLine, BrokenLinesError, Format, Table, too_large
from core.pairs.text import text_array

__all__ = ["BrokenLine", "BrokenLinesError", "Table", "read_table"]

#: What people bring by mistake: how such a file begins, what it is, and what to do.
_STRANGERS = (
    (b"%PDF", "a PDF document", "Copy its questions and answers into a table first."),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel file (.xls) or one with a password",
        "Save it as .xlsx without a password and bring that.",
    ),
    (b"\x89PNG", "a picture", "Bring a table of texts."),
    (b"\xff\xd8\xff", "a picture", "Bring a table of texts."),
    (b"GIF8", "a picture", "Bring a table of texts."),
    (b"{\\rtf", "a word-processor document", "Save its table as CSV."),
    (b"SQLite format 3", "a database", "Export the table as CSV."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first."),
    (b"Rar!", "a rar archive", "Unpack it first."),
    (b"BZh", "a bz2 file", "Unpack it, or pack it as gz."),
    (b"\xfd7zXZ", "an xz file", "Unpack it, or pack it as gz."),
    (b"\x28\xb5\x2f\xfd", "a zst file", "Unpack it, or pack it as gz."),
)
#: A gz file that unpacks to more than this times its size is made to fill the disk; real text stays far below.
_MOST_RATIO, _RATIO_FROM = 500, 256 << 20
#: The longest text, in bytes: a model reads the first few hundred words of it.
LONGEST_TEXT = 1_000_000


def read_table(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    skip_broken: bool = False,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """The rows of a file. The format is told by content first and by name second.

    Args:
        path: the file; it is only read.
        name: what to call the file in messages, its own name if None.
        skip_broken: leave out lines that cannot be read (JSON Lines, CSV) and count them, instead of raising.
        delimiter, header: for delimited text (``header`` for Excel too), to overrule what is found.

    Raises:
        BrokenLinesError: some lines are broken and the others could be read without them.
        WorkbenchError: the file cannot be read; says where, why and what to do.
    """
    name = name or Path(path).name
    table = _read(Path(path), name, skip_broken, delimiter, header)
    _check_texts(table, name)
    return table


def _read(path: Path, name: str, skip_broken: bool, delimiter: str | None, header: bool | None) -> Table:
    data = _bytes(path, name)
    compressed = data[:2] == b"\x1f\x8b"
    if compressed:
        data = _unpack(data, name)
        name = name.removesuffix(".gz")
    if not data[:4096].strip() and not data.strip():
        raise WorkbenchError(
            f"{name} is empty.", "There is nothing in the file.", "Bring a file with at least one pair."
        )
    if data[:4] == b"PAR1":
        return Table(read_parquet(data, name), "Parquet", compressed=compressed)
    if data[:4] == b"PK\x03\x04":
        frame, found = read_excel(data, name, header)
        return Table(frame, "Excel", header=found, compressed=compressed)
    for start, what, to_do in _STRANGERS:
        if data.startswith(start):
            raise WorkbenchError(f"{name} is {what}, not a file of pairs.", "", to_do)
    return _read_text(data, name, compressed, skip_broken, delimiter, header)


def _read_text(
    data: bytes, name: str, compressed: bool, skip_broken: bool, delimiter: str | None, header: bool | None
) -> Table:
    text = to_utf8(data, name)
    del data
    if (lines := max(text.data.count(b"\n"), text.data.count(b"\r"))) > MAX_ROWS:
        raise too_large(name, f"It has {lines:,} lines.")
    start = text.data[:1000].lstrip()[:1]
    ending = Path(name).suffix.lower()
    json_name = ending in (".json", ".jsonl", ".ndjson")
    if start in (b"{", b"[") and delimiter is None and (json_name or not _reads_as_rows(text.data, ending)):
        if is_json_lines(text.data):
            frame, broken = read_json_lines(text.data, name, skip_broken)
            return Table(frame, "JSON Lines", text.encoding, compressed=compressed, broken=broken)
        if text.damaged_at is not None:
            raise damage_error(text.data, text.damaged_at, name)
        return Table(read_json(text.data, name), "JSON", text.encoding, compressed=compressed)
    if text.damaged_at is not None:
        raise damage_error(text.data, text.damaged_at, name)
    if text.data[:1000].lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise WorkbenchError(
            f"{name} is a web page, not a file of pairs.", "", "Download the file itself, not the page that shows it."
        )
    if json_name and _json_lines_after_all(text.data):
        frame, broken = read_json_lines(text.data, name, skip_broken)
        return Table(frame, "JSON Lines", text.encoding, compressed=compressed, broken=broken)
    if json_name and delimiter is None and find_delimiter(text.data[: 1 << 16].decode("utf-8", "ignore")) is None:
        raise WorkbenchError(
            f"{name}: line 1, column 1: JSON starts with [ or {{, and this file does not.",
            "Its name says that it holds JSON.",
            "Mend the file and bring it again.",
        )
    rows = read_delimited(text.data, name, delimiter=delimiter, header=header, skip_broken=skip_broken)
    kind: Format = "TSV" if rows.delimiter == "\t" else "CSV"
    return Table(rows.frame, kind, text.encoding, rows.delimiter, rows.header, compressed, rows.broken)


def _check_texts(table: Table, name: str) -> None:
    """Raise where a cell is longer than any text of a pair."""
    for column in map(str, table.frame):
        lengths = pc.binary_length(text_array(table.frame[column]))
        longest = pc.max(lengths).as_py()
        if longest > LONGEST_TEXT:
            row = table.frame.index[pc.index(lengths, longest).as_py()]
            raise WorkbenchError(
                f"{name}: row {row}, column “{column[:40]}” holds a text of {longest / 1e6:,.1f} MB.",
                f"At most {LONGEST_TEXT / 1e6:,.0f} MB can be read; a model looks at the first few hundred words alone."
                + (" Perhaps a quotation mark is not closed where its text ends." if table.delimiter else ""),
                "Shorten it, or leave the row out, and bring the file again.",
            )


def _reads_as_rows(data: bytes, ending: str) -> bool:
    """A CSV file whose first cell starts with a bracket is still a CSV file, unless what is in it is JSON."""
    if ending not in (".csv", ".tsv", ".tab", ".txt"):
        return False
    if is_json_lines(data):
        return False
    try:
        read_json(data, "")
    except WorkbenchError:
        return True
    return False


def _json_lines_after_all(data: bytes) -> bool:
    """JSON Lines whose first line is so broken that it does not even start with a brace."""
    lines = [line.strip() for line in data[: 1 << 16].split(b"\n") if line.strip()]
    return len(lines) > 1 and is_json_lines(b"\n".join(lines[1:]) + b"\n{}")


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise WorkbenchError(f"{path} is a folder, not a file.", "", "Choose a file in it.")
        if path.stat().st_size > MAX_BYTES:
            raise too_large(
                name, f"It has {path.stat().st_size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.0f} GB can be opened."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise WorkbenchError(f"There is no file {path}.", "", "Check its name and folder.") from None
    except (OSError, ValueError) as error:
        raise WorkbenchError(
            f"{name} cannot be opened.",
            f"The system says: {getattr(error, 'strerror', None) or error}.",
            "Check that you may read it.",
        ) from None


def _unpack(data: bytes, name: str) -> bytes:
    out = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while block := file.read(1 << 22):
                out.write(block)
                size = out.tell()
                if size > MAX_BYTES or (size > _RATIO_FROM and size > _MOST_RATIO * len(data)):
                    raise too_large(name, f"It unpacks to more than {size / 1e9:.1f} GB.")
    except (OSError, EOFError, zlib.error):
        raise WorkbenchError(
            f"{name} cannot be unpacked.", "The gz file is damaged or cut short.", "Pack or download it again."
        ) from None
    return out.getvalue()

