import numpy as np

from core.models import load, local_ref, token_lengths
from core.training.tokens import Collator, count_tokens, make_dataset, tokenise
from tests.tiny import pairs


def test_tokens_are_the_library_s_own(tiny):
    model = load(local_ref("tiny", tiny))
    texts = ["Hello, world", "a", "word " * 500]
    padded = model.preprocess(texts)
    ours = Collator(model).pad(tokenise(model, texts).to_pylist())
    for key in ("input_ids", "attention_mask"):
        assert ours[key].tolist() == padded[key].tolist()


def test_a_batch_has_the_names_and_the_order_that_the_trainer_reads(tiny):
    model = load(local_ref("tiny", tiny))
    frame = pairs(6).assign(negative="no", group="g", score=np.linspace(0, 1, 6))
    dataset = make_dataset(model, frame)
    batch = Collator(model)([dataset[i] for i in range(6)])
    assert [name for name in batch if name.endswith("input_ids")] == [
        "anchor_input_ids", "positive_input_ids", "negative_input_ids"
    ]
    assert np.allclose(batch["label"].numpy(), frame["score"])
    assert set(batch) == {f"{side}_{key}" for side in ("anchor", "positive", "negative")
                          for key in ("input_ids", "attention_mask", "lengths")} | {"label"}
    assert batch["anchor_lengths"].tolist() == batch["anchor_attention_mask"].sum(dim=1).tolist()


def test_padding_is_on_the_side_that_the_tokenizer_says(tiny):
    model = load(local_ref("tiny", tiny))
    model.tokenizer.padding_side = "left"
    found = Collator(model).pad([[5, 6, 7], [8]])
    pad = model.tokenizer.pad_token_id
    assert found["input_ids"].tolist() == [[5, 6, 7], [pad, pad, 8]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]


def test_tokens_of_a_pass_are_counted_without_padding(tiny):
    model, frame = load(local_ref("tiny", tiny)), pairs(30)
    lengths = [np.minimum(token_lengths(local_ref("t", tiny), frame[s].tolist()), 64) for s in ("anchor", "positive")]
    assert count_tokens(make_dataset(model, frame)) == int(np.sum(lengths))


def test_rows_are_read_from_a_file_that_nobody_finds_afterwards(tiny, tmp_path, monkeypatch):
    model, frame, told = load(local_ref("tiny", tiny)), pairs(30), []
    whole = make_dataset(model, frame)
    monkeypatch.setattr("core.training.tokens._AT_ONCE", 7)
    dataset = make_dataset(model, frame, tmp_path, lambda done, rows: told.append((done, rows)))
    assert dataset.data.table.equals(whole.data.table) and [dataset[i] for i in range(30)] == [whole[i] for i in range(30)]
    assert dataset.cache_files and not list(tmp_path.iterdir())  # mapped, not copied into memory
    assert told == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]
