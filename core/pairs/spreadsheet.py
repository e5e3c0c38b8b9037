"""Texts of a CSV file made harmless for the spreadsheet that opens it."""

import pandas as pd

#: A spreadsheet runs a cell that starts with one of these as a formula, the wide ones of East Asian writing too; control
#: characters it drops, and looks at what comes after them.
FORMULA = (*"=+-@＝＋－＠", *map(chr, range(32)), "\x7f")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with an apostrophe before every text and every column's name that a spreadsheet would run as a formula;
    numbers stay."""
    texts = frame.select_dtypes(exclude="number")
    safe = frame.assign(**{
        str(name): cells.where(~cells.str.startswith(FORMULA), "'" + cells) for name, cells in texts.items()
    })
    return safe.rename(columns=lambda column: f"'{column}" if column.startswith(FORMULA) else column)
