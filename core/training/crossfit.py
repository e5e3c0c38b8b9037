"""Five trainings that each leave out a fifth of the pairs, and a last one on all of them, for as long as the five found best.

Each fold's model is asked about the fifth that it never saw, after each pass; ``folds.choose`` says which pass to believe. A
finished fold is on disk and is not trained again. Stopped before the last training has ended, the run has the best model
of the first fold (or of what there is of it), and a verdict on the pairs that this model never saw.
"""

import gc
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.evaluation.comparison import compare_measured, compare_vectors
from core.evaluation.crossfit import CrossFit, folds_of
from core.evaluation.keywords import measure_keywords
from core.evaluation.measurement import measure
from core.evaluation.scores import score
from core.models import ModelRef
from core.pairs.split import FOLDS
from core.recipe import chosen
from core.runs.events import EventWriter
from core.runs.run import Run
from core.training import checkpoints, processes
from core.training.checkpoints import Checkpoint
from core.training.checks import Best, HeldOut, Progress, value
from core.training.course import Ended, learner, measuring, read, steps_a_pass, train
from core.training.folds import FoldFiles, Passes, Unseen, choose, scores_of
from core.training.job import Job
from core.training.outcome import Outcome
from core.training.trainer import Leg
from core.workspace import read_object, write_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: The last training, which learns from all pairs; the folds are 1 to ``FOLDS``.
_LAST = FOLDS + 1


class CrossFitting:
    """The six trainings of a run."""

    def __init__(self, job: Job, run: Run, events: EventWriter, base: ModelRef, checkpoint: Checkpoint | None):
        self._run, self._events, self._base, self._checkpoint = run, events, base, checkpoint
        self._recipe = job.recipe
        self._kept = checkpoints.read(checkpoint) if checkpoint else (Progress(), None)
        self._first = processes.is_first()
        folder = run.checkpoints / checkpoints.FOLDS
        passes = chosen(self._recipe.epochs)
        self._files = FoldFiles(folder, passes)
        self._best_of_first, self._step_of_first = folder / "first.safetensors", folder / "first.json"
        self._all = job.train()
        fold = self._all["fold"]
        self._rows = {number: self._all[fold != number].reset_index(drop=True) for number in range(1, _LAST + 1)}
        self._a_pass = {number: steps_a_pass(rows, self._recipe) for number, rows in self._rows.items()}
        self._passes = dict.fromkeys(self._rows, passes)  # of the last one at most, until the folds are done

    def outcome(self) -> Outcome | None:
        """Train all that is not trained yet; None in the processes that only help."""
        gc.collect()
        gc.freeze()  # each training begins with a collection, which need not look at the libraries again: 0.3 s each
        try:
            return self._outcome()
        finally:
            gc.unfreeze()

    def _outcome(self) -> Outcome | None:
        if self._first:
            self._events.write("stage", stage="scoring base", text="Measuring what the model can do before training.")
            asked = learner(self._recipe, self._base)
            self._whole = HeldOut(asked, self._all, self._all.head(0), self._recipe.seed)
            self._before = self._whole.vectors_before(asked, self._base, self._run.workspace, measuring(self._events))
            self._fold_of = folds_of(self._whole.pool, self._all)
        for fold in range(1, _LAST):
            if not self._agree(self._is_finished(fold) if self._first else False) and self._train_fold(fold).stopped:
                return self._stopped() if self._first else None
        passes = self._choose() if self._first else None
        self._passes[_LAST] = final = self._agree(passes.final if passes else 0)
        model = learner(self._recipe, self._base) if final else None
        ended = Ended(0, False)
        if model is not None:
            count = "one pass" if final == 1 else f"{final} passes"
            said = f"learning from all {len(self._all):,} pairs, for the {count} that the five found best"
            ended = self._train(_LAST, said, model, None, keeps=False)
            if ended.step < self._steps(_LAST):
                return self._stopped() if self._first else None
        return self._finished(model, passes, ended.step) if passes else None

    def _train_fold(self, fold: int) -> Ended:
        """Train the model that does not see ``fold``, and ask it after each pass."""
        learns, aside = len(self._rows[fold]), len(self._all) - len(self._rows[fold])
        said = f"learning from {learns:,} pairs, and asked about the other {aside:,}"
        unseen = None
        if self._first:
            unseen = Unseen(self._whole, fold, self._fold_of, self._files, self._a_pass[fold])
        ended = self._train(fold, said, learner(self._recipe, self._base), unseen, keeps=fold == 1)
        if self._first and not ended.stopped:
            checkpoints.remove_incomplete(self._run.checkpoints, None)
        return ended

    def _train(
        self, number: int, said: str, model: "SentenceTransformer", unseen: Unseen | None, *, keeps: bool
    ) -> Ended:
        """The run's training ``number``, from its checkpoint where there is one; ``keeps``: whether its best weights, too."""
        before = sum(map(self._steps, range(1, number)))
        leg = Leg(self._steps(number), before, sum(map(self._steps, range(number + 1, _LAST + 1))))
        resumes = self._agree(self._resumes(number) if self._first else False)
        checkpoint = self._checkpoint if resumes else None
        progress, weights = self._kept if resumes else (Progress(leg=number, before=before), None)
        best = Best(self._recipe, progress, weights, keeps)
        self._events.write(
            "stage", stage="training", text=f"Training {number} of {_LAST}: {said}.", number=number, before=before,
            done=checkpoint.step if checkpoint else 0, steps=leg.steps,
        )
        if unseen is not None:
            progress.base = unseen.scores(self._before)
            self._events.write(
                "held_out", step=before, **{"pass": 0.0}, **progress.base, base=True, best=False, **unseen.about
            )
        # no early end: which pass is best is for all folds together to say
        recipe = self._recipe.model_copy(update={"patience": 1 + leg.steps})
        material = read(self._run, self._events, recipe, self._rows[number], model)
        ended = train(
            self._run, self._events, recipe, material, model, unseen, best, checkpoint, leg, self._a_pass[number]
        )
        if keeps and self._first and best.weights is not None:
            checkpoints.require_space(self._run.folder, sum(tensor.nbytes for tensor in best.weights.values()))
            self._best_of_first.parent.mkdir(parents=True, exist_ok=True)
            checkpoints.save_weights(best.weights, self._best_of_first)
            write_json(self._step_of_first, {"step": progress.best_step})
        return ended

    def _steps(self, number: int) -> int:
        return self._passes[number] * self._a_pass[number]

    def _is_finished(self, fold: int) -> bool:
        return self._files.have(fold) and (fold > 1 or self._best_of_first.exists())

    def _resumes(self, number: int) -> bool:
        """Whether the checkpoint is one of training ``number``, and all that its model said before is there."""
        if self._checkpoint is None or self._kept[0].leg != number:
            return False
        return number == _LAST or self._files.have(number, self._checkpoint.step // self._a_pass[number])

    def _agree(self, number: int) -> int:
        """The first process's ``number``, in all of them."""
        return processes.agree(int(number), torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    # ---- what it came to --------------------------------------------------------------------------------------------

    def _choose(self) -> Passes:
        scores = scores_of(self._files, self._whole.pool, self._fold_of, np.concatenate(self._before), FOLDS)
        questions = np.bincount(self._fold_of[: len(self._whole.pool.queries)], minlength=FOLDS).tolist()
        passes = choose(scores, questions, self._recipe)
        if passes.final == 0:  # the base is kept, and the report says what the folds came to at their best
            return Passes(choose(scores, questions, self._recipe, least=1).own, 0)
        return passes

    def _finished(self, model: "SentenceTransformer | None", passes: Passes, step: int) -> Outcome:
        """All folds have been asked; ``model`` is the one that learned from all pairs, None where the base is kept."""
        self._events.write("stage", stage="saving", text="Writing the model and its report.")
        before, pool = np.concatenate(self._before), self._whole.pool
        chosen = [
            self._files.read(fold, passed) if passed else before for fold, passed in enumerate(passes.own, start=1)
        ]
        folds = CrossFit(pool, self._fold_of, np.stack(chosen))
        comparison = compare_measured(
            pool, measure(pool, *self._before), folds.measurement, "five folds", measure_keywords(pool)
        )
        taken = folds if model is not None else CrossFit(pool, self._fold_of, np.stack([before] * FOLDS))
        return Outcome(
            model, comparison, "base" if model is None else "tuned", len(self._all), step, stopped=False, folds=taken,
            more={"passes": {"final": passes.final, "folds": list(passes.own)}},
        )

    def _stopped(self) -> Outcome:
        """The best model of the first fold, and what it makes of the pairs that it never saw."""
        self._events.write("stage", stage="saving", text="Writing the model and its report.")
        model, first = learner(self._recipe, self._base), len(self._whole.pool.queries)
        model.load_state_dict(checkpoints.load_weights(self._best_of_first))
        asked = np.flatnonzero(self._fold_of[:first] == 0)
        pool, after = self._whole.pool.only(asked), self._whole.vectors(model)
        sides = (self._before[0][asked], self._before[1]), (after[0][asked], after[1])
        base, tuned = (score(*side, pool) for side in sides)
        better = value(tuned, base, self._recipe) > value(base, base, self._recipe)
        return Outcome(
            model, compare_vectors(pool, *sides), "tuned" if better else "base", len(self._rows[1]),
            int(read_object(self._step_of_first).get("step", 0)), stopped=True, more={"fold": 1},
        )
