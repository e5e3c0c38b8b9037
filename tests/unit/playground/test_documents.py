import io
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.playground import documents, pdf_text
from core.playground.documents import Document, all_kept, keep, open_kept, passages, read_document, remove
from core.workspace import Workspace


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, the first of them its root."""
    data, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        size, table, size, len(data),
    )


def one_page(content: bytes, filters: bytes = b"") -> bytes:
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


@pytest.fixture
def read(tmp_path):
    def read(name: str, data: bytes) -> list[Document]:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return read_document(path, name)

    return read


def test_each_format_is_read(read):
    assert read("a.txt", "Grüße\nagain".encode("utf-16")) == [Document("a.txt", "Grüße\nagain")]
    assert read("a.MD", b"# Head\n\nText") == [Document("a.MD", "# Head\n\nText")]
    rows = read("a.csv", b"title,body\nOne,first text\nTwo,\n")
    assert rows == [Document("a.csv, row 1", "One\nfirst text"), Document("a.csv, row 2", "Two")]
    [found] = read("a.pdf", one_page(b"BT /F 12 Tf 10 100 Td (How to reset it) Tj ET"))
    assert found.text.strip() == "How to reset it" and found.cut == ""


@pytest.mark.parametrize(("name", "data"), [
    ("a.docx", b"PK"), ("a.pdf", b""), ("a.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40), ("a.txt", b" \n "),
    ("a.txt", b"\x00\x01\x02" * 99), ("a.csv", b""), ("a.pdf", one_page(b"")),
    ("a.pdf", pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9999999>>")),
    ("a.pdf", one_page(b"BT /F 12 Tf (x) Tj ET").replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<</Filter/Standard>>")),
])
def test_a_file_that_cannot_be_read_is_told_in_words(read, name, data):
    with pytest.raises(WorkbenchError, match=name):
        read(name, data)


def test_a_library_that_trips_over_a_file_says_damaged(tmp_path, monkeypatch):
    import pypdf

    def trips(_path):
        raise AssertionError("mypy")

    monkeypatch.setattr(pypdf, "PdfReader", trips)
    assert pdf_text.main(str(tmp_path / "a.pdf"), 1, 1) == {"error": "It is damaged or no PDF (AssertionError)."}


def test_a_page_that_unpacks_to_gigabytes_ends_its_reader_and_not_the_app(read):
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b"(x) Tj " * 1_000_000) for _ in range(300)) + packer.flush()
    twice = zlib.compress(bomb, 9)
    with pytest.raises(WorkbenchError, match="bomb.pdf.*too much memory"):
        read("bomb.pdf", one_page(twice, b"/Filter[/FlateDecode/FlateDecode]"))


def test_a_reader_that_does_not_end_is_ended(read, monkeypatch):
    monkeypatch.setattr(documents, "_PATIENCE", 0.01)
    with pytest.raises(WorkbenchError, match="too much time"):
        read("a.pdf", one_page(b""))


def test_too_large_a_file_is_not_opened_and_pages_left_out_are_named(read, monkeypatch):
    from pypdf import PdfReader, PdfWriter

    writer, page = PdfWriter(), PdfReader(io.BytesIO(one_page(b"BT /F 12 Tf (word) Tj ET"))).pages[0]
    for _ in range(3):
        writer.add_page(page)
    data = io.BytesIO()
    writer.write(data)
    monkeypatch.setattr(documents, "MOST_PAGES", 2)
    [found] = read("a.pdf", data.getvalue())
    assert found.text.count("word") == 2 and found.cut == "a.pdf: 2 of 3 pages were read"
    monkeypatch.setattr(documents, "LARGEST_FILE", 10)
    with pytest.raises(WorkbenchError, match="too large"):
        read("a.txt", b"x" * 11)


@given(st.text(), st.integers(1, 9), st.integers(0, 8))
def test_passages_cover_every_word_and_overlap_as_asked(text, size, overlap):
    if overlap >= size:
        with pytest.raises(WorkbenchError):
            passages([Document("a", text)], size, overlap)
        return
    whole = [match.group().strip() for match in documents._WORD.finditer(text)]
    cut = [[match.group().strip() for match in documents._WORD.finditer(one.text)]
           for one in passages([Document("a", text)], size, overlap)]
    assert all(0 < len(words) <= size for words in cut)
    assert [word for number, words in enumerate(cut) for word in words[overlap if number else 0 :]] == whole
    for one, following in zip(cut, cut[1:], strict=False):
        assert one[len(one) - overlap :] == following[:overlap] and len(one) == size
    assert "".join("".join(whole).split()) == "".join(text.split())


def test_writing_without_spaces_is_cut_too():
    found = passages([Document("a", "図書館は月曜日に休みです" * 3)], 10, 2)
    assert len(found) == 5 and all(len(one.text) <= 10 for one in found)


def test_what_was_brought_is_kept_once_opened_again_and_removed(tmp_path):
    workspace = Workspace.at(tmp_path)
    one = keep(workspace, [Document("a.txt", "one"), Document("b.txt", "two", "b.txt: 1 of 2 pages were read")])
    assert keep(workspace, list(one.documents)) == one == open_kept(workspace, one.id)
    assert [kept.name for kept in all_kept(workspace)] == ["a.txt and 1 more"]
    remove(workspace, one.id)
    assert all_kept(workspace) == []
    with pytest.raises(WorkbenchError, match="no longer"):
        open_kept(workspace, one.id)


def test_an_id_from_a_page_reaches_no_other_file(tmp_path):
    workspace = Workspace.at(tmp_path / "w")
    (workspace.root / "documents").mkdir()
    other = workspace.root / "other.json"
    other.write_text(json.dumps([{"name": "a", "text": "b"}]))
    for asked in ("../other", "", "x" * 32, "A" * 32, "0" * 31):
        with pytest.raises(WorkbenchError):
            open_kept(workspace, asked)
        remove(workspace, asked)
    assert other.exists()


def test_too_much_text_or_none_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 5)
    for text in ("123456", " "):
        with pytest.raises(WorkbenchError):
            keep(Workspace.at(tmp_path), [Document("a", text)])
