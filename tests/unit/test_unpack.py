"""Archives that were made by hand to do harm, byte by byte: refused in words, and nothing of them stays."""

import gzip
import shutil
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import unpack
from core.errors import WorkbenchError


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def sparse(name: str, size: int) -> bytes:
    """A file of ``size`` zeros that takes no room in the archive, as GNU tar writes it."""
    header = bytearray(entry(name, kind=tarfile.GNUTYPE_SPARSE))
    header[386:410], header[483:495] = b"00000000000\0" * 2, b"%011o\0" % size
    return with_checksum(header)


def with_checksum(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


HOSTILE = {
    "long names of long names": entry("././@LongLink", b"a\0", tarfile.GNUTYPE_LONGNAME) * 3_000 + entry("a"),
    "headers of headers": entry("x", b"12 path=abc\n", tarfile.XHDTYPE) * 3_000 + entry("a"),
    "a size below nothing": entry("x", b"11 size=-5\n", tarfile.XHDTYPE) + entry("a"),
    "a size beyond all": entry("x", b"23 size=99999999999999\n", tarfile.XHDTYPE) + entry("a"),
    "50 MB that are not there": sparse("a", 50 * 2**20),
    "a file where a folder is": entry("a/b") + entry("a"),
    "a folder where a file is": entry("a") + entry("a/b"),
    "a name too long for a disk": entry("././@LongLink", b"a" * 300 + b"\0", tarfile.GNUTYPE_LONGNAME) + entry("a"),
    "a name that is no text": with_checksum(bytearray(b"\xff\xfe" + entry("xx")[2:])),
    "a name that moves the cursor": entry("a\x1b[2J"),
    "the folder itself": entry("."),
    "no name": entry(""),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_made_by_hand_is_refused_and_leaves_nothing(content, tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content + bytes(1024), 1))
    with pytest.raises(WorkbenchError, match="cannot be unpacked.*Pack the model again") as caught:
        unpack.unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["a.tar.gz"]
    assert "Make room" not in str(caught.value) and str(caught.value).isprintable()


def test_a_small_archive_fills_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_RATIO_FROM", 100_000)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(entry("a", bytes(300_000)) + bytes(1024)))
    with pytest.raises(WorkbenchError, match="unpacks to more than"):
        unpack.unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(entry("a", bytes(90_000)) + bytes(1024)))
    unpack.unpack(tmp_path / "b.tar.gz", tmp_path / "out")
    assert (tmp_path / "out" / "a").stat().st_size == 90_000


GOOD = entry("model.safetensors", b"weights") + entry("1_Pooling/config.json", b"{}") + bytes(1024)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_archive_raises_nothing_else_and_writes_nothing_elsewhere(tmp_path, draw):
    content = bytearray(GOOD)
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, 1535))
        content[at] = draw.draw(st.integers(0, 255))
    if draw.draw(st.booleans()):  # what is damaged behind a right checksum is looked at more closely
        content[:512] = with_checksum(content[:512])
    archive, box = tmp_path / "a.tar.gz", tmp_path / "box"
    archive.write_bytes(gzip.compress(bytes(content[: draw.draw(st.integers(512, len(content)))]), 1))
    box.mkdir(exist_ok=True)
    try:
        unpack.unpack(archive, box / "out")
    except WorkbenchError:
        assert list(box.iterdir()) == []
    else:
        assert {path.name for path in box.iterdir()} == {"out"} and not any(map(Path.is_symlink, box.rglob("*")))
        shutil.rmtree(box / "out")
