"""Files that were made to do harm: each is refused in words, or read, in bounded memory and time.

Run as a program it reads the bombs, in a process whose memory and time are limited, and writes what came of each.
"""

import gzip
import io
import json
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.pairs import delimited, excelfiles, jsonfiles, parquetfiles, read
from core.pairs.read import read_table
from core.pairs.store import add_set
from core.workspace import Workspace

#: What a bomb's reader may take more than an empty one, in bytes, and all of them together in seconds of the processor.
MEMORY, SECONDS = 600_000_000, 120


def parquet(**columns) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def repeated(value, times: int) -> pa.Array:
    """A value that stands in the file once and in the table ``times``."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, np.int32)), pa.array([value]))


def workbook(sheet: bytes = b"", strings: bytes = b"", more: dict[str, bytes] | None = None) -> bytes:
    """A workbook whose sheet holds these rows, as XML."""
    plain, out = io.BytesIO(), io.BytesIO()
    made = openpyxl.Workbook()
    made.active.append(["question", "answer"])
    made.save(plain)
    named = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        files = {name: old.read(name) for name in old.namelist()} | (more or {})
        if sheet:
            files["xl/worksheets/sheet1.xml"] = sheet if sheet.startswith(b"<?xml") else (
                b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (named, sheet)
            )
        if strings:
            files["xl/sharedStrings.xml"] = b"<sst %s>%s</sst>" % (named, strings)
        for name, content in files.items():
            new.writestr(name, content)
    return out.getvalue()


def cell(place: str, text: str) -> bytes:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'.encode()


def row(number: int, *cells: bytes) -> bytes:
    return b'<row r="%d">%s</row>' % (number, b"".join(cells))


def declared(data: bytes, size: int) -> bytes:
    """A zip archive whose first file is said to unpack to ``size`` bytes."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


LAUGHS = b'<!DOCTYPE a [<!ENTITY l0 "hahahahahahaha">' + b"".join(
    b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10)
) + b"]>"


def in_a_sheet(begin: bytes, text: str) -> bytes:
    return (
        b'<?xml version="1.0"?>' + begin
        + b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + row(1, cell("A1", "question"), cell("B1", "answer")) + row(2, cell("A2", text), cell("B2", "b"))
        + b"</sheetData></worksheet>"
    )


#: Name of the file -> how it is made, and a word of the refusal.
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a million columns.csv": (lambda: b"a," * 1_000_000 + b"a\n" + b"b," * 1_000_000 + b"b\n", "1,000 columns"),
    "a million columns.json": (lambda: b"[[" + b"1," * 1_000_000 + b"1]]", "1,000 columns"),
    "a new name in each line.jsonl": (
        lambda: "\n".join(json.dumps({f"k{number}": "v"}) for number in range(20_000)).encode(), "1,000 columns",
    ),
    "a new name now and then.jsonl": (
        lambda: "\n".join(json.dumps({f"k{number // 2}": "v"}) for number in range(3_000)).encode(), "1,000 columns",
    ),
    "few rows a column.json": (
        lambda: json.dumps({f"k{n}": {f"r{n} {m}": "v" for m in range(60)} for n in range(600)}).encode(),
        "36,000 rows and 600 columns",
    ),
    "many columns.parquet": (lambda: parquet(**{f"c{number}": ["a"] for number in range(1001)}), "1,000 columns"),
    "a cell of 30 MB.csv": (lambda: b"question,answer\na,b\nc," + b"x" * 30_000_000, "row 2, column “answer”"),
    "a first cell of 18 MB.csv": (lambda: b'"' + b"x, " * 6_000_000 + b'",b\nc,d\n', "line 1"),
    "a line of 36 MB.jsonl": (
        lambda: b'{"q":"a","a":"b"}\n{"q":"a","a":[' + b"[]," * 12_000_000 + b"[]]}\n", "line 2 is broken: it has 36 MB",
    ),
    "nested.json": (lambda: b'{"a":' * 100_000, "nested too deeply"),
    "nested.jsonl": (lambda: b'{"a":"b"}\n' + b"[" * 5_000_000, "line 2 is broken: it is nested too deeply"),
    "many small parts.json": (lambda: b"[" + b"[]," * 500_000 + b"[]]", "too large"),
    "lines without end.csv": (lambda: b"question,answer\n" + b"\n" * 20_000_001, "lines"),
    "all broken.csv": (lambda: b"question,answer\na,b\n" + b"a,b,c\n" * 101, "100 lines are broken"),
    "all broken.jsonl": (lambda: b'{"q":"a"}\n' + b"x\n" * 102, "100 lines are broken"),
    "unpacks.csv.gz": (lambda: gzip.compress(b"a,b\n" * 1_000_000) * 100, "too large"),
    "a text for all rows.parquet": (
        lambda: parquet(question=repeated("x" * 900_000, 30_000), answer=["b"] * 30_000), "27.0 GB",
    ),
    "a text for all lists.parquet": (
        lambda: parquet(question=["a"], answer=pa.ListArray.from_arrays([0, 30_000], repeated("x" * 900_000, 30_000))),
        "27.0 GB",
    ),
    "bytes for all rows.parquet": (
        lambda: parquet(question=pa.array([b"x" * 900_000], pa.binary(900_000)).take(pa.array([0] * 300))), "0.3 GB",
    ),
    "nothing in many rows.parquet": (lambda: parquet(**{f"c{n}": pa.nulls(100_000) for n in range(200)}), "0.2 GB"),
    "a long list.parquet": (lambda: parquet(question=["a"], answer=pa.array([np.zeros(2_000_000, np.int8)])), "0.1 GB"),
    "wide rows.xlsx": (
        lambda: workbook(b"".join(row(n, cell(f"A{n}", "a"), b'<c r="XFD%d"/>' % n) for n in range(1, 501))), "too large",
    ),
    "far columns.xlsx": (lambda: workbook(row(1, cell("A1", "a"), cell("XFD1", "b"))), "1,000 columns"),
    "far rows.xlsx": (
        lambda: workbook(row(1, cell("A1", "a")) + row(2_000_000_000, cell("A2000000000", "b"))), "1,048,576 rows",
    ),
    "declared.xlsx": (lambda: declared(workbook(row(1, cell("A1", "a"))), 4_000_000_000), "4.0 GB"),
    "many files.xlsx": (
        lambda: workbook(more={f"{number}": b"" for number in range(excelfiles._MOST_FILES)}), "10,000 files",
    ),
    "elements.xlsx": (lambda: workbook(b"<a/>" * 500_000), "more cells"),
    "nested.xlsx": (lambda: workbook(b"<a>" * 100_000 + b"</a>" * 100_000), "no rows"),
    "laughs.xlsx": (lambda: workbook(in_a_sheet(LAUGHS, "&l9;")), "damaged"),
    "a text for all cells.xlsx": (
        lambda: workbook(
            b"".join(row(n, b'<c t="s"><v>0</v></c>') for n in range(1, 301)), b"<si><t>" + b"x" * 900_000 + b"</t></si>",
            more={
                "[Content_Types].xml": content_types(), "xl/_rels/workbook.xml.rels": relations(),
            },
        ), "too large",
    ),
}


def content_types() -> bytes:
    return (
        b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/xl/workbook.xml" ContentType='
        b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        b'<Override PartName="/xl/sharedStrings.xml" ContentType='
        b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
    )


def relations() -> bytes:
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Type="%s/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        b'<Relationship Id="rId9" Type="%s/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>' % (kind, kind)
    )


SHEET = workbook(row(1, cell("A1", "question"), cell("B1", "answer")) + row(2, cell("A2", "a"), cell("B2", "b")))
TABLE = parquet(question=["a", None], answer=["b", "c"], more=[0.5, 1.5])


def read_the_bombs(folder: str) -> Iterator[tuple[str, str]]:
    """Name and outcome of each, in this process, which is limited for good."""
    import resource
    from pathlib import Path

    # limits of the order of what these files have, so that they are made in a moment
    excelfiles._MOST_MARKS, excelfiles._MOST_TEXT, parquetfiles.MAX_BYTES = 400_000, 20 << 20, 100_000_000
    delimited.MOST_BROKEN, jsonfiles._MOST_PARTS, jsonfiles._CHUNK = 100, 400_000, 100
    read_table(write(Path(folder), "warm.xlsx", workbook(row(1, cell("A1", "a")) + row(2, cell("A2", "b")))))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    for name, (make, _) in BOMBS.items():
        path = write(Path(folder), name, make())
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
        try:
            outcome = f"read {read_table(path).frame.shape}"
        except WorkbenchError as error:
            outcome = str(error)
        except BaseException as error:
            outcome = f"crash: {error!r}"
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        path.unlink()
        yield name, outcome


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of memory and /proc")
def test_bombs_are_refused_in_words_in_little_memory(tmp_path):
    done = subprocess.run([sys.executable, "-m", "tests.unit.pairs.test_hostile_files", tmp_path], capture_output=True)
    outcomes = json.loads(done.stdout)
    wrong = {name: outcomes.get(name) for name, (_, word) in BOMBS.items() if word not in (outcomes.get(name) or "")}
    assert wrong == {}, done.stderr.decode()[-2000:]


def test_10_gb_on_the_disk_are_not_opened(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(10 * 10**9)
    with pytest.raises(WorkbenchError, match="a.csv is too large. It has 10.0 GB"):
        read_table(tmp_path / "a.csv")


def test_the_largest_file_is_read_and_one_byte_more_is_not(tmp_path, monkeypatch):
    path = write(tmp_path, "a.csv", b"question,answer\nHow?,So.\n")
    monkeypatch.setattr(read, "MAX_BYTES", path.stat().st_size)
    assert len(read_table(path).frame) == 1
    monkeypatch.setattr(read, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(WorkbenchError, match="too large"):
        read_table(path)


def test_elements_and_attributes_of_a_sheet_are_counted_until_there_are_too_many(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("sheet.xml", b"<a x='1'><b/></a>" * 100)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        [entry] = archive.infolist()
        assert excelfiles._marks(archive, entry, 10_000) == 400


def test_a_wrong_size_in_a_sheet_makes_no_row_wider(tmp_path):
    sheet = in_a_sheet(b"", "a").replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    assert read_table(write(tmp_path, "a.xlsx", workbook(sheet))).frame.to_dict("records") == [{"question": "a", "answer": "b"}]


def test_a_workbook_reads_no_other_file(tmp_path):
    write(tmp_path, "secret", b"planted")
    begin = f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>'.encode()
    path = write(tmp_path, "a.xlsx", workbook(in_a_sheet(begin, "&e;")))
    with pytest.raises(WorkbenchError) as caught:
        read_table(path)
    assert "planted" not in str(caught.value)


def test_a_first_row_longer_than_the_sample_is_read_whole(tmp_path):
    long = "one, two " * 60_000
    path = write(tmp_path, "a.csv", f'"{long}",short\nc,d\ne,f\n'.encode())
    assert read_table(path).frame.to_numpy().tolist() == [[long, "short"], ["c", "d"], ["e", "f"]]


@pytest.mark.parametrize(("text", "columns"), [
    (b'question\t"a\tb"\tanswer\nc\t"d\te\tf\n', ["question", '"a', 'b"', "answer"]),
    (b'question\t"a"x\t"b\tc"\nd\te\tf\tg\n', ["question", '"a"x', '"b', 'c"']),
])
def test_columns_are_those_of_the_rows_where_quotation_marks_are_ordinary(tmp_path, text, columns):
    assert list(read_table(write(tmp_path, "a.tsv", text)).frame) == columns


def test_a_day_that_python_has_not_is_told(tmp_path):
    path = write(tmp_path, "a.parquet", parquet(question=["a"], answer=pa.array([[2**62]], pa.list_(pa.timestamp("us")))))
    with pytest.raises(WorkbenchError, match="a.parquet cannot be read.*out of range"):
        read_table(path)


@pytest.mark.parametrize("column", [b"question", b"element"])
def test_a_footer_over_which_the_library_ends_its_process_is_refused(tmp_path, column):
    data = parquet(question=["a"], answer=[["b"]])
    said = b"%\x02\x18" + bytes([len(column)]) + column  # a column of optional cells, now of a kind that there is not
    assert said in data
    path = write(tmp_path, "a.parquet", data.replace(said, said.replace(b"%\x02", b"%\x03")))
    with pytest.raises(WorkbenchError, match="a.parquet cannot be read as Parquet"):
        read_table(path)


@pytest.mark.parametrize(("name", "data"), [
    ("model.bin", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94" * 20),
    ("model.safetensors", struct.pack("<Q", 2**63) + b"{}" + bytes(300)),
    ("model.csv", (lambda out: (zipfile.ZipFile(out, "w").writestr("archive/data.pkl", b"\x80"), out.getvalue())[1])(io.BytesIO())),
])
def test_a_model_is_no_file_of_pairs(tmp_path, name, data):
    with pytest.raises(WorkbenchError, match=f"{name} is (not|a zip archive, not) a file of pairs"):
        read_table(write(tmp_path, name, data))


def test_a_long_name_of_a_column_is_cut(tmp_path):
    path = write(tmp_path, "a.json", json.dumps([{"question": "a", "x" * 9_999: "b"}]).encode())
    assert list(read_table(path).frame) == ["question", "x" * 200]


@pytest.mark.parametrize("name", ["../../a.csv", "/etc/passwd", "..\\..\\a.csv", "a\0b.csv", "con.csv\n", "..", "ü" * 300, "."])
def test_no_name_of_a_file_leads_anywhere(tmp_path, name):
    workspace = Workspace.at(tmp_path / "w")
    stored = add_set(workspace, write(tmp_path, "upload", b"question,answer\na,b\n"), name)
    assert stored.source_file.resolve().parent == workspace.sets.resolve() / stored.id / "source"
    assert stored.source_file.read_bytes() == b"question,answer\na,b\n" and len(stored.pairs().frame) == 1


def test_a_columns_name_is_no_formula_in_the_exported_file(tmp_path):
    upload = write(tmp_path, "a.csv", "question,=cmd|' /C calc'!A0\nWhy is it so?,＝1+1\nWho?,b\n".encode())
    columns = {"anchor": "question", "positive": "=cmd|' /C calc'!A0"}
    stored = add_set(Workspace.at(tmp_path / "w"), upload, "a", header=True, columns=columns)
    stored.export(tmp_path / "out.csv")
    head, first, _ = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert (head, first) == ("question,'=cmd|' /C calc'!A0", "Why is it so?,'＝1+1")


HOSTILE_TEXT = st.text(min_size=1, max_size=12) | st.sampled_from([
    "\0", "a\0b", "\x1b[31m", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\u202eevil", "\ufeff", "\ud800", "\r", "'", '"',
])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(HOSTILE_TEXT, HOSTILE_TEXT), min_size=1, max_size=5), st.booleans())
def test_any_text_comes_through_the_store_as_it_is(tmp_path, rows, as_parquet):
    """Control characters and all, but for half characters, which no file can hold."""
    whole = [[text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in row] for row in rows]
    if as_parquet:
        out = io.BytesIO()
        pd.DataFrame(whole, columns=["question", "answer"]).to_parquet(out)
        path = write(tmp_path, "a.parquet", out.getvalue())
    else:
        path = write(tmp_path, "a.json", json.dumps([{"question": q, "answer": a} for q, a in rows]).encode())
    stored = add_set(Workspace.at(tmp_path / "w"), path, "a")
    assert stored.pairs().frame[["anchor", "positive"]].to_numpy().tolist() == whole


def changed(data: bytes, draw) -> bytes:
    """``data`` with some bytes that are others, and some numbers that are larger, smaller or none."""
    for _ in range(draw(st.integers(1, 3))):
        numbers = list(re.finditer(rb"\d+", data))
        if numbers and draw(st.booleans()):
            place = draw(st.sampled_from(numbers)).span()
            other = draw(st.sampled_from([b"0", b"-1", b"", b"1e5", b"1048577", b"4294967296", b"9" * 30]))
        else:
            at = draw(st.integers(0, len(data) - 1))
            place, other = (at, at + draw(st.integers(0, 9))), draw(st.binary(max_size=9))
        data = data[: place[0]] + other + data[place[1] :]
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_sheet_or_footer_raises_nothing_else(tmp_path, data):
    if data.draw(st.booleans()):
        name, out = "a.xlsx", io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(SHEET)) as whole, zipfile.ZipFile(out, "w") as damaged:
            chosen = data.draw(st.sampled_from(whole.namelist()))
            for part in whole.namelist():
                content = whole.read(part)
                damaged.writestr(part, changed(content, data.draw) if part == chosen else content)
        content = out.getvalue()
    else:
        name, footer = "a.parquet", int.from_bytes(TABLE[-8:-4], "little") + 8
        content = TABLE[:-footer] + changed(TABLE[-footer:-8], data.draw) + TABLE[-8:]
    try:
        frame = read_table(write(tmp_path, name, content)).frame
    except WorkbenchError as error:
        assert error.what and error.what_to_do
    else:
        assert len(frame) and len(frame.columns)


@pytest.mark.parametrize("limit", ["parts", "document"])
def test_json_that_would_fill_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch, limit):
    data = json.dumps([{"question": "a", "answer": "b"}] * 5, indent=1).encode()
    assert len(read_table(write(tmp_path, "a.json", data)).frame) == 5
    monkeypatch.setattr(jsonfiles, *(("_MOST_PARTS", 24) if limit == "parts" else ("_LARGEST_DOCUMENT", len(data) - 1)))
    with pytest.raises(WorkbenchError, match="a.json is too large.*JSON Lines"):
        read_table(write(tmp_path, "a.json", data))


def test_what_a_parquet_file_says_of_itself_is_believed_where_it_is_too_much(tmp_path, monkeypatch):
    path = write(tmp_path, "a.parquet", parquet(question=["a"] * 50, answer=["b"] * 50))
    assert len(read_table(path).frame) == 50
    monkeypatch.setattr(parquetfiles, "MAX_ROWS", 49)
    with pytest.raises(WorkbenchError, match="a.parquet is too large. It holds 50 rows"):
        read_table(path)


def test_the_longest_text_is_read_and_one_letter_more_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "LONGEST_TEXT", 10)
    assert len(read_table(write(tmp_path, "a.csv", b"question,answer\nabcdefghij,b\n")).frame) == 1
    with pytest.raises(WorkbenchError, match="a.csv: row 2, column “question”") as caught:
        read_table(write(tmp_path, "a.csv", b"question,answer\na,b\nabcdefghijk,b\nc,d\n"))
    assert "Perhaps a quotation mark is not closed" in caught.value.why
    with pytest.raises(WorkbenchError, match="a.json: row 1, column “answer”") as caught:
        read_table(write(tmp_path, "a.json", b'[{"question": "a", "answer": "abcdefghijk"}]'))
    assert "quotation mark" not in caught.value.why  # JSON would have said so


if __name__ == "__main__":
    print(json.dumps(dict(read_the_bombs(sys.argv[1]))))
