"""The archive: the same bytes for the same model, nothing outside its folder whatever is in it."""

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from core import unpack
from core.endpoints import archive
from core.endpoints.handler import inference
from core.errors import WorkbenchError
from core.models import ModelRef, local_ref
from tests.unit.endpoints.test_handler import assert_same


def names(path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_weights_at_its_root_and_the_handler_in_code(tiny, tmp_path):
    archive.pack(local_ref("tiny", tiny), tmp_path / "model.tar.gz")
    packed = names(tmp_path / "model.tar.gz")
    assert packed == sorted(packed)
    assert {"model.safetensors", "config.json", "modules.json", "1_Pooling/config.json", "code/inference.py"} <= set(packed)
    unpack.unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert_same(tmp_path / "out", ["one text", "and another, which is longer"])
    assert (tmp_path / "out" / "code" / "inference.py").read_bytes() == archive.HANDLER.read_bytes()
    plain = subprocess.run(["tar", "tzf", tmp_path / "model.tar.gz"], capture_output=True, text=True, check=True)
    assert plain.stdout.split() == packed


def test_the_same_model_gives_the_same_bytes(tiny, tmp_path):
    copied = shutil.copytree(tiny, tmp_path / "copied")
    for number, path in enumerate(sorted(copied.rglob("*"))):
        path.chmod(0o700)
        os.utime(path, (number, number))
    (copied / "README.md").write_text("not packed")
    (copied / "onnx").mkdir()
    (copied / "onnx" / "config.json").write_text("{}")
    (copied / ".hidden.json").write_text("{}")
    archive.pack(local_ref("one", tiny), tmp_path / "one.tar.gz")
    archive.pack(local_ref("two", copied), tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_files_that_are_links_are_packed_as_files(tiny, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in tiny.iterdir():
        (linked / path.name).symlink_to(path) if path.is_file() else shutil.copytree(path, linked / path.name)
    archive.pack(local_ref("linked", linked), tmp_path / "model.tar.gz")
    unpack.unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]


def test_progress_ends_with_all_of_it(tiny, tmp_path):
    seen = []
    archive.pack(local_ref("tiny", tiny), tmp_path / "model.tar.gz", lambda *some: seen.append(some))
    assert seen[-1][0] == seen[-1][1] and seen == sorted(seen) and len(seen) > 5


def test_a_full_disk_is_said_and_leaves_nothing(tiny, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        archive.pack(local_ref("tiny", tiny), tmp_path / "model.tar.gz")
    assert not list(tmp_path.iterdir())


def test_for_tei_the_older_names_are_there_too_and_the_vectors_stay(tiny, tmp_path):
    archive.pack(local_ref("tiny", tiny), tmp_path / "model.tar.gz", for_tei=True)
    unpack.unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    pooling = json.loads((tmp_path / "out" / "1_Pooling" / "config.json").read_text())
    assert pooling["word_embedding_dimension"] == 32 and pooling["pooling_mode"] == "mean"
    assert pooling["pooling_mode_mean_tokens"] is True and pooling["pooling_mode_cls_token"] is False
    transformer = json.loads((tmp_path / "out" / "sentence_bert_config.json").read_text())
    assert transformer["max_seq_length"] == 64 and transformer["do_lower_case"] is False
    ours = [inference.model_fn(str(folder)).embed(["a b c", "word " * 200]) for folder in (tiny, tmp_path / "out")]
    assert ours[0] == ours[1]
    assert_same(tmp_path / "out", ["a b c", "word " * 200])


def test_for_tei_a_model_with_other_parts_is_refused(rebuilt, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    ref = ModelRef("dense", rebuilt(Pooling(32), Dense(32, 8)), "0")
    with pytest.raises(WorkbenchError, match="text-embeddings-inference"):
        archive.pack(ref, tmp_path / "model.tar.gz", for_tei=True)


def entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"x", **more) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


HOSTILE = {
    "a parent": [entry("../outside")],
    "a parent inside": [entry("a/../../outside")],
    "absolute": [entry("/outside")],
    "a drive": [entry("C:outside")],
    "a backslash": [entry("..\\outside")],
    "a symbolic link": [entry("link", tarfile.SYMTYPE, linkname="/etc/passwd")],
    "writing through a link": [entry("link", tarfile.SYMTYPE, linkname=".."), entry("link/outside")],
    "a hard link": [entry("link", tarfile.LNKTYPE, linkname="/etc/passwd")],
    "a device": [entry("null", tarfile.CHRTYPE)],
    "a pipe": [entry("pipe", tarfile.FIFOTYPE)],
    "the same file twice": [entry("a"), entry("a")],
    "too many files": [entry(f"{number}", data=b"") for number in range(unpack.MOST_FILES + 1)],
    "a huge header": [entry("a", pax_headers={"comment": "x" * (unpack._MOST_HEADERS + 1)})],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_writes_nothing(members, tmp_path):
    path = tmp_path / "box" / "hostile.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(WorkbenchError):
        unpack.unpack(path, tmp_path / "box" / "out")
    assert [one.name for one in tmp_path.rglob("*")] == ["box", "hostile.tar.gz"]


def test_too_many_bytes_are_refused_before_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MOST_BYTES", 10_000)
    with tarfile.open(tmp_path / "big.tar.gz", "w:gz") as tar:
        tar.addfile(*[part if isinstance(part, tarfile.TarInfo) else io.BytesIO(part) for part in entry("a", data=b"0" * 10_001)])
    with pytest.raises(WorkbenchError, match="more than"):
        unpack.unpack(tmp_path / "big.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["cut off", "not gzip", "not tar", "flipped", "empty"])
def test_a_damaged_archive_is_said_to_be_so(tiny, tmp_path, damage):
    path = tmp_path / "model.tar.gz"
    archive.pack(local_ref("tiny", tiny), path)
    whole = path.read_bytes()
    path.write_bytes({
        "cut off": whole[: len(whole) // 2], "not gzip": b"hello" * 100, "not tar": gzip.compress(b"hello" * 1000),
        "flipped": whole[:-2000] + b"\x55" * 500 + whole[-1500:], "empty": b"",
    }[damage])
    with pytest.raises(WorkbenchError, match="damaged"):
        unpack.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
