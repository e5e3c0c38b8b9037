"""The fast way through a delimited file gives what the careful one gives: rows, numbers, broken lines and errors."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.pairs import delimited, layout
from core.pairs.delimited import _by_layout, _careful
from core.pairs.layout import find_layout

#: Pieces of which files are made, well written and not.
PIECES = st.sampled_from(
    ["a", "bc", "é", ",", ",", "\n", "\r\n", "\r", " ", '"', '""', '"x"', '"a,b"', '"a\nb"', '"a\r\nb"', '"say ""a"""', "\ufeff",
     "\x00", "\n\n", "  \n", ",\n", '""\n']
)
DIRTY = st.lists(PIECES, min_size=1, max_size=25).map("".join)
CELLS = st.text(st.sampled_from('ab,"\n\r é'), max_size=6)


@st.composite
def written(draw):
    """Files as a program writes them, some with a record too short, too long or blank."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=draw(st.sampled_from([0, 1])))
    width = draw(st.integers(2, 3))
    for cells in draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)):
        writer.writerow(cells)
        if draw(st.integers(0, 3)) == 0:
            out.write(draw(st.sampled_from(["\n", "one\n", '"one"\n', "a,b,c,d,e\n", " \t\n", '"  "\n'])))
    return out.getvalue()[: -1 if draw(st.booleans()) else None]


def outcome(read, *args):
    """What a reader gives, or the words of its error."""
    try:
        found = read(*args)
    except (WorkbenchError, csv.Error) as error:
        return str(error), getattr(error, "broken", None)
    if found is None:
        return None
    table, broken, rows = found
    return table.to_pylist(), broken, np.arange(1, len(table) + 1).tolist() if rows is None else rows.tolist()


@settings(max_examples=400, deadline=None)
@given(text=DIRTY | written(), header=st.booleans(), skip=st.booleans(), block=st.sampled_from([1, 2, 3, 7, 1 << 24]))
@example('a,b\n"x\ny",c\n\n  \n1,2,3\n"p,""q",r', True, True, 3)
@example('a,b\r\n"",""\r\n""\r\n,\r\n', True, False, 2)
def test_the_fast_way_gives_what_the_careful_one_gives(text, header, skip, block):
    data = text.encode()
    before, layout._BLOCK = layout._BLOCK, block
    try:
        found = find_layout(data, ",")
    finally:
        layout._BLOCK = before
    if found is None or not len(found):
        return
    records = list(delimited._records(data, ","))  # never a csv.Error: what is out of place has no layout
    assert found.lines.tolist() == [line for line, _ in records]
    assert found.widths.tolist() == [len(cells) for _, cells in records]
    assert [found.cells(data, at, ",") for at in range(len(found))] == [cells for _, cells in records]
    fast = outcome(_by_layout, data, found, "f.csv", ",", int(found.widths[0]), header, skip)
    if fast is None:
        assert found.widths[0] == 1  # lists of single cells are not worth it
    else:
        assert fast == outcome(_careful, data, "f.csv", ",", header, skip)


@settings(max_examples=100, deadline=None)
@given(text=written())
def test_files_without_stray_marks_and_returns_take_the_fast_way(text):
    data = text.encode()
    if b"\r" in data.replace(b"\r\n", b"") or text.startswith("\ufeff"):
        return
    try:
        list(delimited._records(data, ","))
    except csv.Error:
        return  # the cut took a closing mark
    assert find_layout(data, ",") is not None


@pytest.mark.parametrize("text", ['a,b"c"\n', 'a,"b"c\n', 'a,"b" ,c\n', 'a,"b\n', "a,b\rc,d\n", "\ufeffa,b\n"])
def test_what_is_out_of_place_is_left_to_the_careful_reader(text):
    assert find_layout(text.encode(), ",") is None


def test_records_are_put_together_from_parts(monkeypatch):
    monkeypatch.setattr(delimited, "_AT_ONCE", 2)
    data = b'q,a\n1 "x",2\nshort\n3,4\n5,6\n7,8\n9,0\n'
    table, broken, rows = _careful(data, "f.csv", ",", True, True)
    assert [list(row.values()) for row in table.to_pylist()][1:] == [["1 \"x\"", "2"], *map(list, ("34", "56", "78", "90"))]
    assert (rows.tolist(), [line.line for line in broken]) == ([1, 2, 4, 5, 6, 7], [3])


def test_lines_with_marks_inside_their_texts_take_the_fast_way_too():
    """The careful reader gives the same, at a tenth of the speed."""
    table = delimited._lenient(b'q,a\n1 "x" y,2\n3,4\n', ",", 2)
    assert [list(row.values()) for row in table.to_pylist()] == [["q", "a"], ['1 "x" y', "2"], ["3", "4"]]
    assert delimited._lenient(b'q,a\n"x,2\n3,4\n', ",", 2) is None
