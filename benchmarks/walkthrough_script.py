"""The AWS walk-through's training, as published, on a run's training rows: ``python -m benchmarks.walkthrough_script
RUN_FOLDER STEPS`` (0 steps: all). Prints one JSON line with its time and its held-out nDCG@10."""

import json
import sys
import time
from pathlib import Path

from benchmarks.walkthrough import BATCH, PASSES

STARTED = time.perf_counter()


class Enough(Exception):
    """Raised to leave ``fit`` after the steps that were asked for."""


def main(run: Path, steps: int) -> dict:
    """Train as the walk-through does, then score with the workbench's own ranks."""
    import pandas as pd
    from sentence_transformers import InputExample, SentenceTransformer, losses
    from torch.utils.data import DataLoader
    from transformers import TrainerCallback

    from core.evaluation.pool import build_pool
    from core.evaluation.scores import score
    from core.models import BASE_MODEL, encode, resolve
    from core.workspace import Workspace

    train, held_out = pd.read_parquet(run / "train.parquet"), pd.read_parquet(run / "heldout.parquet")
    model = SentenceTransformer(str(resolve(BASE_MODEL, Workspace(run)).path), device="cpu")
    examples = [InputExample(texts=[one, other]) for one, other in zip(train["anchor"], train["positive"], strict=True)]
    loader = DataLoader(examples, shuffle=True, batch_size=BATCH)
    loss = losses.MultipleNegativesRankingLoss(model=model)
    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            times.append(time.perf_counter())
            if steps and len(times) > steps:
                raise Enough

    try:
        with _with_callback(Clock()):
            model.fit(train_objectives=[(loader, loss)], epochs=PASSES, show_progress_bar=False)
    except Enough:
        pass
    pool = build_pool(held_out, pd.concat([train, held_out], ignore_index=True))
    scores = score(encode(model, pool.queries), encode(model, pool.corpus), pool)
    return {
        "ndcg@10": scores["ndcg@10"],
        "start": times[0] - STARTED,
        "seconds_a_step": (times[-1] - times[0]) / max(1, len(times) - 1),
        "all_steps": PASSES * len(loader),
    }


def _with_callback(callback):
    """``fit`` builds its own trainer and takes no callback for single steps: give one to every trainer made inside."""
    from unittest import mock

    from transformers import Trainer

    made = Trainer.__init__

    def init(self, *arguments, **options):
        made(self, *arguments, **options)
        self.add_callback(callback)

    return mock.patch.object(Trainer, "__init__", init)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
