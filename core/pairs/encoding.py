"""From the bytes of a text file to UTF-8, whatever it was written in, and the name of what that was."""

import codecs
from dataclasses import dataclass

from core.errors import WorkbenchError

#: Marks at the start of a file that name its encoding; the longer ones first, UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_NAMES = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp932": "Shift JIS (Japanese)",
    "koi8_r": "KOI8-R (Cyrillic)",
}
_BLOCK = 1 << 24
#: How much of a file is looked at to guess its encoding.
_SAMPLE = 1 << 18


@dataclass(frozen=True)
class Text:
    """A file's text as UTF-8 bytes without a mark.

    Attributes:
        encoding: what the file was written in, in words.
        damaged_at: where the first byte stands that is not UTF-8 in a file that otherwise is, else None.
    """

    data: bytes
    encoding: str
    damaged_at: int | None = None


def to_utf8(data: bytes, name: str) -> Text:
    """Find out what ``data`` is written in and write it as UTF-8.

    Raises:
        WorkbenchError: it is not text, or no encoding fits.
    """
    for mark, codec, label in _MARKS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            return _recode(rest, codec, label, name) if codec != "utf-8" else _utf8(rest, label, name)
    if utf16 := _utf16_without_mark(data[:_SAMPLE]):
        return _recode(data, utf16, "UTF-16", name)
    if _is_binary(data[:_SAMPLE]):
        raise not_text(name)
    return _utf8(data, "UTF-8", name)


def not_text(name: str) -> WorkbenchError:
    """The error for a file that holds something else than rows."""
    return WorkbenchError(
        f"{name} is not a file of pairs.",
        "It holds binary data, not text or a table.",
        "Bring a CSV, TSV, JSON, JSON Lines, Parquet or Excel file.",
    )


def line_and_column(data: bytes, offset: int) -> tuple[int, int]:
    """The line and the character in it, both from 1, of byte ``offset``."""
    start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode("utf-8", "replace")) + 1


def damage_error(data: bytes, damaged_at: int, name: str) -> WorkbenchError:
    """The error for a file that is UTF-8 but for some bytes, the first of them at ``damaged_at``."""
    line, column = line_and_column(data, damaged_at)
    byte = data[damaged_at]
    return WorkbenchError(
        f"{name}: line {line}, column {column} holds a byte (0x{byte:02X}) that is not UTF-8.",
        "The rest of the file is UTF-8, so this is damage or a piece in another encoding.",
        "Mend that character, save the file as UTF-8 and bring it again.",
    )


def _utf8(data: bytes, label: str, name: str) -> Text:
    bad = _first_bad_byte(data)
    if bad is None:
        return Text(data, label)
    # Letters of another encoding hardly ever make valid UTF-8 sequences: many valid ones mean UTF-8 with damage.
    sample = data[max(0, bad - _SAMPLE) : bad + _SAMPLE].decode("utf-8", "replace")
    wrong = sample.count("\ufffd")
    valid = sum(character > "\x7f" for character in sample) - wrong
    if label != "UTF-8" or valid > 2 * wrong:
        return Text(data, label, bad)
    codec = _guess(data, bad, name)
    return _recode(data, codec, _NAMES.get(codec, codec.replace("_", "-").upper()), name)


def _first_bad_byte(data: bytes) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        kept = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            return start - kept + error.start
    return None


def _guess(data: bytes, bad: int, name: str) -> str:
    """The encoding's codec name, by ``charset_normalizer`` on the part around the first letter that is not ASCII."""
    import charset_normalizer

    found = charset_normalizer.from_bytes(data[max(0, bad - 1000) : bad + _SAMPLE])
    best = found.best()
    if best is None:
        raise not_text(name)
    # Short Western texts fit many encodings equally well; then the most common of them is the best guess.
    western = "cp1252" in best.could_be_from_charset or any(
        match.encoding == "cp1252" and match.chaos <= best.chaos + 0.05 and match.coherence >= best.coherence - 0.1
        for match in found
    )
    return "cp1252" if western else best.encoding


def _recode(data: bytes, codec: str, label: str, name: str) -> Text:
    try:
        text = data.decode(codec, "strict" if codec != "cp1252" else "replace")
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(codec, "replace").count("\n") + 1
        raise WorkbenchError(
            f"{name}: line {line} cannot be read as {label}.",
            "The file seems to be written in this encoding, but some bytes do not fit.",
            "Save the file as UTF-8 and bring it again.",
        ) from None
    return Text(text.encode("utf-8", "replace"), label)


def _utf16_without_mark(sample: bytes) -> str | None:
    """UTF-16 text of mostly Latin letters has a zero byte in every second place."""
    half = len(sample) // 2
    if half >= 2 and sample[1::2].count(0) > 0.6 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if half >= 2 and sample[0::2].count(0) > 0.6 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _is_binary(sample: bytes) -> bool:
    """More than one byte in fifty is a control character that no text needs."""
    control = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f")) + b"\x7f"
    return len(sample) - len(sample.translate(None, control)) > len(sample) / 50
