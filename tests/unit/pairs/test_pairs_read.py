"""Readers: each format and encoding gives the same rows; a bad file says where; only WorkbenchError gets out."""

import csv
import gzip
import io
import json

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.pairs import delimited, jsonfiles
from core.pairs.read import BrokenLinesError, read_table

ROWS = [
    {"question": "How do I reset it?", "answer": "Hold the button, then wait; it restarts."},
    {"question": "Où est le café ?", "answer": "À côté de l’entrée – tout près."},
    {"question": 'What does "ready" mean?', "answer": "The light\nis green."},
]


def as_csv(rows, delimiter=",", header=True, end="\n"):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    if header:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


def as_xlsx(rows):
    workbook = openpyxl.Workbook()
    workbook.create_sheet("data").append(list(rows[0]))  # the first sheet stays empty
    for row in rows:
        workbook["data"].append(list(row.values()))
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def as_parquet(rows):
    out = io.BytesIO()
    pd.DataFrame(rows).to_parquet(out)
    return out.getvalue()


def lines(rows):
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"


FILES = {
    "comma.csv": (as_csv(ROWS).encode(), "CSV"),
    "windows.csv": (as_csv(ROWS, end="\r\n").encode(), "CSV"),
    "semicolon.csv": (as_csv(ROWS, ";").encode(), "CSV"),
    "pipe.txt": (as_csv(ROWS, "|").encode(), "CSV"),
    "tab.tsv": (as_csv(ROWS, "\t").encode(), "TSV"),
    "bom.csv": (as_csv(ROWS).encode("utf-8-sig"), "CSV"),
    "utf16.csv": (as_csv(ROWS).encode("utf-16"), "CSV"),
    "utf16le-no-mark.csv": (as_csv(ROWS).encode("utf-16-le"), "CSV"),
    "utf16be-no-mark.csv": (as_csv(ROWS).encode("utf-16-be"), "CSV"),
    "windows-1252.csv": (as_csv(ROWS).encode("cp1252"), "CSV"),
    "array.json": (json.dumps(ROWS).encode(), "JSON"),
    "pretty.json": (json.dumps(ROWS, indent=2).encode("utf-8-sig"), "JSON"),
    "columns.json": (pd.DataFrame(ROWS).to_json(orient="columns").encode(), "JSON"),
    "arrays.json": (json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}).encode(), "JSON"),
    "wrapped.json": (json.dumps({"version": 1, "data": ROWS}).encode(), "JSON"),
    "lines.jsonl": (lines(ROWS).encode(), "JSON Lines"),
    "lines-named-json.json": (("\n" + lines(ROWS)).encode("utf-16"), "JSON Lines"),
    "sheet.xlsx": (as_xlsx(ROWS), "Excel"),
    "table.parquet": (as_parquet(ROWS), "Parquet"),
    "no-ending": (lines(ROWS).encode(), "JSON Lines"),
    "wrong-ending.csv": (lines(ROWS).encode(), "JSON Lines"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_rows(tmp_path, name, packed):
    data, kind = FILES[name]
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(data) if packed else data)
    before = path.read_bytes()
    table = read_table(path)
    assert table.frame.to_dict("records") == ROWS
    assert table.frame.index.tolist() == [1, 2, 3]
    assert (table.format, table.compressed, table.broken) == (kind, packed, ())
    assert path.read_bytes() == before


def write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_encodings_are_named(tmp_path):
    names = {name: read_table(write(tmp_path, name, FILES[name][0])).encoding for name in FILES}
    assert names["comma.csv"] == "UTF-8"
    assert names["bom.csv"] == "UTF-8 with BOM"
    assert names["utf16.csv"] == names["utf16be-no-mark.csv"] == "UTF-16"
    assert "1252" in names["windows-1252.csv"]
    assert names["sheet.xlsx"] is None


@pytest.mark.parametrize(
    "codec, text",
    [
        ("latin-1", "question;answer\nWie groß ist die Gebühr?;Die Gebühr beträgt fünf Euro.\n"),
        ("cp1252", "question,answer\nWhere is the café?,Around the corner.\nWhat else?,Nothing is known.\n"),
        ("cp1251", "question,answer\nКак подать заявление на пособие?,Нужно отправить форму по почте в отдел.\n"),
        ("cp1250", "question,answer\nJak złożyć wniosek?,Należy wysłać formularz pocztą do urzędu.\n"),
        ("shift_jis", "question,answer\nどうやって申請しますか,郵送で送ってください。受付は平日です。\n"),
    ],
)
def test_other_encodings_are_read(tmp_path, codec, text):
    table = read_table(write(tmp_path, "a.csv", text.encode(codec)))
    cells = text.splitlines()[1].replace(";", ",").split(",")
    assert table.frame.iloc[0].tolist() == cells


@pytest.mark.parametrize(
    "text, header, rows",
    [
        ("question,answer\na,b\n", True, 1),
        ("What is it?,It is a thing.\nWho is it?,It is me.\n", False, 2),
        ("apples,pears\nplums,cherries\n", True, 1),
        ("a good dog,hound,0.9\nb,c,0.5\n", False, 2),
        ("dog,hound\ncat,tiger\ndog,puppy\n", False, 3),
    ],
)
def test_header_is_found(tmp_path, text, header, rows):
    table = read_table(write(tmp_path, "a.csv", text))
    assert (table.header, len(table.frame)) == (header, rows)
    if not header:
        assert table.frame.columns[0] == "column 1"


def test_header_and_delimiter_can_be_overruled(tmp_path):
    path = write(tmp_path, "a.csv", "a;x,b\nc;x,d\n")
    table = read_table(path, delimiter=";", header=False)
    assert table.frame.iloc[0].tolist() == ["a", "x,b"]
    assert read_table(path, delimiter=",", header=True).frame.to_dict("records") == [{"a;x": "c;x", "b": "d"}]


def test_commas_in_semicolon_file_do_not_confuse(tmp_path):
    text = "Frage;Antwort\nWas, wenn, und wie?;Gut, sehr gut.\nWer, denn, nun?;Ich, du.\n"
    assert read_table(write(tmp_path, "a.csv", text)).delimiter == ";"


@pytest.mark.parametrize(
    "text, place",
    [
        ("question,answer\nHow, then?,So.\nWhy?,Because.\n", "line 2"),
        ("question,answer\nHow?,So.\n\nWhy?\n", "line 4"),
        ('question,answer\n"one\ntwo",x\nHow?,So,And so on\n', "line 4"),
        ('question,answer\nHow?,So.\nWhy?,"Because\nof it,it\n', "line 3, column 6"),
        ('question,answer\nHow?,So.\nWhy?,"Because', "line 3, column 6"),
        ('question,answer\nHow?,So.\n"Why" so?,"Because ""it"" is"\nA?,"B\nC"\n', "line 3, column 1"),
        (
            "question,answer\nHow?,So.\nWhy?,Étage\n".encode()
            + "Où?,L\xe0\n".encode("latin-1")
            + "Été?,Déjà là, hélas.\n".encode(),
            "line 4, column 2",
        ),
    ],
)
def test_a_broken_csv_names_the_line(tmp_path, text, place):
    with pytest.raises(WorkbenchError) as caught:
        read_table(write(tmp_path, "bad.csv", text))
    assert place in caught.value.what and "bad.csv" in caught.value.what
    assert caught.value.what_to_do


def test_broken_csv_lines_can_be_left_out(tmp_path):
    path = write(tmp_path, "a.csv", "question,answer\na,b\nc,d,e\nf,g\n")
    with pytest.raises(BrokenLinesError) as caught:
        read_table(path)
    assert [line.line for line in caught.value.broken] == [3] and caught.value.good == 2
    table = read_table(path, skip_broken=True)
    assert table.frame.index.tolist() == [1, 3]
    assert [line.line for line in table.broken] == [3]


def test_quotation_marks_in_tab_files_are_ordinary_characters(tmp_path):
    table = read_table(write(tmp_path, "a.tsv", 'question\tanswer\n"Open\tsesame\nWhy\t5" pipe\n'))
    assert table.frame["question"].tolist() == ['"Open', "Why"]


def test_broken_json_lines(tmp_path):
    good = [json.dumps({"question": f"q {n}", "answer": f"a {n}"}) for n in range(3)]
    path = write(tmp_path, "a.jsonl", "\n".join([good[0], good[1][:-3], "", good[2], "nothing", "[]", good[1]]))
    with pytest.raises(BrokenLinesError) as caught:
        read_table(path)
    assert caught.value.what.startswith(
        "a.jsonl: 3 of 6 lines are broken. The first is line 2: column 31: the text that"
    )
    assert [line.line for line in caught.value.broken] == [2, 5, 6] and caught.value.good == 3
    table = read_table(path, skip_broken=True)
    assert table.frame["question"].tolist() == ["q 0", "q 2", "q 1"]
    assert table.frame.index.tolist() == [1, 3, 6]  # a blank line is no record, a broken one is
    assert table.broken == caught.value.broken


def test_lines_that_are_all_broken_cannot_be_left_out(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"question": "a", "answer": b}\n{"question": "a", answer: "b"}\n')
    with pytest.raises(WorkbenchError):
        read_table(path, skip_broken=True)


@pytest.mark.parametrize(
    "text, place",
    [
        ('[{"question": "a", "answer": "b"},\n {"question": "c" "answer": "d"}]', "line 2, column 19"),
        ('[{"question": "a", "answer": "b"},\n]', "line "),
        ('{"question": ["a", "b"], "answer": ["c"]}', "equally long"),
        ('[{"question": "a", "answer": "b"}, 7]', "record 2"),
        ("nothing at all", "line 1, column 1"),
        ("[]", "no rows"),
        ("{}", "no rows"),
        ('{"a": 1, "b": [2]}', "no rows"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_bad_json_says_where(tmp_path, text, place):
    with pytest.raises(WorkbenchError) as caught:
        read_table(write(tmp_path, "bad.json", text))
    assert place in caught.value.what


@pytest.mark.parametrize(
    "name, data, word",
    [
        ("a.csv", b"", "empty"),
        ("a.json", b" \n \n", "empty"),
        ("a.csv", b"question,answer\n", "no rows"),
        ("a.csv", bytes(range(256)) * 20, "not a file of pairs"),
        ("a.pdf", b"%PDF-1.7 ...", "PDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(100), "Excel"),
        ("a.csv.gz", b"\x1f\x8b\x08" + b"x" * 50, "unpacked"),
        ("a.csv.gz", gzip.compress(FILES["comma.csv"][0], mtime=0)[:-8] + bytes(8), "unpacked"),
        ("a.csv.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 50, "unpacked"),
        ("a.csv.gz", gzip.compress(FILES["comma.csv"][0], mtime=0)[:-9], "unpacked"),
        ("a.xlsx", as_xlsx(ROWS)[:-300], "cannot be read"),
        ("a.parquet", as_parquet(ROWS)[:-20], "Parquet"),
        ("a.html", b"<!DOCTYPE html><html>", "web page"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "picture"),
    ],
)
def test_files_that_are_no_pairs(tmp_path, name, data, word):
    with pytest.raises(WorkbenchError) as caught:
        read_table(write(tmp_path, name, data))
    assert word in caught.value.what and name.removesuffix(".gz") in caught.value.what


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.tab", "a.txt", "A.CSV"])
def test_a_first_cell_that_starts_with_a_bracket_makes_no_json_of_a_table(tmp_path, name):
    table = read_table(write(tmp_path, name, "[question],answer\nHow?,So.\n"))
    assert (table.format, table.frame["answer"].tolist()) == ("CSV", ["So."])


def test_a_table_under_the_name_of_json_is_read_as_what_it_is(tmp_path):
    table = read_table(write(tmp_path, "a.json", "question,answer\nHow?,So.\n"))
    assert (table.format, table.frame["answer"].tolist()) == ("CSV", ["So."])


def test_lines_of_json_are_known_though_the_first_is_broken():
    assert jsonfiles.is_json_lines(b'{"a": b}\n{"a": "b"}\n') and jsonfiles.is_json_lines(b'{"a": 1}\n{"a": 2}\n')
    assert not jsonfiles.is_json_lines(b'{"a": [\n{"b": 1},\n{"b": 2}\n]}') and not jsonfiles.is_json_lines(b'{"a": 1}')


def test_the_last_row_of_a_sample_counts_only_where_it_cannot_be_cut_off():
    assert delimited._head("a,b\nc,d", ",", True) == [["a", "b"], ["c", "d"]]
    assert delimited._head("a,b\nc,d", ",", False) == [["a", "b"]] and delimited._head("a,b", ",", False) == [["a", "b"]]
    assert len(delimited._head("a,b\n" * 9, ",", True, most=3)) == 3


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(WorkbenchError):
            read_table(path)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("core.pairs.read.MAX_BYTES", 1 << 20)
    with pytest.raises(WorkbenchError, match="too large"):
        read_table(write(tmp_path, "a.csv.gz", gzip.compress(bytes(2 << 20))))


def test_large_files_take_the_fast_way_and_agree_with_the_careful_one(tmp_path):
    plain = [{"question": f"question {n}, really?", "answer": "é" * (n % 50) + f" answer {n}"} for n in range(20_000)]
    table = read_table(write(tmp_path, "a.csv", as_csv(plain)))
    assert table.frame.to_dict("records") == plain
    broken = plain + [{"question": "two\nlines", "answer": 'quo"ted'}] + plain[:3]
    assert read_table(write(tmp_path, "b.csv", as_csv(broken))).frame.to_dict("records") == broken


def test_cells_of_other_types_become_text(tmp_path):
    rows = [
        {"question": "a", "answer": 5, "extra": [1, "é"]},
        {"question": None, "answer": True},
        {"answer": 0.5, "new": "\ud83d"},
    ]
    frame = read_table(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))).frame
    assert frame["question"].tolist() == ["a", "", ""]
    assert frame["answer"].tolist() == ["5", "true", "0.5"]
    assert frame["extra"].tolist() == ['[1, "é"]', "", ""]
    assert frame["new"].tolist() == ["", "", "\ufffd"]


def test_a_column_that_begins_late_is_empty_before(tmp_path, monkeypatch):
    monkeypatch.setattr("core.pairs.jsonfiles._CHUNK", 2)
    rows = [{"question": f"q {n}", "answer": f"a {n}"} for n in range(4)] + [
        {"question": "q", "answer": "a", "group": "g"}
    ]
    frame = read_table(write(tmp_path, "a.jsonl", lines(rows))).frame
    assert frame["group"].tolist() == ["", "", "", "", "g"] and frame["question"].tolist()[:4] == [
        "q 0",
        "q 1",
        "q 2",
        "q 3",
    ]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 100])
def test_the_first_bad_byte_is_found_across_blocks(monkeypatch, block):
    from core.pairs import encoding

    monkeypatch.setattr(encoding, "_BLOCK", block)
    good = "aé€😀b".encode()
    assert encoding._first_bad_byte(good) is None
    for bad in (b"\xff", b"\xe2\x82", b"\xe2\x82x", b"\xf0\x9fx"):
        assert encoding._first_bad_byte(good + bad) == len(good)


def test_repeated_and_missing_column_names(tmp_path):
    frame = read_table(write(tmp_path, "a.csv", "question,,question,answer\na,b,c,d\n")).frame
    assert list(frame) == ["question", "column 2", "question (2)", "answer"]


def test_the_given_files():
    from pathlib import Path

    shared = Path(__file__).parents[4] / "shared" / "data"
    if not shared.exists():
        pytest.skip("the shared files are not on this machine")
    assert len(read_table(shared / "bedrock_faq.json").frame) == 85
    medquad = read_table(shared / "medquad_niddk.jsonl")
    assert (medquad.format, len(medquad.frame)) == ("JSON Lines", 1192)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
PLAIN = TEXT.map(str.strip).filter(lambda text: text and "\ufeff" not in text)
RECORDS = st.lists(
    st.builds(lambda question, answer: {"question": question, "answer": answer}, PLAIN, PLAIN), min_size=1, max_size=8
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(RECORDS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_delimited_round_trip(tmp_path, rows, delimiter, codec):
    data = as_csv(rows, delimiter).encode(codec)
    table = read_table(write(tmp_path, "a.csv", data))
    assert table.frame.to_dict("records") == rows
    assert table.delimiter == delimiter


@QUICK
@given(RECORDS, st.booleans())
def test_json_round_trip(tmp_path, rows, ascii_only):
    array = read_table(write(tmp_path, "a.json", json.dumps(rows, ensure_ascii=ascii_only).encode()))
    assert array.frame.to_dict("records") == rows
    text = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    assert read_table(write(tmp_path, "a.jsonl", text)).frame.to_dict("records") == rows


@QUICK
@given(
    st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.tsv", "a.parquet", "a.xlsx", "a.csv.gz"])
)
def test_arbitrary_bytes_raise_nothing_else(tmp_path, data, name):
    path = write(tmp_path, name, data)
    for skip in (False, True):
        try:
            frame = read_table(path, skip_broken=skip).frame
        except WorkbenchError:
            continue
        assert len(frame) and len(frame.columns)


@QUICK
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_raise_nothing_else(tmp_path, name, draw):
    data = bytearray(FILES[name][0])
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for damaged in (bytes(data), bytes(data[:cut])):
        try:
            read_table(write(tmp_path, name, damaged))
        except WorkbenchError:
            pass


def test_a_column_of_a_sheet_stays_for_its_cells_or_for_its_name(tmp_path):
    cells = {"question": "what is one", "": "kept", "answer": "a number", "note": "", " ": ""}
    frame = read_table(write(tmp_path, "a.xlsx", as_xlsx([cells]))).frame
    assert list(frame)[:4] == ["question", "column 2", "answer", "note"] and frame["column 2"].tolist() == ["kept"]
