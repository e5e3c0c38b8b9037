"""Training throughput: real (not padded) tokens a second at batch 64, against ``SentenceTransformerTrainer`` as its
documentation sets it up. The same pairs and loss; each turn in a process of its own.

    python -m benchmarks.throughput SIDE FILE      one turn, which prints what it measured

``exact`` trains the same weights with the same dropout; ``options`` leaves the word table as it is, drops nothing, and
multiplies in half precision where the processor is made for it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.matrix_rate import matrix_rate, training_flops
from benchmarks.result import Result, paired

ROOT = Path(__file__).resolve().parents[1]
BATCH = 64
#: At most this many pairs: four full batches a pass.
ROWS = 4 * BATCH
#: Steps that are not counted (the first ones fill caches), and that are.
WARM, COUNTED = 1, 4
TURNS = 3
SIDES = ("library", "exact", "options")
#: Of each way to train: times the library's trainer, and the share of the machine's matrix rate.
TARGETS = {"exact": (2.0, 0.65), "options": (3.0, 0.75)}
WORDS = {"exact": "exact", "options": "frozen word table, no dropout, half precision"}


def measure(pairs: Path) -> list[Result]:
    """The library's trainer and both of our ways in turn (A B C A B C ...) on the first pairs of a file: for each of ours the
    times the library's tokens a second, and the share of the machine's matrix rate."""
    turns: dict[str, list[dict]] = {side: [] for side in SIDES}
    for _ in range(TURNS):
        for side, found in turns.items():
            found.append(_turn(side, pairs))

    def figures(side: str, name: str) -> list[float]:
        return [turn[name] for turn in turns[side]]

    results = []
    for side, (target, target_share) in TARGETS.items():
        ratio, spread = paired(figures(side, "tokens_per_second"), figures("library", "tokens_per_second"))
        ours, theirs = (statistics.median(figures(one, "tokens_per_second")) for one in (side, "library"))
        words = f"{WORDS[side]}, {pairs.stem}"
        results.append(Result(
            f"training, {words}", ratio, target, ratio >= target,
            f"SentenceTransformerTrainer, batch {BATCH}: {theirs:,.0f} tokens/s, ours {ours:,.0f}", spread,
        ))
        shares = figures(side, "share")
        share, library = statistics.median(shares), statistics.median(figures("library", "share"))
        rate = statistics.median(figures(side, "matrix_rate"))
        results.append(Result(
            f"matrix rate, {words}", share, target_share, share >= target_share,
            f"the machine's own products in the same turn: {rate / 1e9:.0f} GFLOP/s; the library's trainer {library:.2f}",
            (min(shares), max(shares)),
        ))
    return results


def _turn(side: str, pairs: Path) -> dict[str, float]:
    """What one side measured, in a fresh process with the environment that it would have."""
    from core.runs.local import KEEP_MEMORY
    from core.training import ENVIRONMENT

    settings = {} if side == "library" else {**KEEP_MEMORY, **ENVIRONMENT}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.throughput", side, str(pairs)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **settings}, check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def one_turn(side: str, pairs: Path) -> dict[str, float]:
    """Train on ``pairs`` for a few steps in this process and count: tokens a second, the machine's matrix rate (operations
    a second, from before and after the steps), and the share of it that was used."""
    from transformers import TrainerCallback

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
        trainer, lengths = make_trainer(side, read_rows(pairs)[:ROWS], folder)
        trainer.add_callback(clock)
        before = matrix_rate()
        trainer.train()
        rate = (before + matrix_rate()) / 2
    # Batches are alike: a step's mean share of a pass, as often as steps were counted.
    passes = COUNTED / len(trainer.get_train_dataloader())
    return {
        "tokens_per_second": float(lengths.sum()) * passes / clock.seconds, "matrix_rate": rate,
        "share": training_flops(trainer.model, lengths) * passes / clock.seconds / rate,
    }


def read_rows(pairs: Path):
    """Question and answer of each pair of a file, as the trainers take them."""
    from core.pairs.columns import guess_columns, to_pairs
    from core.pairs.read import read_table

    table = read_table(pairs)
    return to_pairs(table, pairs.name, guess_columns(table)).frame[["anchor", "positive"]]


def make_trainer(side: str, rows, folder: str, batch: int = BATCH, base_model: str = "all-MiniLM-L6-v2", **more):
    """The trainer of one side on these rows, and the length in tokens of each text of a pass; ``more``: further arguments of
    the library's."""
    import numpy as np
    import torch

    from core.models import load, resolve, token_lengths
    from core.workspace import Workspace

    torch.manual_seed(0)
    base = resolve(base_model, Workspace.at(folder))
    model = load(base)
    lengths = np.concatenate([token_lengths(base, rows[name].tolist()) for name in rows]).clip(max=model.max_seq_length)
    if side == "library":
        return _library(model, rows, folder, batch, more), lengths
    if side == "options":
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model[0].auto_model.get_input_embeddings().requires_grad_(False)
    return _ours(model, rows, Path(folder), batch, half=side == "options" or model.device.type == "cuda"), lengths


def _ours(model, rows, folder: Path, batch: int, half: bool):
    import numpy as np

    from core.forward.half import can_halve, halve
    from core.forward.speed import speed_up
    from core.pairs.text import fold_codes
    from core.recipe import Recipe
    from core.training.losses import make_loss
    from core.training.tokens import make_dataset
    from core.training.trainer import Trainer

    recipe = Recipe(
        loss="MultipleNegativesRanking", epochs=100, batch_size=batch, learning_rate=5e-5, scale=20.0,
        max_seq_length=model.max_seq_length, held_out=0.0, patience=1,
    )
    speed_up(model)
    if half and can_halve(model):
        halve(model)
    texts = np.stack(fold_codes(rows["anchor"], rows["positive"]), axis=1)
    return Trainer(model, make_dataset(model, rows), make_loss(model, recipe), recipe, texts, folder)


def _library(model, rows, folder: str, batch: int, more: dict):
    """As on https://sbert.net/docs/sentence_transformer/training_overview.html, with our batch size."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    arguments = SentenceTransformerTrainingArguments(
        output_dir=folder, num_train_epochs=100, per_device_train_batch_size=batch, learning_rate=5e-5,
        warmup_steps=0.1, report_to="none", save_strategy="no", **more,
    )
    return SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_pandas(rows, preserve_index=False),
        loss=MultipleNegativesRankingLoss(model),
    )


if __name__ == "__main__":
    print(json.dumps(one_turn(sys.argv[1], Path(sys.argv[2]))))
