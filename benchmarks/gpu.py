"""Training throughput on a GPU, in samples a second at batch 256 against ``SentenceTransformerTrainer`` on the same card.

Where no card is, the row says that the figure is missing; what runs on a card (bf16, the fused optimizer) is chosen in
``core.training.trainer`` and is tested on a CPU as far as that goes.
"""

from benchmarks.result import Result

TARGET = 2.0


def measure() -> Result:
    """The row of the table: never a figure that was not measured."""
    import torch

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    why = "no GPU on this machine: the figure is missing" if card is None else f"not written for {card} yet: missing"
    return Result("training on a GPU", None, TARGET, None, f"SentenceTransformerTrainer, batch 256: {why}")
