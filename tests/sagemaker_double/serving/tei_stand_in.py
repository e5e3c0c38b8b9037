"""Stands in for Text Embeddings Inference 1.8, whose program cannot run here. Arguments: PORT MODEL_FOLDER.

Keeps its contract: what it must find in the model's files, ``{"inputs": text or texts, "truncate": bool}`` in, a list of
unit vectors out, and its refusals. The vectors are torch's.
"""

import json
import os
import sys
import threading
from pathlib import Path

import torch
from endpoint_server import Answer, serve
from transformers import AutoModel, AutoTokenizer

MOST_TEXTS = 32


def read_field(folder: Path, file: str, name: str):
    """A member that TEI cannot do without, of a file that it reads."""
    value = json.loads((folder / file).read_text()).get(name)
    if value is None:
        sys.exit(f"Error: Failed to parse `{file}`: missing field `{name}`")
    return value


class Embedder:
    """The model, and how its words become one vector."""

    def __init__(self, folder: Path):
        if os.environ.get("HF_MODEL_ID") != "/opt/ml/model":
            sys.exit("Error: HF_MODEL_ID must be /opt/ml/model: no model hub can be reached")
        fields = [read_field(folder, "1_Pooling/config.json", f"pooling_mode_{name}") for name in ("cls_token", "mean_tokens")]
        if sum(fields) != 1:
            sys.exit("Error: the pooling must be one of cls and mean")
        self._first = fields[0]
        self._limit = read_field(folder, "sentence_bert_config.json", "max_seq_length")
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModel.from_pretrained(folder).eval()
        self._lock = threading.Lock()

    def answer(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Vectors, or why not."""
        try:
            wish = json.loads(body)
            inputs = wish["inputs"]
        except (ValueError, TypeError, KeyError):
            return _refusal(422, "Failed to deserialize the JSON body into the target type: missing field `inputs`")
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not texts:
            return _refusal(422, "`inputs` cannot be empty")
        if len(texts) > MOST_TEXTS:
            return _refusal(422, f"batch size {len(texts)} > maximum allowed batch size {MOST_TEXTS}")
        longest = max(len(ids) for ids in self._tokenizer(texts)["input_ids"])
        if longest > self._limit and not wish.get("truncate", False):
            return _refusal(413, f"`inputs` must have less than {self._limit} tokens. Given: {longest}")
        with self._lock:
            vectors = self._embed(texts)
        return 200, json.dumps(vectors).encode(), "application/json"

    def _embed(self, texts: list[str]) -> list[list[float]]:
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=self._limit, return_tensors="pt")
        with torch.inference_mode():
            words = self._model(**batch).last_hidden_state  # [texts, words, width]
            mask = batch["attention_mask"].unsqueeze(-1)
            pooled = words[:, 0] if self._first else (words * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(pooled, dim=1).tolist()


def _refusal(status: int, why: str) -> Answer:
    return status, json.dumps({"error": why, "error_type": "Validation"}).encode(), "application/json"


if __name__ == "__main__":
    serve(int(sys.argv[1]), Embedder(Path(sys.argv[2])).answer)
