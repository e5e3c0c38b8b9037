"""A model of two small layers and run folders for it: the worker's whole path in seconds instead of minutes."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.models import BASE_MODEL, local_ref, resolve
from core.runs.run import Run
from core.workspace import Workspace

WORDS = "apple bread chair delta eagle flame grape house igloo jolly kettle lemon mango night ocean piano".split()


def tiny_model(folder: Path, workspace: Workspace, model_type: str = "bert") -> Path:
    """Write a random, tiny sentence-transformers model with the built-in model's word list."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    torch.manual_seed(0)
    sizes = {
        "vocab_size": 30522, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": 80, "pad_token_id": 0,
    }
    if model_type == "distilbert":
        sizes = {"vocab_size": 30522, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64,
                 "max_position_embeddings": 80, "pad_token_id": 0}
    config = AutoConfig.for_model(model_type, **sizes)
    bare = folder.with_name(folder.name + "-bare")
    AutoModel.from_config(config).save_pretrained(bare)
    AutoTokenizer.from_pretrained(resolve(BASE_MODEL, workspace).path).save_pretrained(bare)
    first = Transformer(str(bare), max_seq_length=64)
    model = SentenceTransformer(modules=[first, Pooling(32), Normalize()])
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def pairs(rows: int, seed: int = 0) -> pd.DataFrame:
    """Rows that can be learned: the answer names the words of its question, at many lengths."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"row": np.arange(1, rows + 1), "component": np.arange(rows)})
    chosen = [draw.choice(WORDS, size=3, replace=False) for _ in range(rows)]
    frame["anchor"] = [f"what about {' '.join(words)} {number}" for number, words in enumerate(chosen)]
    frame["positive"] = [
        f"{number} it is {' and '.join(words)} " + "of course " * int(draw.integers(0, 12))
        for number, words in enumerate(chosen)
    ]
    return frame


def run_folder(
    workspace: Workspace, model: Path, name: str, train: pd.DataFrame, held_out: pd.DataFrame, **recipe: object
) -> Run:
    """A run as ``core.runs.create`` writes it."""
    run = Run(workspace.runs / name)
    run.folder.mkdir(parents=True)
    train.to_parquet(run.train_file)
    held_out.to_parquet(run.heldout_file)
    base = local_ref("tiny", model)
    settings = {
        "id": name, "name": name, "created": time.time(), "kind": "pairs", "columns": {}, "reasons": {},
        "source": {"name": "words.csv", "digest": "0", "rows": len(train) + len(held_out), "set": None},
        "recipe": {
            "base_model": str(model), "effort": "quick", "goal": "order", "loss": "MultipleNegativesRanking",
            "epochs": 3, "batch_size": 8, "learning_rate": 1e-3, "warmup": 0.1, "scale": 20.0, "max_seq_length": 64,
            "evidence": "held-out", "seed": 12, "held_out": 0.2, "patience": 100, "freeze_token_embeddings": False,
            "matryoshka_dims": [],
            **recipe,
        },
        "base": {"name": base.name, "path": str(base.path), "digest": base.digest},
        "threads": 1, "versions": {"python": "3"}, "target": "local",
    }
    run.recipe_file.write_text(json.dumps(settings))
    return run


def moved_run(workspace: Workspace, model: Path, far: float, held_out: int = 12) -> Run:
    """A run called "moved" whose model is its base moved by ``far`` times each tensor's own size, in random directions."""
    import torch
    from safetensors.torch import load_file, save_file

    data = pairs(30)
    run = run_folder(workspace, model, "moved", data[held_out:], data[:held_out])
    shutil.copytree(model, run.model)
    weights, draw = load_file(model / "model.safetensors"), torch.Generator().manual_seed(1)
    for name, weight in weights.items():
        if weight.is_floating_point():
            noise = torch.randn(weight.shape, generator=draw)
            weights[name] = weight + far * noise * weight.norm() / noise.norm()
    save_file(weights, run.model / "model.safetensors")
    return run
