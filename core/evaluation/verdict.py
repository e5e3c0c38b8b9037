"""What a comparison means, in words for people who do not know the measures. Pure functions of a Comparison."""

from typing import Literal

from core.evaluation.comparison import CLEAR_LOSS, FEWEST, Comparison
from core.evaluation.statistics import smallest_tellable_change

Kept = Literal["tuned", "base"]

_ASKED = "asked of five models, each of which never saw the pairs it was asked about"
#: What five folds are, as part of a sentence.
FIVE_FOLDS = f"{_ASKED}, while the model you take home learned from all of them"

#: Fewer training pairs than this are named as a likely cause when nothing was learned.
FEW_PAIRS = 100


def verdict(comparison: Comparison, kept: Kept | None = None, training_pairs: int | None = None) -> str:
    """One sentence: is the tuned model better, by how much, and how sure.

    Args:
        kept: "base" where training ended with the base model kept, since no checkpoint beat it on held-out questions.
        training_pairs: how many pairs it was trained on, where known.
    """
    if comparison.evidence == "training pairs":
        return (
            "Nothing can be told about new questions, as none was kept out of training: on pairs that were trained on, "
            f"{_first(comparison)}; keep some pairs aside to find out."
        )
    figures = f"{_first(comparison)}; {_moved(comparison)}; {_change(comparison)}"
    if comparison.evidence == "five folds":
        figures += f"; {FIVE_FOLDS if kept != 'base' else _ASKED}"
    if kept == "base":
        likely = ", or ".join(_causes(comparison, training_pairs)[:2])
        kept_base = "Your data did not improve this model, so the base model was kept"
        return f"{kept_base}: at best {figures}; likely cause: {likely}."
    if comparison.better is not None:
        return f"The tuned model is {'better' if comparison.better else 'worse'}: {figures}."
    if comparison.independent < FEWEST:
        return f"Too few held-out questions to tell: {figures}, but {_limit(comparison)}."
    if not comparison.changes["ndcg@10"].holds_zero and comparison.p < CLEAR_LOSS:
        if comparison.evidence == "five folds":
            return f"No clear change: {figures}, but chance alone would do as much in {comparison.p:.0%} of cases."
        return (
            f"No clear change: {figures}, but choosing the luckiest of several checks on these questions, as training "
            "does, could alone have done it."
        )
    if not comparison.changes["ndcg@10"].holds_zero:
        return f"No clear change: {figures}, but so few questions moved that chance alone could have done it."
    if not comparison.improved and not comparison.worse:
        return f"No change: {figures}."
    return f"No clear change: {figures}, but {_limit(comparison)}."


def warning(comparison: Comparison) -> str | None:
    """What similarity alone would hide: scores that rose for unrelated texts as well, without a better ranking."""
    base, tuned = comparison.base, comparison.tuned
    if base.floor is None or tuned.floor is None or tuned.auc is None or base.auc is None:
        return None
    matched = float(base.matched.mean()), float(tuned.matched.mean())
    if tuned.floor.mean > max(0.95, base.floor.mean):
        return (
            f"The tuned model gives nearly the same vector to every text (unrelated texts score {tuned.floor.mean:.2f} "
            "on average), so its similarities say nothing. Train again with a lower learning rate."
        )
    rose = matched[1] > matched[0] + 0.02 and tuned.floor.mean > base.floor.mean + 0.02
    wider = matched[1] - tuned.floor.mean > matched[0] - base.floor.mean + 0.01 and tuned.auc >= base.auc
    if rose and not wider and comparison.better is not True:
        return (
            f"All similarities rose, those of texts that belong together from {matched[0]:.2f} to {matched[1]:.2f} and "
            f"those of unrelated texts from {base.floor.mean:.2f} to {tuned.floor.mean:.2f}, but right and wrong "
            "answers are no easier to tell apart: the higher scores do not make this a better model."
        )
    return None


def keyword_sentence(comparison: Comparison) -> str | None:
    """Whether each model is better than keyword search, in words; None where that was not asked."""
    if comparison.bm25 is None:
        return None
    first = int(comparison.bm25.metrics["hit@1"].sum())
    words = f"Keyword search (BM25) puts the right answer first for {first:,} of {len(comparison.pool.queries):,}"
    leads = [f"the {name} model {_against(comparison, name)}" for name in ("tuned", "base")]
    if not comparison.unseen:
        leads = leads[1:]  # the tuned model has learned these very pairs
    return f"{words}; " + ", and ".join(leads) + "."


def _against(comparison: Comparison, name: str) -> str:
    lead = comparison.against_bm25[name]
    if comparison.independent < FEWEST or lead.ends is None or lead.holds_zero:
        return "is not clearly better or worse than that"
    interval = f"95 % interval {' to '.join(map(_signed, lead.ends))}"
    how = "better" if lead.mean > 0 else "worse"
    return f"is {how} by {abs(lead.mean):.2f} in nDCG@10 ({interval})"


def causes(comparison: Comparison, training_pairs: int | None = None) -> list[str]:
    """Likely reasons why training did not help, the likeliest first, as sentences."""
    return [cause[0].upper() + cause[1:] + "." for cause in _causes(comparison, training_pairs)]


def _causes(comparison: Comparison, training_pairs: int | None) -> list[str]:
    found = []
    already = float(comparison.base.metrics["hit@1"].mean())
    if already >= 0.9:
        found.append(f"the base model already puts the right answer first for {already:.0%} of the questions, so "
                     "little is left to gain")
    if warning(comparison):
        found.append("training pushed all texts together, which a lower learning rate avoids")
    if training_pairs is not None and training_pairs < FEW_PAIRS:
        found.append(f"{training_pairs} training pairs are few to learn from, and more pairs help most")
    if comparison.base.auc is not None and comparison.base.auc < 0.9:
        found.append("many pairs look unrelated to the base model, so questions and answers may be wrongly matched "
                     "(look at the odd pairs on the Pairs tab)")
    if comparison.independent < 50:
        found.append(f"{len(comparison.pool.queries)} held-out questions are too few to see a small gain")
    found.append("the held-out questions may be about other things than the training pairs")
    return found


def _first(comparison: Comparison) -> str:
    base, tuned = (int(one.metrics["hit@1"].sum()) for one in (comparison.base, comparison.tuned))
    questions, answers = len(comparison.pool.queries), len(comparison.pool.corpus)
    aside = "held-out " if comparison.evidence == "held-out" else ""
    return (
        f"the right answer comes first for {base:,} → {tuned:,} of {questions:,} "
        f"{aside}question{'s' if questions != 1 else ''} ({answers:,} answers to choose from)"
    )


def _moved(comparison: Comparison) -> str:
    return f"{comparison.improved:,} improved, {comparison.worse:,} got worse, {comparison.stayed:,} stayed"


def _change(comparison: Comparison) -> str:
    change = comparison.changes["ndcg@10"]
    by = f"{abs(change.mean):.2f}"
    how = "hardly moved" if by == "0.00" else f"rose by {by}" if change.mean > 0 else f"fell by {by}"
    if change.ends is None:
        return f"ranking quality (nDCG@10) {how}"
    if not comparison.improved and not comparison.worse and change.mean == 0:
        return "ranking quality (nDCG@10) did not move"
    return f"ranking quality (nDCG@10) {how} (95 % interval {' to '.join(map(_signed, change.ends))})"


def _limit(comparison: Comparison) -> str:
    questions, independent = len(comparison.pool.queries), comparison.independent
    groups = f" in {independent} groups that share texts" if independent < questions else ""
    low, high = comparison.changes["ndcg@10"].ends or (0.0, 0.0)
    # Never less than these very questions could tell: 2.8 standard errors, of which the interval spans 3.92.
    spread = 2.8 / 3.92 * (high - low)
    least = min(1.0, max(smallest_tellable_change(independent), spread))
    return (
        f"with {questions:,} question{'s' if questions != 1 else ''}{groups} only a change of about {least:.2f} can be "
        "told"
    )


def _signed(value: float) -> str:
    """Two digits, with a real minus sign and without ``-0.00``."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
