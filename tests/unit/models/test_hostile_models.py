"""Models that were made to do harm: none of their code is run, and what their files say is not believed."""

import json
import os
import pickle
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.models import describe, embed, local_ref, token_lengths
from core.models.safety import tensor_shapes
from core.models.vectors import load
from core.workspace import Workspace


@pytest.fixture
def model(tiny, tmp_path) -> Path:
    return shutil.copytree(tiny, tmp_path / "model")


class Planted:
    """Unpickled, it makes the file ``ran``."""

    def __init__(self, folder: Path):
        self.command = f"touch {folder}/ran"

    def __reduce__(self):
        return os.system, (self.command,)


def change(file: Path, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def weights(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: list, start: int, end: int) -> dict:
    return {"a": {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}}


LIES = {
    "a header longer than the file": weights({}, length=10**18),
    "a header longer than any": weights(b"[" * 17_000_000),
    "a header that is no JSON": weights(b"{" * 100),
    "a header that is a list": weights([1]),
    "nested without end": weights(b"[" * 100_000),
    "10 GB that are not there": weights(tensor([2_500_000_000], 0, 10**10)),
    "larger than its bytes": weights(tensor([10**9, 10**9], 0, 4), bytes(4)),
    "a side below nothing": weights(tensor([-1], 0, 4), bytes(4)),
    "an end before its start": weights(tensor([1], 4, 0), bytes(4)),
    "sides that are texts": weights(tensor(["1"], 0, 4), bytes(4)),
    "no place": weights({"a": {"dtype": "F32", "shape": [1]}}),
    "a tensor that is a number": weights({"a": 1}),
    "a few bytes": b"\x01\x02",
    "a pickle": pickle.dumps({"a": [1.0] * 9}),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_weights_that_lie_are_refused_in_words_and_load_nothing(model, content):
    (model / "model.safetensors").write_bytes(content)
    ref = local_ref("liar", model)
    with pytest.raises(WorkbenchError, match="model.safetensors is damaged.*again"):
        describe(ref)


def test_what_loads_weights_refuses_those_that_lie_too(model, tmp_path):
    (model / "model.safetensors").write_bytes(LIES["10 GB that are not there"])
    with pytest.raises(WorkbenchError, match="cannot be loaded"):
        embed(local_ref("liar", model), ["a"], Workspace.at(tmp_path / "w"))


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json"])
@pytest.mark.parametrize("content", [b"", b'{"version": "1.0", "tru', b"\0" * 99])
def test_what_cannot_be_loaded_is_named(model, name, content):
    (model / name).write_bytes(content)
    with pytest.raises(WorkbenchError, match=f"cannot be loaded.* {name} is damaged.*backup"):
        load(local_ref("damaged", model))


def test_a_model_that_is_changed_while_it_is_loaded_is_not_kept_as_what_it_was(model, tmp_path):
    weights = model / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # one that no other test has loaded
    ref = local_ref("changing", model)
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 2]))
    with pytest.raises(WorkbenchError, match="was changed while"):
        embed(ref, ["a text"], Workspace.at(tmp_path / "w"))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.pkl", "model.pickle", "model.ckpt"])
def test_a_pickle_is_never_opened(model, tmp_path, name):
    (model / name).write_bytes(pickle.dumps(Planted(tmp_path)))
    load(local_ref("both", model))  # beside safetensors weights it is passed over
    (model / "model.safetensors").unlink()
    with pytest.raises(WorkbenchError, match="can run code"):
        local_ref("pickled", model)
    (model / "model.safetensors").write_bytes(pickle.dumps(Planted(tmp_path)))  # under a name that is trusted
    with pytest.raises(WorkbenchError, match="cannot be loaded"):
        load(local_ref("renamed", model))
    assert not (tmp_path / "ran").exists()


def plant(model: Path, tmp_path: Path) -> None:
    (model / "planted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")


def test_a_tokenizer_that_claims_code_of_its_own_is_refused(model, tmp_path):
    plant(model, tmp_path)
    change(model / "tokenizer_config.json", auto_map={"AutoTokenizer": ["planted.Evil", None]}, tokenizer_class="Evil")
    with pytest.raises(WorkbenchError, match="code of its own.*tokenizer_config.json"):
        local_ref("evil", model)
    assert not (tmp_path / "ran").exists()


def test_a_configuration_that_claims_code_of_its_own_runs_none(model, tmp_path):
    plant(model, tmp_path)
    change(model / "config.json", model_type="evil", auto_map={"AutoConfig": "planted.Evil", "AutoModel": "planted.Evil"})
    with pytest.raises(WorkbenchError, match="cannot be loaded"):
        load(local_ref("evil", model))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("part", "word"), [
    ({"type": "planted.Evil", "path": ""}, "code of its own"), ({"type": "os.system", "path": ""}, "code of its own"),
    ({"type": "sentence_transformers.models.Pooling", "path": "../elsewhere"}, "leads out"),
    ({"type": "sentence_transformers.models.Pooling", "path": "/etc"}, "leads out"),
    ({"type": "sentence_transformers.models.Pooling", "path": "..\\elsewhere"}, "leads out"),
    ({"type": ["a"], "path": ""}, "not a list"), ({"path": ""}, "not a list"), ("Pooling", "not a list"), (None, "not a list"),
])
def test_parts_that_are_not_the_librarys_are_refused(model, tmp_path, part, word):
    plant(model, tmp_path)
    modules = json.loads((model / "modules.json").read_text())
    (model / "modules.json").write_text(json.dumps([*modules, part]))
    with pytest.raises(WorkbenchError, match=word):
        local_ref("evil", model)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", ["{}", "1", '"a"', "", "[" * 100_000, "null", '{"a": 1}', "[]"])
def test_a_list_of_parts_that_is_none_is_refused(model, content):
    (model / "modules.json").write_text(content)
    with pytest.raises(WorkbenchError, match="modules.json"):
        local_ref("odd", model)


@pytest.mark.parametrize("name", ["os.system", "torch.hub.load", "builtins.breakpoint"])
def test_an_activation_that_is_no_layer_is_refused(model, name):
    modules = json.loads((model / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (model / "modules.json").write_text(json.dumps([*modules, dense]))
    (model / "2_Dense").mkdir()
    (model / "2_Dense" / "config.json").write_text(json.dumps({"activation_function": name}))
    with pytest.raises(WorkbenchError, match="code of its own"):
        local_ref("evil", model)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model": {"type": "Evil"}}', "[" * 100_000])
def test_a_tokenizer_that_is_damaged_is_told(model, content):
    (model / "tokenizer.json").write_text(content)
    with pytest.raises(WorkbenchError, match="tokenizer"):
        token_lengths(local_ref("odd", model), ["a"])


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_settings_of_any_kind_give_facts_or_words(model, draw):
    names = {
        "config.json": ["hidden_size", "dim", "max_position_embeddings"], "tokenizer_config.json": ["model_max_length"],
        "sentence_bert_config.json": ["max_seq_length"], "1_Pooling/config.json": ["embedding_dimension", "pooling_mode"],
    }
    for file, keys in names.items():
        (model / file).write_text(json.dumps(draw.draw(st.dictionaries(st.sampled_from(keys), ODD) | ODD)))
    try:
        facts = describe(local_ref("odd", model))
    except WorkbenchError:
        return
    assert all(isinstance(value, int) and value > 0 for value in (facts.dimensions, facts.max_tokens, facts.parameters))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_header_gives_shapes_or_words(tmp_path, draw):
    content = bytearray(weights(tensor([2, 3], 0, 24), bytes(24)))
    for _ in range(draw.draw(st.integers(1, 4))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    (tmp_path / "a.safetensors").write_bytes(bytes(content[: draw.draw(st.integers(0, len(content)))]))
    try:
        shapes = tensor_shapes(tmp_path / "a.safetensors")
    except WorkbenchError:
        return
    assert all(isinstance(side, int) and side >= 0 for shape in shapes.values() for side in shape)
