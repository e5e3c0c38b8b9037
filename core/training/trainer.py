"""The library's trainer with the workbench's hooks: batches, schedule, checkpoints, events, checks and stopping."""

import shutil
import time
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
import torch
from accelerate.data_loader import prepare_data_loader
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from torch import nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback

from core.forward.unpadded import is_unpadded, read_together
from core.recipe import Recipe, chosen
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import checkpoints, processes
from core.training.batches import BalancedBatches
from core.training.checks import Best, HeldOut, Progress
from core.training.failures import LossNotFinite
from core.training.folds import Unseen
from core.training.tokens import Collator

#: Step events: each of this many parts of a run, and whenever this many seconds went by without one, growing with time
#: so that a run of days does not write millions of lines.
_STEP_EVENTS = 2000
_QUIET_SECONDS = 2.0
#: A checkpoint costs at most this share of the time, and a crash at most a tenth of what was trained (10 minutes).
_CHECKPOINT_SHARE = 0.05
_CHECKPOINT_SECONDS = (10.0, 600.0)


class Trainer(SentenceTransformerTrainer):
    """SentenceTransformerTrainer on rows that are tokenised already.

    Args:
        texts: int [rows, sides] for ``BalancedBatches``; None lets any rows share a batch.
    """

    def __init__(
        self, model: SentenceTransformer, dataset: Any, loss: nn.Module, recipe: Recipe, texts: np.ndarray | None,
        output: Path,
    ):
        self._texts = texts
        self._warmup = recipe.warmup
        self._unpadded = is_unpadded(model)
        # A cached loss reads a part of the batch at a time; and processes that train together see to each pass themselves.
        self._in_one_pass = self._unpadded and processes.world() == 1 and not chosen(recipe.loss).startswith("Cached")
        self._loss = torch.tensor(float("nan"))
        self.step_rate = 0.0
        self.tokens_seen = 0
        event: Any = torch.cuda.Event  # torch's own, without types
        self._arrived = event() if model.device.type == "cuda" else None
        super().__init__(
            model=model, train_dataset=dataset, loss=loss,
            data_collator=cast(SentenceTransformerDataCollator, Collator(model)),  # of which only calling is asked
            args=SentenceTransformerTrainingArguments(
                output_dir=str(output), num_train_epochs=recipe.epochs, per_device_train_batch_size=recipe.batch_size,
                learning_rate=recipe.learning_rate, seed=recipe.seed, optim="adamw_torch_fused",
                use_cpu=processes.world() > 1 and model.device.type == "cpu",  # else accelerate does not let them share
                # Events and checks are the watcher's work; the trainer itself logs, checks and saves nothing.
                logging_strategy="no", eval_strategy="no", save_strategy="no", report_to="none", disable_tqdm=True,
                dataloader_pin_memory=model.device.type == "cuda", logging_nan_inf_filter=False,
            ),
        )
        self.remove_callback(PrinterCallback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the library's card would tokenise the data again; the workbench writes its own."""

    def get_batch_sampler(  # type: ignore[override]  # what else the library says is not for these batches
        self, dataset: Any, batch_size: int, drop_last: bool, **kwargs: Any
    ) -> BalancedBatches:
        """This process's share of balanced batches in which no text is there twice."""
        return BalancedBatches(
            len(dataset), batch_size, self._texts, self.args.seed, processes.rank(), processes.world()
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The library's; where several processes train, without its own way of dealing out whole batches: the share of
        each is dealt out by the batches themselves, so that the steps of a pass stay as planned."""
        loader: DataLoader[Any]
        if processes.world() == 1:
            loader = super().get_train_dataloader()
            return loader
        loader = self._build_dataloader(self.train_dataset, self.args.train_batch_size, dataset_kind="train")
        loader = prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)
        return loader

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Linear warm-up and decay. Unlike the library's, no step has a rate of 0: few steps are too few to waste."""
        warmup = round(self._warmup * num_training_steps)

        def share(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            return max(0, num_training_steps - step) / max(1, num_training_steps - warmup)

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, share)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def collect_features(self, inputs: dict[str, Any]) -> tuple[list[dict[str, Any]], torch.Tensor | None]:
        """The library's: each side's features, and the labels; on a GPU all sides are read here, in one pass."""
        features, labels = super().collect_features(inputs)
        if self._in_one_pass:
            read_together(self.model, features)
        return features, labels

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss as the library computes it; remembers it for the step's event."""
        lengths = {key: value for key, value in inputs.items() if key.endswith("_lengths")}
        self.tokens_seen += sum(int(value.sum()) for value in lengths.values())
        if not self._unpadded:  # nobody else reads them
            inputs = {key: value for key, value in inputs.items() if key not in lengths}
        self.step_rate = self.optimizer.param_groups[0]["lr"]
        loss: Any = super().compute_loss(cast(SentenceTransformer, model), inputs, *args, **kwargs)
        self._loss = processes.mean(loss.detach()).to("cpu", non_blocking=True)
        if self._arrived is not None:
            self._arrived.record()
        return loss

    def read_loss(self) -> float:
        """The newest step's loss, of all processes. A GPU is waited for until it has that, and not until the step is done: so
        it is at work on the rest while the next step is being made ready.

        Raises:
            LossNotFinite: it is no number to go on from.
        """
        if self._arrived is not None:
            self._arrived.synchronize()
        loss = float(self._loss)
        if not np.isfinite(loss):
            raise LossNotFinite(f"At step {self.state.global_step} it came out as {loss}.")
        return loss

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """The weights alone: tokenizer, settings and model card do not change while training."""
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        checkpoints.save_weights(state_dict or self.model.state_dict(), folder / checkpoints.WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        self.model.load_state_dict(checkpoints.load_weights(Path(checkpoint_path) / checkpoints.WEIGHTS))


@dataclass(frozen=True)
class Leg:
    """A training among those of a run, in steps.

    Attributes:
        steps: its own, after which it ends; its schedule may go further.
        before, after: those of the trainings before and after it; ``after`` at most.
    """

    steps: int
    before: int = 0
    after: int = 0


class _Decision(IntFlag):
    """What comes after a step."""

    GO_ON = 0
    STOP = 1  # the person asked for it
    END = 2  # nothing better has come for a while
    SAVE = 4


class Watcher(TrainerCallback):  # type: ignore[misc]  # the library's types are not read
    """After each step: its event, the held-out check, the checkpoint, and whether to stop.

    Attributes:
        stopped: whether the person asked to stop.
    """

    def __init__(
        self, trainer: Trainer, run: Run, events: EventWriter, recipe: Recipe, held_out: HeldOut | Unseen | None, best: Best,
        check_every: int, leg: Leg,
    ):
        self._trainer = trainer
        self._run = run
        self._events = events
        self._recipe = recipe
        self._held_out = held_out
        self._best = best
        self._check_every = check_every
        self._leg = leg
        self._process = psutil.Process()
        self.stopped = False

    @property
    def _progress(self) -> Progress:
        return self._best.progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.monotonic()
        self._began = self._last_event = self._last_checkpoint = now
        self._steps_here = 0
        self._training_here = self._checking_here = 0.0
        self._checks_here = 0
        self._checkpoint_cost = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._step_began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loss = self._trainer.read_loss()
        # The first process decides, and all do what it says: they take every step and every checkpoint together.
        decided = _Decision(processes.agree(int(self._decide(state) if processes.is_first() else 0), args.device))
        self.stopped = _Decision.STOP in decided
        control.should_training_stop |= bool(decided & (_Decision.STOP | _Decision.END))
        control.should_save |= _Decision.SAVE in decided

    def _decide(self, state: Any) -> "_Decision":
        """Tell of the step, check if it is time for it, and say what comes next."""
        now = time.monotonic()
        self._steps_here += 1
        self._training_here += now - self._step_began
        self._progress.seconds += now - self._step_began
        step, last = state.global_step, state.global_step >= self._leg.steps
        decided = _Decision.STOP if self._run.stop_file.exists() else _Decision.GO_ON
        if last and step < state.max_steps:
            decided |= _Decision.END
        if self._step_is_due(step) or last or decided:
            self._tell(state)
        if self._held_out is not None and (step % self._check_every == 0 or last or decided):
            self._ask(self._held_out, state)
            if self._progress.since_best >= chosen(self._recipe.patience):
                decided |= _Decision.END
        if _Decision.STOP in decided or (not decided and not last and self._checkpoint_is_due()):
            self._save_began = time.monotonic()
            checkpoints.require_space(self._run.folder, 5 * sum(p.nbytes for p in self._trainer.model.parameters()))
            decided |= _Decision.SAVE
        return decided

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        processes.wait()  # each writes its own random state: complete only when all of them have
        if not processes.is_first():
            return
        checkpoints.complete(self._run.checkpoints, state.global_step, self._progress, self._best.weights)
        self._events.write("checkpoint", step=self._leg.before + state.global_step)
        self._last_checkpoint = time.monotonic()
        self._checkpoint_cost = self._last_checkpoint - self._save_began

    def _ask(self, held_out: HeldOut | Unseen, state: Any) -> None:
        """Score the held-out questions and keep the weights if they are the best."""
        began = time.monotonic()
        scores = held_out.check(self._trainer.model, state.global_step)
        best = self._best.offer(state.global_step, scores, self._trainer.model)
        self._checks_here += 1
        self._checking_here += time.monotonic() - began
        self._events.write(
            "held_out", step=self._leg.before + state.global_step, **{"pass": round(state.epoch, 4)}, **scores, base=False,
            best=best, **held_out.about,
        )

    @property
    def _steps(self) -> int:
        """All steps of the run."""
        return self._leg.before + self._leg.steps + self._leg.after

    def _step_is_due(self, step: int) -> bool:
        quiet = max(_QUIET_SECONDS, (time.monotonic() - self._began) / 500)
        return (
            self._steps_here == 1 or step % max(1, self._steps // _STEP_EVENTS) == 0
            or time.monotonic() - self._last_event >= quiet
        )

    def _checkpoint_is_due(self) -> bool:
        least, most = _CHECKPOINT_SECONDS
        wait = min(most, max(least, self._checkpoint_cost / _CHECKPOINT_SHARE, self._progress.seconds / 10))
        return time.monotonic() - self._last_checkpoint >= wait

    def _tell(self, state: Any) -> None:
        self._last_event = time.monotonic()
        self._events.write(
            "step", step=self._leg.before + state.global_step, steps=self._steps, **{"pass": round(state.epoch, 4)},
            loss=self._loss, learning_rate=self._trainer.step_rate,
            tokens_per_second=round(processes.world() * self._trainer.tokens_seen / self._training_here, 1),
            seconds_left=round(self._seconds_left(state), 1), memory=self._process.memory_info().rss,
        )

    def _seconds_left(self, state: Any) -> float:
        """From what steps and checks took since this worker started: right after a resume as well."""
        left = self._leg.steps + self._leg.after - state.global_step
        seconds: float = left * self._training_here / self._steps_here
        if self._held_out is not None and self._checks_here:
            seconds += left / self._check_every * self._checking_here / self._checks_here
        return seconds


def clear(folder: Path) -> None:
    """Remove the checkpoints of a run that is done."""
    shutil.rmtree(folder, ignore_errors=True)
