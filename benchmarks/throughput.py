"""Training throughput: real (not padded) tokens a second at batch 64, against ``SentenceTransformerTrainer`` as its
documentation sets it up. The same pairs, loss, weights and dropout; each turn in a process of its own.

    python -m benchmarks.throughput ours FILE      one turn, which prints its tokens a second
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
TARGET = 1.4
BATCH = 64
#: At most this many pairs: four full batches a pass.
ROWS = 4 * BATCH
#: Steps that are not counted (the first ones fill caches), and that are.
WARM, COUNTED = 1, 6
TURNS = 2


def measure(pairs: Path) -> Result:
    """Ours and the library's trainer in turn (A B A B) on the first pairs of a file; the ratio of the medians."""
    speeds: dict[str, list[float]] = {"ours": [], "library": []}
    for _ in range(TURNS):
        for side, found in speeds.items():
            found.append(_turn(side, pairs))
    ours, library = (statistics.median(found) for found in speeds.values())
    ratio = ours / library
    return Result(
        "training throughput", ratio, TARGET, ratio >= TARGET,
        f"SentenceTransformerTrainer, batch {BATCH}: {library:,.0f} tokens/s, ours {ours:,.0f}",
    )


def _turn(side: str, pairs: Path) -> float:
    """Tokens a second of one side, in a fresh process with the environment that it would have."""
    from core.runs.local import KEEP_MEMORY
    from core.training import ENVIRONMENT

    settings = {**KEEP_MEMORY, **ENVIRONMENT} if side == "ours" else {}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.throughput", side, str(pairs)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **settings}, check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])["tokens_per_second"]


def tokens_per_second(side: str, pairs: Path) -> float:
    """Train on ``pairs`` for a few steps in this process and count."""
    import pandas as pd
    import torch
    from transformers import TrainerCallback

    from core.models import BASE_MODEL, load, resolve, token_lengths
    from core.pairs.columns import guess_columns, to_pairs
    from core.pairs.read import read_table
    from core.workspace import Workspace

    table = read_table(pairs)
    rows: pd.DataFrame = to_pairs(table, pairs.name, guess_columns(table)).frame[["anchor", "positive"]][:ROWS]
    torch.manual_seed(0)

    class Clock(TrainerCallback):
        """Stops after the counted steps; the time between the first counted one's begin and the last one's end."""

        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == WARM:
                self.begin = time.perf_counter()
            if state.global_step == WARM + COUNTED:
                self.seconds = time.perf_counter() - self.begin
                control.should_training_stop = True

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        base = resolve(BASE_MODEL, Workspace.at(folder))
        model = load(base)
        trainer = _ours(model, rows, Path(folder)) if side == "ours" else _library(model, rows, folder)
        trainer.add_callback(clock)
        trainer.train()
    lengths = sum(token_lengths(base, rows[name].tolist()).clip(max=model.max_seq_length) for name in rows)
    # Batches are alike: a step's mean share of the tokens of a pass, as often as steps were counted.
    return float(lengths.sum() / len(trainer.get_train_dataloader()) * COUNTED / clock.seconds)


def _ours(model, rows, folder: Path):
    import numpy as np

    from core.pairs.text import fold_codes
    from core.recipe import Recipe
    from core.training.losses import make_loss
    from core.training.packing import speed_up
    from core.training.tokens import make_dataset
    from core.training.trainer import Trainer

    recipe = Recipe(
        loss="MultipleNegativesRanking", epochs=100, batch_size=BATCH, learning_rate=5e-5, scale=20.0,
        max_seq_length=model.max_seq_length, held_out=0.0, patience=1,
    )
    speed_up(model)
    texts = np.stack(fold_codes(rows["anchor"], rows["positive"]), axis=1)
    return Trainer(model, make_dataset(model, rows), make_loss(model, recipe), recipe, texts, folder)


def _library(model, rows, folder: str):
    """As on https://sbert.net/docs/sentence_transformer/training_overview.html, with our batch size."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    arguments = SentenceTransformerTrainingArguments(
        output_dir=folder, num_train_epochs=100, per_device_train_batch_size=BATCH, learning_rate=5e-5,
        warmup_steps=0.1, report_to="none", save_strategy="no",
    )
    return SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_pandas(rows, preserve_index=False),
        loss=MultipleNegativesRankingLoss(model),
    )


if __name__ == "__main__":
    print(json.dumps({"tokens_per_second": tokens_per_second(sys.argv[1], Path(sys.argv[2]))}))
