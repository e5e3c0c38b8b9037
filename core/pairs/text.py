"""When two texts count as the same: the one definition that checks, split, training and evaluation share."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: RE2: more than one word (its ``\\s`` knows only ASCII spaces).
SEVERAL_WORDS = r"[^\s\p{Z}][\s\p{Z}]+[^\s\p{Z}]"
#: Characters other than white space that are their own normal form beside any other of these, and whose one lower-case
#: form is what folding makes of them: ASCII, and most of what European, Chinese, Japanese and Korean texts are made of.
_PLAIN = (
    r"\x00-\x08\x0e-\x1b!-\x7f\x{a1}-\x{a7}\x{a9}\x{ab}-\x{ae}\x{b0}\x{b1}\x{b6}\x{b7}\x{bb}\x{bf}-\x{de}"
    r"\x{e0}-\x{12f}\x{131}\x{134}-\x{13e}\x{141}-\x{148}\x{14a}-\x{17e}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}"
    r"\x{3a3}-\x{3c1}\x{3c3}-\x{3ce}\x{400}-\x{481}\x{48a}-\x{52f}\x{2012}-\x{2015}\x{2018}-\x{201e}\x{2020}-\x{2022}"
    r"\x{20ac}\x{3001}-\x{3029}\x{3041}-\x{3096}\x{30a1}-\x{30fe}\x{4e00}-\x{9fff}\x{ac00}-\x{d7a3}"
)
#: Words of such characters with single spaces between them.
_TIDY = f"^(?:[{_PLAIN}]+(?: [{_PLAIN}]+)*)?$"
#: Texts that are folded at a time.
_AT_ONCE = 1 << 16


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
    found: np.ndarray = pc.match_substring_regex(text_array(texts), r"^[\s\p{Z}\p{Cc}\p{Cf}]*$").to_numpy()
    return found


def fold_all(texts: Sequence[str] | pd.Series | pa.ChunkedArray) -> pa.ChunkedArray:
    """``fold`` of every text, fast where most are tidy: of these, lower-casing is the whole of folding."""
    array = text_array(texts)
    parts = [array.slice(start, _AT_ONCE) for start in range(0, len(array), _AT_ONCE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Arrow works outside of Python
        return pa.chunked_array(list(pool.map(_fold_part, parts)), pa.large_string())


def _fold_part(part: pa.ChunkedArray) -> pa.LargeStringArray:
    texts = part.combine_chunks()
    folded = pc.utf8_lower(texts)
    untidy = pc.invert(pc.match_substring_regex(texts, _TIDY))
    slow = [fold(text) for text in texts.filter(untidy).to_pylist()]
    return pc.replace_with_mask(folded, untidy, pa.array(slow, pa.large_string())) if slow else folded


def fold_codes(*columns: Sequence[str] | pd.Series) -> list[np.ndarray]:
    """int [n] for each column: equal numbers, also across columns, mean texts that are the same after ``fold``; -1
    means blank."""
    arrays = [fold_all(column) for column in columns]
    lengths = [len(array) for array in arrays]
    # One array: Arrow numbers its texts in half the time that the same texts in parts take.
    together = pa.concat_arrays([pa.array([], pa.large_string()), *(part for array in arrays for part in array.chunks)])
    del arrays
    codes = together.dictionary_encode().indices.to_numpy().astype(np.int64)
    parts = np.split(codes, np.cumsum(lengths)[:-1])
    return [np.where(blank(column), -1, part) for column, part in zip(columns, parts, strict=True)]


def digest(texts: Sequence[str]) -> str:
    """SHA-256 (hex) of a list of texts, in its order; other texts, or the same ones cut elsewhere, give another."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    whole = "".join(texts).encode("utf-8", errors="surrogatepass")
    return hashlib.sha256(lengths.tobytes() + whole).hexdigest()
