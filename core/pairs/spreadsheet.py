"""Texts of a CSV file made harmless for the spreadsheet that opens it."""

import pandas as pd

#: A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with an apostrophe before every text that a spreadsheet would run as a formula; numbers stay."""
    texts = frame.select_dtypes(exclude="number")
    return frame.assign(**{
        column: texts[column].where(~texts[column].str.startswith(FORMULA), "'" + texts[column]) for column in texts
    })
