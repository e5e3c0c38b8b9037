"""The report, and the pair table for other programs (CSV for a spreadsheet, else Parquet), as files."""

from pathlib import Path

import pandas as pd

from core.errors import WorkbenchError
from core.pairs.spreadsheet import harmless


def csv_text(table: pd.DataFrame) -> str:
    """``table`` as CSV; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return harmless(table).to_csv(index=False, lineterminator="\r\n")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write ``table`` (as ``pairs_table`` makes it) to ``path``: .csv (UTF-8 with BOM, which Excel needs) or .parquet.

    Raises:
        WorkbenchError: the ending is neither, or the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise WorkbenchError(
            f"The pairs cannot be written to {path.name}.", "Its ending is neither .csv nor .parquet.", "Choose one of them."
        )
    try:
        if ending == ".csv":
            path.write_bytes(csv_text(table).encode("utf-8-sig"))
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise _not_written(path, error) from error


def write_report(page: str, path: Path) -> None:
    """Write what ``html_report`` made.

    Raises:
        WorkbenchError: the file cannot be written.
    """
    try:
        path.write_bytes(page.encode())
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> WorkbenchError:
    return WorkbenchError(
        f"{path} could not be written.", f"The system says: {error.strerror or error}.", "Choose another place."
    )
