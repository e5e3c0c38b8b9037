"""Training throughput on a GPU, in samples a second at batch 256 against ``SentenceTransformerTrainer`` on the same card.

    python -m benchmarks.gpu FILE [MODEL]      the table of this alone, on any file with enough pairs

The library's trainer as its documentation sets it up for a GPU, in half precision (bf16, as ours), and once without. Where no
card is, the row says that the figure is missing.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, paired, row
from benchmarks.throughput import WORDS, make_trainer, read_rows

TARGET = 2.0
BATCH = 256
#: Pairs of a pass, no two with a text in common: three full batches.
ROWS = 3 * BATCH
WARM, COUNTED, TURNS = 6, 30, 3
#: Each side with the arguments that the library's trainer gets.
SIDES: dict[str, dict] = {"library": {"bf16": True}, "exact": {}, "options": {}, "library in float32": {}}
#: Size of the matrices whose product is the card's rate, and how often they are multiplied.
SIZE, REPETITIONS = 8192, 20


def measure(pairs: Path, base_model: str = "all-MiniLM-L6-v2") -> list[Result]:
    """The rows of the table: never a figure that was not measured."""
    import torch

    name = "training on a GPU"
    if not torch.cuda.is_available():
        why = "no GPU on this machine: the figure is missing"
        return [Result(name, None, TARGET, None, f"SentenceTransformerTrainer, batch {BATCH}: {why}")]
    rows = read_rows(pairs).drop_duplicates("anchor").drop_duplicates("positive")[:ROWS]
    if len(rows) < ROWS:
        why = f"{pairs.name} has too few pairs: the figure is missing"
        return [Result(name, None, TARGET, None, f"SentenceTransformerTrainer, batch {BATCH}: {why}")]
    turns: dict[str, list[dict]] = {side: [] for side in SIDES}
    for _ in range(TURNS):
        for side, more in SIDES.items():
            turns[side].append(one_turn(side, rows, base_model, more))

    def figures(side: str, figure: str) -> list[float]:
        return [turn[figure] for turn in turns[side]]

    def median(side: str, figure: str) -> float:
        return statistics.median(figures(side, figure))

    results = []
    for side in ("exact", "options"):
        ratio, spread = paired(figures(side, "samples_per_second"), figures("library", "samples_per_second"))
        results.append(Result(
            f"{name}, {WORDS[side]}, {pairs.stem}", ratio, TARGET, ratio >= TARGET,
            f"SentenceTransformerTrainer, bf16, batch {BATCH}, {torch.cuda.get_device_name()}: "
            f"{median('library', 'samples_per_second'):,.0f} samples/s, {median('library', 'share'):.3f} of the card's bf16 rate"
            f" ({median('library', 'matrix_rate') / 1e12:.0f} TFLOP/s); ours {median(side, 'samples_per_second'):,.0f},"
            f" {median(side, 'share'):.3f}; the library in float32 {median('library in float32', 'samples_per_second'):,.0f}",
            spread,
        ))
    return results


def one_turn(side: str, rows, base_model: str, more: dict) -> dict[str, float]:
    """Train on ``rows`` for some steps: samples a second, the card's matrix rate, and the share of it that was used."""
    import torch
    from transformers import TrainerCallback

    from benchmarks.matrix_rate import training_flops

    class Clock(TrainerCallback):
        """The time between the first counted step's begin and the last one's end; reads the loss as the workbench does."""

        def on_step_end(self, args, state, control, **kwargs):
            if hasattr(trainer, "read_loss"):
                trainer.read_loss()
            if state.global_step in (WARM, WARM + COUNTED):
                torch.cuda.synchronize()
                now = time.perf_counter()
                self.seconds = now - getattr(self, "begin", now)
                self.begin = now
                control.should_training_stop = state.global_step > WARM

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer, lengths = make_trainer(side.split()[0], rows, folder, BATCH, base_model, **more)
        trainer.add_callback(clock)
        rate = matrix_rate()
        trainer.train()
    passes = COUNTED / len(trainer.get_train_dataloader())
    return {
        "samples_per_second": len(rows) * passes / clock.seconds, "matrix_rate": rate,
        "share": training_flops(trainer.model, lengths) * passes / clock.seconds / rate,
    }


def matrix_rate() -> float:
    """Floating-point operations a second of products of two large bf16 matrices on the card."""
    import torch

    one, other = torch.randn(2, SIZE, SIZE, device="cuda", dtype=torch.bfloat16).unbind()
    one @ other
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(REPETITIONS):
        one @ other
    torch.cuda.synchronize()
    return REPETITIONS * 2 * SIZE**3 / (time.perf_counter() - begin)


if __name__ == "__main__":
    for result in measure(Path(sys.argv[1]), *sys.argv[2:]):
        print(row(result))
