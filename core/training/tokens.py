"""Texts as token numbers, made once: the library's own collator would make them again in every pass."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from datasets import Dataset

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: The sides of a row in the order in which the losses read them (by position, not by name).
SIDES = ("anchor", "positive", "negative")
_AT_ONCE = 10_000


def tokenise(model: "SentenceTransformer", texts: Sequence[str]) -> pa.ListArray:
    """The token numbers (int32, special tokens included, cut at the model's limit) of each text."""
    values, ends = [np.empty(0, dtype=np.int32)], [0]
    for start in range(0, len(texts), _AT_ONCE):
        rows = model.tokenizer(
            list(texts[start : start + _AT_ONCE]), truncation=True, max_length=model.max_seq_length, padding=False,
            return_attention_mask=False, return_token_type_ids=False,
        )["input_ids"]
        for row in rows:
            values.append(np.asarray(row, dtype=np.int32))
            ends.append(ends[-1] + len(row))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(np.concatenate(values)))


def make_dataset(
    model: "SentenceTransformer", frame: pd.DataFrame, folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The training rows as the trainer takes them: token lists by side, and ``label`` where the data has one.

    They lie in a file of which the system keeps in memory what is in use, so a million rows take no more room than a
    thousand. Nothing of it is left when the process ends.

    Args:
        folder: where that file is made; the system's own place for such files if None.
        progress: called with rows done and rows in all.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tokens-", delete=False) as file:
        try:
            writer: pa.ipc.RecordBatchStreamWriter = None
            for start in range(0, max(1, len(frame)), _AT_ONCE):
                part = _columns(model, frame.iloc[start : start + _AT_ONCE])
                writer = writer or pa.ipc.new_stream(file, part.schema)
                writer.write_table(part)
                if progress is not None:
                    progress(start + len(part), len(frame))
            writer.close()
            file.flush()
            return Dataset.from_file(file.name)
        finally:
            with contextlib.suppress(OSError):  # an open file cannot be removed on some systems
                os.unlink(file.name)


def _columns(model: "SentenceTransformer", frame: pd.DataFrame) -> pa.Table:
    columns: dict[str, Any] = {side: tokenise(model, frame[side].tolist()) for side in SIDES if side in frame}
    if "score" in frame:
        columns["label"] = pa.array(frame["score"].to_numpy(dtype=np.float32))
    elif "label" in frame:
        columns["label"] = pa.array(frame["label"].to_numpy(dtype=np.int64))
    return pa.table(columns)


def count_tokens(dataset: Dataset) -> int:
    """Real tokens of one pass."""
    table = dataset.data.table
    return sum(
        len(chunk.flatten()) for side in SIDES if side in table.column_names for chunk in table[side].chunks
    )


class Collator:
    """Token lists of a batch as padded tensors, named ``anchor_input_ids`` and so on as the trainer wants them, and as
    ``anchor_lengths`` (int64) how many tokens each has: a GPU would have to be asked and waited for."""

    #: Read by the trainer; the label column already has the name that it looks for.
    valid_label_columns = ("label",)

    def __init__(self, model: "SentenceTransformer"):
        self._pad = model.tokenizer.pad_token_id or 0
        self._side = model.tokenizer.padding_side

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = {}
        for name in rows[0]:
            if name == "label":
                batch["label"] = torch.tensor([row["label"] for row in rows])
            else:
                for key, value in self.pad([row[name] for row in rows]).items():
                    batch[f"{name}_{key}"] = value
                batch[f"{name}_lengths"] = _lengths([row[name] for row in rows])
        return batch

    def pad(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """``input_ids`` and ``attention_mask`` [rows, longest] of token lists."""
        lengths = _lengths(rows)
        place = np.arange(lengths.max())
        real = (place if self._side == "right" else place[::-1]) < lengths[:, None]
        ids = np.full(real.shape, self._pad, dtype=np.int64)
        ids[real] = np.concatenate(rows)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(real.astype(np.int64))}


def _lengths(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """As an array, which the libraries hand on as it is: they would look at each number of a list several times a step."""
    return np.array([len(row) for row in rows])
