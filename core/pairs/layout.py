"""Where the records of a delimited file begin, on which lines, and how many cells each has, found without reading them.

Only for files whose quotation marks all stand where a cell begins or ends, or twice inside one: of these every reader
makes the same rows. Three passes over the bytes instead of one look at each character by Python.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np

_QUOTE, _NEWLINE, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]
_MARK = "\ufeff".encode()
_BLOCK = 1 << 24
#: More records of one cell than this are not looked at one by one.
_MOST_SINGLE = 10_000


@dataclass(frozen=True)
class Layout:
    """The records that are not blank lines, in the order of the file.

    Attributes:
        starts, ends: int64 [records], the bytes of each, without the line break that ends it.
        lines: int64 [records], the line on which each starts, from 1.
        widths: int64 [records], the cells of each.
        breaks: whether a line break stands inside a cell.
    """

    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray
    widths: np.ndarray
    breaks: bool

    def __len__(self) -> int:
        return len(self.starts)

    def cells(self, data: bytes, record: int, delimiter: str) -> list[str]:
        """The cells of one record."""
        return _cells(data[self.starts[record] : self.ends[record]], delimiter)


def find_layout(data: bytes, delimiter: str) -> Layout | None:
    """The layout of ``data`` (UTF-8); None where a quotation mark or a line end is out of place, so that somebody has to
    read the file character by character to know what is meant."""
    if not delimiter.isascii() or data.startswith(_MARK) or data.count(b"\r") != data.count(b"\r\n"):
        return None
    buffer, mark = np.frombuffer(data, np.uint8), ord(delimiter)
    ends: list[np.ndarray] = []
    end_lines: list[np.ndarray] = []
    before: list[np.ndarray] = []
    breaks = False
    quotes = lines = cells = 0  # before the block
    for start in range(0, len(data), _BLOCK):
        block = buffer[start : start + _BLOCK]
        quoted = np.flatnonzero(block == _QUOTE)
        if not _in_place(buffer, quoted + start, quotes, mark):
            return None
        newlines, between = np.flatnonzero(block == _NEWLINE), np.flatnonzero(block == mark)
        # An even number of quotation marks before a character means that it stands in no cell with marks around it.
        free = (np.searchsorted(quoted, newlines) + quotes) % 2 == 0
        between = between[(np.searchsorted(quoted, between) + quotes) % 2 == 0]
        ends.append(newlines[free] + start)
        end_lines.append(np.flatnonzero(free) + lines + 1)
        before.append(np.searchsorted(between, newlines[free]) + cells)
        breaks |= not free.all()
        quotes, lines, cells = quotes + len(quoted), lines + len(newlines), cells + len(between)
    if quotes % 2:
        return None
    if not data.endswith(b"\n"):
        ends.append(np.array([len(data)]))
        end_lines.append(np.array([lines + 1]))
        before.append(np.array([cells]))
    last, last_line, cells_before = (np.concatenate(parts).astype(np.int64) for parts in (ends, end_lines, before))
    starts = np.concatenate([[0], last[:-1] + 1])
    layout = Layout(
        starts, last - ((last > starts) & (buffer[last - 1] == _RETURN)), np.concatenate([[1], last_line[:-1] + 1]),
        np.diff(cells_before, prepend=0) + 1, breaks,
    )
    return _without_blank_lines(layout, data, delimiter)


def _in_place(buffer: np.ndarray, quoted: np.ndarray, before: int, mark: int) -> bool:
    """Whether each quotation mark opens a cell, closes one, or is one of two in a row inside one.

    Args:
        quoted: where they stand in ``buffer``.
        before: how many stand before them.
    """
    opening, closing = quoted[before % 2 :: 2], quoted[1 - before % 2 :: 2]
    left = buffer[np.maximum(opening - 1, 0)]
    if not ((opening == 0) | (left == _NEWLINE) | (left == mark) | (left == _QUOTE)).all():
        return False
    last = len(buffer) - 1
    right = buffer[np.minimum(closing + 1, last)]  # a return stands before a newline, or the file is not for us
    return bool(
        ((closing == last) | (right == _NEWLINE) | (right == _RETURN) | (right == mark) | (right == _QUOTE)).all()
    )


def _without_blank_lines(layout: Layout, data: bytes, delimiter: str) -> Layout | None:
    empty = layout.starts == layout.ends
    single = np.flatnonzero((layout.widths == 1) & ~empty)
    if len(single) > _MOST_SINGLE:
        return None
    for record in single.tolist():
        empty[record] = not layout.cells(data, record, delimiter)[0].strip()
    if not empty.any():
        return layout
    there = ~empty
    return Layout(layout.starts[there], layout.ends[there], layout.lines[there], layout.widths[there], layout.breaks)


def _cells(record: bytes, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(record.decode("utf-8", "replace"), newline=""), delimiter=delimiter))
