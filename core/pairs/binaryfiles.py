"""Parquet and Excel files as rows."""

import io
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import WorkbenchError
from core.pairs.table import as_text, as_text_array, column_names, looks_like_header, to_frame

MAX_BYTES = 2 << 30
MAX_ROWS = 20_000_000


def too_large(name: str, why: str) -> WorkbenchError:
    """The error for a file beyond what one machine should open."""
    return WorkbenchError(
        f"{name} is too large.", why, "Bring a part of it; some ten thousand pairs are plenty for training."
    )


def read_parquet(data: bytes, name: str) -> pd.DataFrame:
    """The rows of a Parquet file, every column as text.

    Raises:
        WorkbenchError: it is damaged, empty or too large.
    """
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        facts = file.metadata
        size = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
        if size > MAX_BYTES or facts.num_rows > MAX_ROWS:
            raise too_large(name, f"It holds {facts.num_rows:,} rows in {size / 1e9:.1f} GB.")
        table = file.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise WorkbenchError(
            f"{name} cannot be read as Parquet.",
            f"The file is damaged or cut short: {str(error).splitlines()[0][:200]}",
            "Write or download it again.",
        ) from None
    table = table.select(
        [column for column, name_ in enumerate(table.column_names) if not name_.startswith("__index_level_")]
    )
    if len(table) == 0 or not table.column_names:
        raise WorkbenchError(f"{name} holds no rows.", "", "Bring a file with at least one pair.")
    return to_frame(
        pa.table([_text_column(column) for column in table.columns], names=column_names(table.column_names))
    )


def _text_column(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if not pa.types.is_nested(column.type) and not pa.types.is_floating(column.type):
        try:
            return pc.fill_null(column.cast(pa.large_string()), "")
        except pa.ArrowException:
            pass
    return as_text_array(column.to_pylist())


def read_excel(data: bytes, name: str, header: bool | None = None) -> tuple[pd.DataFrame, bool]:
    """The rows of the first sheet that has any, and whether its first row names the columns (found out where None).

    Raises:
        WorkbenchError: it is damaged, empty or too large.
    """
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise too_large(name, f"It unpacks to {size / 1e9:.1f} GB.")
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        for sheet in workbook.worksheets:
            rows = [cells for row in sheet.iter_rows(values_only=True) if any(cells := [as_text(cell) for cell in row])]
            if rows:
                break
        else:
            rows = []
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
    rows = [row + [""] * (width - len(row)) for row in rows]
    names = column_names(rows[0] if header else [""] * width)
    columns = list(zip(*rows[1 if header else 0 :], strict=True))
    kept = [column for column in range(width) if any(columns[column]) or (header and rows[0][column])]
    return to_frame(
        pa.table([as_text_array(columns[column]) for column in kept], names=[names[column] for column in kept])
    ), bool(header)
