"""The handler gives the library's own vectors, and refuses what it cannot answer in words."""

import copy
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.endpoints.handler import inference
from tests.tiny import WORDS

TEXTS = [
    "", "a", "Are Agents fully managed?", "  spaces   and\ttabs\n", "Größe, naïve, 東京 and 🙂", "word " * 400,
    "x" * 5000, "[SEP] [MASK] are words here", "half a pair \ud83d", "the same twice", "the same twice",
]
TEXTS += [" ".join(random.Random(number).choices(WORDS, k=number)) for number in range(1, 90, 3)]
random.Random(1).shuffle(TEXTS)


def library_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    plain = [text.encode("utf-8", errors="replace").decode() for text in texts]
    model = SentenceTransformer(str(folder), model_kwargs={"dtype": "float32"}, device="cpu")
    return model.encode(plain, convert_to_numpy=True)


def lowest_cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def assert_same(folder: Path, texts: list[str] = TEXTS) -> None:
    ours = np.array(inference.model_fn(str(folder)).embed(texts))
    theirs = library_vectors(folder, texts)
    assert ours.shape == theirs.shape
    assert lowest_cosine(ours, theirs) > 0.99999
    assert np.allclose(np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1), rtol=1e-4)


def change(file: Path, **values) -> None:
    settings = json.loads(file.read_text()) if file.exists() else {}
    settings.update(values)
    file.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))


@pytest.fixture
def copied(tiny, tmp_path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny, tmp_path / "copied"))


def test_its_vectors_are_the_librarys_at_every_length(tiny):
    assert_same(tiny)


def test_a_limit_in_the_older_file_is_obeyed(copied):
    change(copied / "sentence_bert_config.json", max_seq_length=9, do_lower_case=True)
    assert_same(copied)


def test_positions_limit_a_tokenizer_that_states_none(copied):
    change(copied / "tokenizer_config.json", model_max_length=None)
    assert_same(copied)


def test_a_default_prompt_goes_before_each_text(copied):
    change(copied / "config_sentence_transformers.json", prompts={"query": "query: "}, default_prompt_name="query")
    assert_same(copied)


@pytest.mark.parametrize("mode", [*inference._OLDER_POOLING.values(), ["cls", "mean"]], ids=str)
def test_every_way_of_pooling(copied, mode):
    change(copied / "1_Pooling" / "config.json", pooling_mode=mode)
    assert_same(copied)


def test_the_older_names_of_pooling(copied):
    change(
        copied / "1_Pooling" / "config.json", embedding_dimension=None, pooling_mode=None, include_prompt=None,
        word_embedding_dimension=32, pooling_mode_cls_token=True, pooling_mode_mean_tokens=False,
        pooling_mode_max_tokens=True,
    )
    assert_same(copied)


def test_dense_parts(rebuilt):
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling

    torch.manual_seed(1)
    assert_same(rebuilt(Pooling(32), Dense(32, 12), Dense(12, 8, bias=False, activation_function=torch.nn.GELU()), Normalize()))


def test_without_a_normalize_part_vectors_keep_their_length(rebuilt):
    from sentence_transformers.sentence_transformer.modules import Pooling

    folder = rebuilt(Pooling(32))
    assert_same(folder)
    assert abs(np.linalg.norm(inference.model_fn(str(folder)).embed(["a"])[0]) - 1) > 0.01


def test_a_plain_transformer_is_pooled_by_the_mean(copied):
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (copied / name).unlink()
    assert_same(copied)


def refusal_of(folder: Path) -> str:
    with pytest.raises(inference.UnknownModel) as raised:
        inference.model_fn(str(folder))
    return str(raised.value)


def test_what_would_have_to_be_guessed_is_refused(copied, rebuilt):
    from sentence_transformers.sentence_transformer.modules import Dense, LayerNorm, Pooling

    assert "LayerNorm" in refusal_of(rebuilt(Pooling(32), LayerNorm(32)))
    shutil.rmtree(copied.parent / "rebuilt")
    assert "residual" in refusal_of(rebuilt(Pooling(32), Dense(32, 32, use_residual=True)))
    pooling = copied / "1_Pooling" / "config.json"
    before = pooling.read_text()
    change(pooling, pooling_mode="median")
    assert "median" in refusal_of(copied)
    pooling.write_text(before)
    modules = json.loads((copied / "modules.json").read_text())
    modules[0]["type"] = "somebody.Transformer"
    (copied / "modules.json").write_text(json.dumps(modules))
    assert "somebody.Transformer" in refusal_of(copied)


def test_one_vector_for_a_text_and_a_list_for_a_list(tiny):
    model = inference.model_fn(str(tiny))
    one = inference.predict_fn({"inputs": "a"}, model)["vectors"]
    two = inference.predict_fn({"inputs": ["a", "b"]}, model)["vectors"]
    assert len(one) == 32 and isinstance(one[0], float) and [len(vector) for vector in two] == [32, 32]
    assert np.allclose(one, two[0], atol=1e-6)
    assert json.loads(inference.output_fn({"vectors": one})) == {"vectors": one}


def test_a_request_is_not_changed(tiny):
    data = inference.input_fn(b'{"inputs": ["b", "a"], "parameters": {"x": 1}}')
    before = copy.deepcopy(data)
    inference.predict_fn(data, inference.model_fn(str(tiny)))
    assert data == before


@pytest.mark.parametrize("body, says", {
    b"not json": "not JSON", b"\xff\xfe": "not JSON", b"": "not JSON", b"[" * 100_000: "not JSON",
    b"[1]": "no “inputs”", b'{"texts": ["a"]}': "no “inputs”", b'{"inputs": []}': "empty list",
    b'{"inputs": null}': "“inputs” is not a text but null", b'{"inputs": {"a": 1}}': "an object",
    b'{"inputs": ["a", 3]}': "Text 2 of “inputs” is not a text but a number", b'{"inputs": [["a"]]}': "a list",
    b'{"inputs": true}': "true or false",
    json.dumps({"inputs": ["a"] * 513}).encode(): "513 texts; one request takes at most 512",
    json.dumps({"inputs": "a" * 100_001}).encode(): "100,001 characters",
}.items(), ids=lambda value: str(value)[:30])
def test_bad_input_is_refused_in_words(body, says):
    with pytest.raises(inference.BadRequest) as raised:
        inference.input_fn(body, "application/json")
    assert says in str(raised.value) and raised.value.status_code == 400


def test_only_json_is_answered():
    for accept in (None, "*/*", "application/json", "application/json;charset=utf-8"):
        assert inference.output_fn({"vectors": [1.0]}, accept) == '{"vectors": [1.0]}'
    with pytest.raises(inference.BadRequest):
        inference.output_fn({"vectors": [1.0]}, "text/csv")


def test_it_is_one_file_without_this_project_or_the_library(tiny, tmp_path):
    shutil.copy(inference.__file__, tmp_path / "inference.py")
    code = (
        "import sys, inference\n"
        f"vectors = inference.model_fn({str(tiny)!r}).embed(['a'])\n"
        "print(len(vectors[0]), [name for name in ('core', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "32 []", done.stderr


@given(st.lists(st.integers(1, 512), max_size=300))
def test_every_text_is_in_one_batch_with_little_padding(lengths):
    batches = list(inference._batches(lengths, 2048, 80))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) * longest <= 2048 and len(batch) <= 64
        assert sum(longest - lengths[index] for index in batch) <= 80
