"""Excel workbooks as rows."""

import io
import zipfile

import pandas as pd
import pyarrow as pa

from core.errors import WorkbenchError
from core.pairs.table import (
    MAX_BYTES,
    as_text,
    as_text_array,
    check_cells,
    check_width,
    column_names,
    looks_like_header,
    to_frame,
    too_large,
)

#: A workbook has some ten files in it; a list of millions of them would fill the memory before anything is read.
_MOST_FILES = 10_000
#: Marks of XML in all of them: the library makes an object of each element and each attribute. A million pairs have 27
#: million.
_MOST_MARKS = 30_000_000
#: Rows of a sheet, as in Excel itself.
_MOST_ROWS = 1_048_576
#: Bytes of all texts of a sheet, and how many a cell counts for whatever is in it.
_MOST_TEXT, _CELL = 512 << 20, 64
_PIECE = 1 << 20
_AS_CSV = "Save the sheet as CSV and bring that."


def read_excel(data: bytes, name: str, header: bool | None = None) -> tuple[pd.DataFrame, bool]:
    """The rows of the first sheet that has any, and whether its first row names the columns (found out where None).

    Raises:
        WorkbenchError: it is damaged, empty or too large.
    """
    try:
        _check_archive(data, name)
        rows = _rows(data, name)
    except WorkbenchError:
        raise
    except Exception as error:  # openpyxl lets whatever a damaged file provokes through: KeyError, ParseError, ...
        raise WorkbenchError(
            f"{name} cannot be read as an Excel file.",
            f"The file is damaged or protected ({type(error).__name__}).",
            "Open it in Excel, save it as .xlsx without a password, and bring it again.",
        ) from None
    if rows and header is None:
        header = looks_like_header(rows[0], rows[1:200])
    if len(rows) <= bool(header):
        raise WorkbenchError(
            f"{name} holds no rows.",
            "Every sheet is empty or has only the names of the columns.",
            "Bring a file with at least one pair.",
        )
    width = max(map(len, rows))
    check_cells(len(rows), width, name)
    rows = [row + [""] * (width - len(row)) for row in rows]
    names = column_names(rows[0] if header else [""] * width)
    columns = list(zip(*rows[1 if header else 0 :], strict=True))
    kept = [column for column in range(width) if any(columns[column]) or (header and rows[0][column])]
    return to_frame(
        pa.table([as_text_array(columns[column]) for column in kept], names=[names[column] for column in kept])
    ), bool(header)


def _check_archive(data: bytes, name: str) -> None:
    """Raise where the workbook, a zip archive, unpacks to more than can be read.

    Raises:
        WorkbenchError: it does, or it is another archive.
        Exception: it is damaged.
    """
    if data.count(b"PK\x01\x02") > _MOST_FILES:
        raise WorkbenchError(f"{name} is not an Excel file.", f"It holds more than {_MOST_FILES:,} files.", _AS_CSV)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            raise WorkbenchError(
                f"{name} is a zip archive, not a file of pairs.", "", "Unpack it and bring the file inside."
            )
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise too_large(name, f"It unpacks to {size / 1e9:.1f} GB.")
        marks = 0
        for entry in archive.infolist():
            marks += _marks(archive, entry, _MOST_MARKS - marks)
            if marks > _MOST_MARKS:
                raise WorkbenchError(
                    f"{name} is too large.", "Its sheets have more cells than can be read from an Excel file.", _AS_CSV
                )


def _marks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> int:
    """How many elements and attributes a file has, if it is XML; counting ends above ``most``."""
    marks = 0
    with archive.open(entry) as file:
        while marks <= most and (piece := file.read(_PIECE)):
            marks += piece.count(b"<") + piece.count(b"=")
    return marks


def _rows(data: bytes, name: str) -> list[list[str]]:
    import openpyxl

    workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # what a sheet says of its size may be wrong, and every row would be made as wide
        rows, size = [], 0
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            size += _CELL * len(row)
            cells = [as_text(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            size += sum(map(len, cells))
            if size > _MOST_TEXT or number > _MOST_ROWS:
                raise too_large(name, f"A sheet has more than {number - 1:,} rows that can be read.")
            if cells:
                check_width(len(cells))
                rows.append(cells)
        if rows:
            return rows
    return []
