"""When two texts count as the same: the one definition that checks, split, training and evaluation share."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: RE2: more than one word (its ``\\s`` knows only ASCII spaces).
SEVERAL_WORDS = r"[^\s\p{Z}][\s\p{Z}]+[^\s\p{Z}]"
#: Plain ASCII text with any of these needs the slow way: white space other than single spaces between words.
_UNTIDY = r"[\t\n\v\f\r\x1c-\x1f]|  |^ | $"


def fold(text: str) -> str:
    """``text`` without what people do not see as a difference: Unicode form (NFKC), case and runs of white space."""
    once = unicodedata.normalize("NFKC", text).casefold()
    # Folding the case can leave the normal form ("ΐ"), so normalise again.
    return " ".join(unicodedata.normalize("NFKC", once).split())


def text_array(texts: Sequence[str] | pd.Series | pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts as an Arrow array (no copy where a Series already holds one); missing ones become ""."""
    array = pa.array(texts, from_pandas=True) if isinstance(texts, pd.Series) else texts
    if not isinstance(array, pa.ChunkedArray):
        array = pa.chunked_array([array if isinstance(array, pa.Array) else pa.array(array, pa.large_string())])
    return pc.fill_null(array.cast(pa.large_string()), "")


def blank(texts: Sequence[str] | pd.Series) -> np.ndarray:
    """bool [n]: nothing to see in the text, only white space and invisible characters."""
    return pc.match_substring_regex(text_array(texts), r"^[\s\p{Z}\p{Cc}\p{Cf}]*$").to_numpy()


def fold_all(texts: Sequence[str] | pd.Series | pa.ChunkedArray) -> pa.ChunkedArray:
    """``fold`` of every text, fast where most are tidy ASCII."""
    array = text_array(texts)
    tidy = pc.and_not(pc.string_is_ascii(array), pc.match_substring_regex(array, _UNTIDY))
    # ASCII letters have one lower-case form and one normal form: lower-casing them is the whole of folding.
    folded = pc.ascii_lower(array)
    if not pc.all(tidy).as_py() and len(array):
        slow = pa.array([fold(text) for text in array.filter(pc.invert(tidy)).to_pylist()], pa.large_string())
        folded = pc.replace_with_mask(folded.combine_chunks(), pc.invert(tidy).combine_chunks(), slow)
    return folded if isinstance(folded, pa.ChunkedArray) else pa.chunked_array([folded])


def fold_codes(*columns: Sequence[str] | pd.Series) -> list[np.ndarray]:
    """int [n] for each column: equal numbers, also across columns, mean texts that are the same after ``fold``; -1
    means blank."""
    arrays = [fold_all(column) for column in columns]
    together = pa.chunked_array([chunk for array in arrays for chunk in array.chunks], pa.large_string())
    codes = np.concatenate(
        [chunk.indices.to_numpy() for chunk in together.dictionary_encode().chunks] or [np.empty(0)]
    ).astype(np.int64)
    parts = np.split(codes, np.cumsum([len(array) for array in arrays])[:-1])
    return [np.where(blank(column), -1, part) for column, part in zip(columns, parts, strict=True)]
