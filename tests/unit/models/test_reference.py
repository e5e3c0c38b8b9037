import json
import os
import shutil
import sys

import pytest

from core.errors import WorkbenchError
from core.models import BASE_MODEL, describe, local_ref, reference, resolve, token_lengths
from core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def copy(workspace, tmp_path):
    """The built-in model in a folder of its own."""
    return shutil.copytree(resolve(BASE_MODEL, workspace).path, tmp_path / "copy")


def test_the_built_in_model_is_found_under_both_its_names(workspace):
    assert resolve("sentence-transformers/all-MiniLM-L6-v2", workspace) == resolve(BASE_MODEL, workspace)


def test_its_facts_are_read_without_torch(workspace):
    facts = describe(resolve(BASE_MODEL, workspace))
    assert (facts.dimensions, facts.max_tokens) == (384, 256)
    assert facts.parameters == pytest.approx(22.7e6, rel=0.01)


def test_weights_other_than_the_published_ones_are_refused(workspace, monkeypatch):
    monkeypatch.setattr(reference, "BASE_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(WorkbenchError, match="damaged"):
        resolve(BASE_MODEL, workspace)


def test_a_folder_and_a_run_are_models(workspace, copy):
    assert resolve(str(copy), workspace).digest == resolve(BASE_MODEL, workspace).digest
    run = workspace.runs / "my-run-1"
    run.mkdir()
    (run / "recipe.json").write_text("{}")
    with pytest.raises(WorkbenchError, match="no model yet"):
        resolve("my-run-1", workspace)
    shutil.copytree(copy, run / "model")
    assert resolve("my-run-1", workspace).path == run / "model"


def test_the_digest_follows_the_weights_and_not_the_card(copy):
    before = local_ref("a", copy).digest
    (copy / "README.md").write_text("other words")
    assert local_ref("b", copy).digest == before
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    assert local_ref("a", copy).digest != before


def test_a_change_is_seen_though_size_and_time_stay(copy, workspace):
    weights = copy / "model.safetensors"
    facts = weights.stat()
    before = local_ref("a", copy).digest
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    os.utime(weights, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (weights.stat().st_size, weights.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    assert local_ref("a", copy).digest != before


def test_a_runs_model_is_the_one_that_its_report_speaks_of(tiny, workspace):
    run = workspace.runs / "my-run-1"
    run.mkdir()
    (run / "recipe.json").write_text("{}")
    shutil.copytree(tiny, run / "model")
    ref = resolve("my-run-1", workspace)  # a report from before digests were kept names none
    (run / "report.json").write_text(json.dumps({"model_digest": ref.digest}))
    assert resolve("my-run-1", workspace) == ref
    for name, change in (("model.safetensors", b"\0"), ("sentence_bert_config.json", None)):
        file = run / "model" / name
        content = file.read_bytes()
        file.unlink() if change is None else file.write_bytes(content[:-1] + change)
        with pytest.raises(WorkbenchError, match="not the one that was trained.*backup"):
            resolve("my-run-1", workspace)
        file.write_bytes(content)
        assert resolve("my-run-1", workspace) == ref


@pytest.mark.parametrize(("missing", "word"), [("tokenizer.json", "tokenizer.json is missing"), ("modules.json", "is missing")])
def test_a_model_without_what_its_vectors_follow_from_is_refused(tiny, tmp_path, missing, word):
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(WorkbenchError, match=f"damaged.*{word}"):
        local_ref("a", folder)


def test_an_older_word_list_is_one_too(copy, workspace):
    (copy / "tokenizer.json").unlink()
    assert (copy / "vocab.txt").exists() and local_ref("a", copy)
    (copy / "vocab.txt").unlink()
    with pytest.raises(WorkbenchError, match="tokenizer.json is missing"):
        local_ref("a", copy)


@pytest.mark.parametrize("name", ["nothing-here", "../../etc", ".", "", "a/b/c"])
def test_an_unknown_name_is_refused_in_words(name, workspace, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkbenchError):
        resolve(name, workspace)


def test_pickled_weights_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(WorkbenchError, match="can run code"):
        local_ref("old", copy)


def test_a_pickled_part_is_refused_although_the_rest_is_safe(copy):
    (copy / "1_Pooling" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(WorkbenchError, match="can run code"):
        local_ref("old", copy)


def test_a_hub_that_does_not_answer_is_not_waited_for(workspace, monkeypatch):
    import threading

    import huggingface_hub

    monkeypatch.setattr(reference, "_HUB_SECONDS", 0.1)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: threading.Event().wait(30))
    with pytest.raises(WorkbenchError, match="cannot be reached"):
        resolve("some/model", workspace)


def test_only_safe_files_are_asked_of_the_hub(workspace, monkeypatch, copy):
    from types import SimpleNamespace as Bag

    import huggingface_hub

    asked = {}
    files = [Bag(rfilename="pytorch_model.bin")]
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: Bag(siblings=files, sha="abc"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda **wanted: asked.update(wanted) or str(copy))
    with pytest.raises(WorkbenchError, match="can run code"):
        resolve("some/model", workspace)
    assert not asked
    files.append(Bag(rfilename="model.safetensors"))
    assert resolve("some/model", workspace).path == copy
    assert asked["revision"] == "abc" and not any(p.endswith((".bin", ".pkl", ".py")) for p in asked["allow_patterns"])


def test_token_lengths_are_not_cut_and_need_no_torch(workspace):
    loaded = "torch" in sys.modules
    lengths = token_lengths(resolve(BASE_MODEL, workspace), ["hello world", "", "word " * 700, "\ud800 lone"])
    assert lengths.tolist()[:3] == [4, 2, 702]
    assert ("torch" in sys.modules) == loaded
