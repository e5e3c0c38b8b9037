"""What a training step costs as batch, length and data grow: seconds = a + b x tokens + c x tokens x length, fitted.

Steps of our own trainer on texts of random words, over a small grid of batch sizes and lengths. One thread and processor
time, as in ``profile_step``, so that the fit holds where other programs share the machine. How many pairs there are in all
is not in the formula: a step sees its batch alone, and one cell is measured again with ten times the pairs.
"""

import tempfile
import time
from pathlib import Path

from benchmarks.result import Result

#: Pairs a step, and words a text; a word is about a token.
BATCHES, WORDS = (8, 24), (10, 45, 110)
WARM, COUNTED = 1, 3
#: The share of the variation between steps that the formula should explain.
EXPLAINED = 0.95


def measure() -> Result:
    """The row of the table: how much of the variation the fit explains, with its figures."""
    import numpy as np
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        cells = [(batch, words) for batch in BATCHES for words in WORDS]
        found = [steps(batch, words, batch * (WARM + COUNTED)) for batch, words in cells]
        few, many = found[0], steps(*cells[0], 10 * cells[0][0] * (WARM + COUNTED))
    finally:
        torch.set_num_threads(threads)
    tokens, lengths, seconds = (np.array(column) for column in zip(*(step for cell in found for step in cell), strict=True))
    (fixed, a_token, a_square), explained = fit(tokens, lengths, seconds)
    growth = float(np.median([step[2] for step in many]) / np.median([step[2] for step in few]))
    return Result(
        "cost of a step, explained by its fit (R²)", explained, EXPLAINED, explained >= EXPLAINED,
        f"steps of {tokens.min():,.0f} to {tokens.max():,.0f} tokens on one thread: {fixed * 1e3:.0f} ms + "
        f"{a_token * 1e6:.0f} µs a token + {a_square * 1e9:.0f} ns a token and token of its text's length; "
        f"with ten times the pairs a step took {growth:.2f} times as long",
    )


def fit(tokens, lengths, seconds) -> tuple[tuple[float, float, float], float]:
    """Least squares of ``seconds`` on 1, ``tokens`` and ``tokens`` x ``lengths``, and the share of variance explained (R²).

    Relative errors are what is made small, as a step of ten seconds would outweigh all short ones else.
    """
    import numpy as np

    terms = np.stack([np.ones_like(seconds), tokens, tokens * lengths], axis=1)
    found = np.linalg.lstsq(terms / seconds[:, None], np.ones_like(seconds), rcond=None)[0]
    left = seconds - terms @ found
    fixed, a_token, a_square = found.tolist()
    return (fixed, a_token, a_square), float(1 - (left @ left) / ((seconds - seconds.mean()) @ (seconds - seconds.mean())))


def steps(batch: int, words: int, pairs: int) -> list[tuple[float, float, float]]:
    """Tokens of a step, tokens of a text, and processor seconds, of each counted step on so many pairs."""
    import numpy as np
    import pandas as pd
    from transformers import TrainerCallback

    from core.forward.speed import speed_up
    from core.models import BASE_MODEL, load, resolve, token_lengths
    from core.pairs.text import fold_codes
    from core.recipe import Recipe
    from core.training.losses import make_loss
    from core.training.tokens import make_dataset
    from core.training.trainer import Trainer
    from core.workspace import Workspace

    class Clock(TrainerCallback):
        def __init__(self):
            self.ends = []

        def on_step_end(self, args, state, control, **kwargs):
            self.ends.append(time.process_time())
            control.should_training_stop = len(self.ends) > WARM + COUNTED - 1

    draw = np.random.default_rng(0)
    known = np.array("water house green light paper stone river cloud bread table music garden winter school".split())
    texts = [" ".join(known[draw.integers(len(known), size=words)]) for _ in range(2 * pairs)]
    rows = pd.DataFrame({"anchor": texts[:pairs], "positive": texts[pairs:]})
    with tempfile.TemporaryDirectory() as folder:
        base = resolve(BASE_MODEL, Workspace.at(folder))
        length = float(np.mean(token_lengths(base, texts[:20])))
        model = load(base)
        recipe = Recipe(
            loss="MultipleNegativesRanking", epochs=100, batch_size=batch, learning_rate=5e-5, scale=20.0,
            max_seq_length=model.max_seq_length, held_out=0.0, patience=1,
        )
        speed_up(model)
        codes = np.stack(fold_codes(rows["anchor"], rows["positive"]), axis=1)
        trainer = Trainer(model, make_dataset(model, rows), make_loss(model, recipe), recipe, codes, Path(folder))
        clock = Clock()
        trainer.add_callback(clock)
        trainer.train()
    took = np.diff(clock.ends)[WARM - 1 :]
    return [(2 * batch * length, length, float(one)) for one in took]


if __name__ == "__main__":
    print(measure())
