"""Two models on the same questions: computed once; every chart, the verdict and the report are functions of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.health import Figure, figures, kept
from core.evaluation.intervals import Intervals, intervals_of, intervals_once
from core.evaluation.keywords import Keywords, measure_keywords
from core.evaluation.measurement import Measurement, measure, measure_keywords_once, measure_model
from core.evaluation.pool import Pool, build_pool
from core.evaluation.sizes import Size, size_table
from core.evaluation.statistics import Interval
from core.models import ModelRef
from core.pairs.dataset import PairSet
from core.workspace import Workspace

Evidence = Literal["held-out", "five folds", "training pairs"]
Why = Literal["improved", "worse", "typical"]
Vectors = tuple[np.ndarray, np.ndarray]

#: Below this many independent questions nothing is called better or worse.
FEWEST = 8
#: A loss is clear where chance alone does as much in fewer than 5 of 100 cases. A gain needs fewer than 1: a training
#: keeps the best of its checks on these very questions, and with 5 a model that learned nothing would be called better
#: in about 11 of 100 trainings (``benchmarks.calibration``).
CLEAR_LOSS, CLEAR_GAIN = 0.05, 0.01
#: The most training rows that are asked about when nothing was kept aside.
TRAINING_SAMPLE = 1000


@dataclass(frozen=True)
class Comparison:
    """What two models do on one pool, and how sure the difference is.

    Attributes:
        pool: the questions, the answers and the held-out pairs.
        base, tuned: what each model does on the pool.
        evidence: "held-out"; "five folds" where five models were each asked about pairs that they had never seen; or
            "training pairs" where nothing was kept aside: then nothing is called better.
        intervals: how sure each difference is.
        bm25: what keyword search does on the same pool; None where it was not asked.
    """

    pool: Pool = field(repr=False)
    base: Measurement = field(repr=False)
    tuned: Measurement = field(repr=False)
    evidence: Evidence
    intervals: Intervals
    bm25: Keywords | None = field(default=None, repr=False)

    @property
    def unseen(self) -> bool:
        """Whether no model was asked about pairs that it had learned."""
        return self.evidence != "training pairs"

    @property
    def changes(self) -> dict[str, Interval]:
        """tuned minus base for each of ``METRICS``, with 95 % intervals."""
        return self.intervals.changes

    @property
    def ps(self) -> dict[str, float]:
        """The two-sided sign-flip p of each change."""
        return self.intervals.ps

    @property
    def p(self) -> float:
        """The p of the change in ndcg@10, the measure that decides."""
        return self.ps["ndcg@10"]

    @cached_property
    def independent(self) -> int:
        """How many independent observations there are: questions that share texts or a document are one."""
        return len(np.unique(self.pool.components))

    @property
    def improved(self) -> int:
        """How many questions have their best right answer at a better rank under the tuned model."""
        return int(np.count_nonzero(self.tuned.rank < self.base.rank))

    @property
    def worse(self) -> int:
        """How many questions have their best right answer at a worse rank under the tuned model."""
        return int(np.count_nonzero(self.tuned.rank > self.base.rank))

    @property
    def stayed(self) -> int:
        """How many questions have their best right answer at the same rank under both."""
        return len(self.pool.queries) - self.improved - self.worse

    @property
    def better(self) -> bool | None:
        """True or False where held-out ndcg@10 clearly rose or fell; None where it cannot be told.

        Both tests must agree: the interval leaves out 0, and chance alone (random sign flips) would hardly do this.
        The second keeps three lucky questions out of a handful, and the luckiest of ten checks, from counting as proof.
        """
        change = self.changes["ndcg@10"]
        clear = CLEAR_GAIN if change.mean > 0 else CLEAR_LOSS
        if not self.unseen or self.independent < FEWEST or change.holds_zero or self.p >= clear:
            return None
        return change.mean > 0

    @property
    def against_bm25(self) -> dict[str, Interval]:
        """ndcg@10 of "base" and of "tuned" minus that of keyword search, with 95 % intervals; empty without it."""
        return self.intervals.against_bm25

    @cached_property
    def neighbours_kept(self) -> np.ndarray:
        """For each of ``health.sampled`` texts the share (0 to 1) of its ten nearest that training left among them."""
        return kept(self.base.neighbours, self.tuned.neighbours)

    @cached_property
    def health(self) -> list[Figure]:
        """The state of both spaces, a line a figure, each with what it means."""
        return figures(self.base, self.tuned, float(np.mean(self.neighbours_kept)))

    @cached_property
    def sizes(self) -> list[Size]:
        """Both models with vectors of each size, the whole ones first."""
        return size_table(self.pool, self.base, self.tuned, self.intervals.sizes)


def compare_vectors(
    pool: Pool, base_vectors: Vectors, tuned_vectors: Vectors, evidence: Evidence = "held-out"
) -> Comparison:
    """Compare two models from their vectors (of ``pool.queries``, of ``pool.corpus``), [n, d] each, of any length."""
    return compare_measured(
        pool, measure(pool, *base_vectors), measure(pool, *tuned_vectors), evidence, measure_keywords(pool)
    )


def compare_measured(
    pool: Pool, base: Measurement, tuned: Measurement, evidence: Evidence = "held-out", bm25: Keywords | None = None
) -> Comparison:
    """Compare two measurements of one pool."""
    return Comparison(pool, base, tuned, evidence, intervals_of(pool, base, tuned, bm25), bm25)


def compare(
    base: ModelRef, tuned: ModelRef, held_out: pd.DataFrame, everything: pd.DataFrame, workspace: Workspace,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare two models on a set; what was measured before is read from the workspace's cache.

    Args:
        held_out: rows that neither model trained on; with a ``component`` column, or it is worked out.
        everything: all rows of the set: their answers are the pool. Asked about where ``held_out`` has no rows.
        progress: ``progress(done, all)`` while texts are turned into vectors.

    Raises:
        WorkbenchError: no row has a question with a right answer.
    """
    pool, evidence = pool_for(held_out, everything)

    def part(number: int) -> Callable[[int, int], None] | None:
        return progress and (lambda done, total: progress(number * total + done, 2 * total))

    sides = measure_model(base, pool, workspace, part(0)), measure_model(tuned, pool, workspace, part(1))
    bm25 = measure_keywords_once(pool, workspace)
    known = intervals_once(f"{base.digest[:32]}-{tuned.digest[:32]}", pool, *sides, bm25, workspace)
    return Comparison(pool, *sides, evidence, known, bm25)


def pool_for(held_out: pd.DataFrame, everything: pd.DataFrame) -> tuple[Pool, Evidence]:
    """The pool of the held-out questions; where there are none, of training questions (at most 1000, by chance).

    Raises:
        WorkbenchError: no row has a question with a right answer.
    """
    pool = build_pool(_with_components(held_out), everything) if len(held_out) else None
    if pool is not None and pool.queries:
        return pool, "held-out"
    trained = everything if len(everything) <= TRAINING_SAMPLE else everything.sample(TRAINING_SAMPLE, random_state=0)
    pool = build_pool(_with_components(trained), everything)
    if not pool.queries:
        raise WorkbenchError(
            "There is nothing to compare the models with.", "No row of this data says which texts belong together.",
            "Bring pairs in which at least some texts belong together (a label of 1, or a score of 0.5 or more).",
        )
    return pool, "training pairs"


def _with_components(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that come from a file instead of a run have not been split, so nobody has looked at what they share."""
    if "component" in rows:
        return rows
    from core.pairs.split import components

    return rows.assign(component=components(PairSet("", "pairs", {}, rows.reset_index(drop=True))))


def pairs_table(comparison: Comparison, with_places: bool = False) -> pd.DataFrame:
    """The held-out pairs with what each model makes of them, those that lost the most places first.

    Columns: ``row``, ``question``, ``answer``, ``rank_base`` and ``rank_tuned`` (masked rank of this answer, 1 is
    first), ``change`` (places gained; negative: lost), ``cosine_base``, ``cosine_tuned``. Among equal changes the
    worst rank under the tuned model comes first.

    Args:
        with_places: whether there is a column ``pair`` as well: where the pair is in ``pool.pairs``.
    """
    pool, pairs = comparison.pool, comparison.pool.pairs
    table = pd.DataFrame({
        "row": pairs["row"],
        "question": [pool.queries[query] for query in pairs["query"]],
        "answer": [pool.corpus[answer] for answer in pairs["answer"]],
        "rank_base": comparison.base.pair_rank,
        "rank_tuned": comparison.tuned.pair_rank,
        "change": comparison.base.pair_rank - comparison.tuned.pair_rank,
        "cosine_base": comparison.base.matched.astype(float),
        "cosine_tuned": comparison.tuned.matched.astype(float),
    })
    if with_places:
        table["pair"] = np.arange(len(table))
    return table.sort_values(["change", "rank_tuned", "row"], ascending=[True, False, True], ignore_index=True)


@dataclass(frozen=True)
class Example:
    """A pair worth trying out: ``why`` is "improved", "worse" or "typical"."""

    why: Why
    row: int
    question: str
    answer: str


def example_pairs(comparison: Comparison, count: int = 6) -> list[Example]:
    """Up to ``count`` pairs to try: a third that improved most, a third that got worse most, the rest typical ones.

    Most is by reciprocal rank: from 3 to 1 is a greater change than from 80 to 40. Typical pairs are those whose
    cosine moved about as much as the median pair's.
    """
    table = pairs_table(comparison)
    gain = 1 / table["rank_tuned"] - 1 / table["rank_base"]
    improved = gain[gain > 0].sort_values(ascending=False, kind="stable").index[: count // 3]
    worse = gain[gain < 0].sort_values(kind="stable").index[: count // 3]
    moved = (table["cosine_tuned"] - table["cosine_base"]).drop(improved).drop(worse)
    typical = (moved - moved.median()).abs().sort_values(kind="stable").index[: count - len(improved) - len(worse)]
    kinds: dict[Why, pd.Index] = {"improved": improved, "worse": worse, "typical": typical}
    return [
        Example(why, int(pair["row"]), pair["question"], pair["answer"])
        for why, chosen in kinds.items()
        for pair in table.loc[chosen].to_dict("records")
    ]
