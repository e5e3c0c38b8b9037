"""Does the verdict keep its word? Simulated at the level of vectors: ``python -m benchmarks.calibration [--full]``.

A pool is made of random answers and of questions that lie near their own answer; how near is the quality of a model.
Nothing is trained: a "training" moves the questions' vectors, and the verdict is the workbench's own.

- Nothing to learn: pairs are shuffled, so questions lie anywhere; or training moves the questions about without making
  the model better or worse. As in a run, the best of ten checks on the held-out questions is what is compared, and a
  check is like the one before (correlation 0.8). The verdict must not say "better" in more than 5 %. The same with five
  folds, whose number of passes is chosen for each fold by the four others, as in a run.
- Identical models, and one that is the other turned round, whose figures differ by rounding: never "better".
- A planted improvement: the true change is that of 40,000 questions, the interval that of some of them; it must cover
  the truth in 93 to 97 %. The same with five folds, whose passes are chosen by one another.
"""

import argparse
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.result import Result
from core.evaluation.comparison import compare_measured
from core.evaluation.measurement import measure
from core.evaluation.metrics import metrics
from core.evaluation.pool import Pool
from core.evaluation.ranks import masked_ranks, unit
from core.evaluation.scores import score
from core.evaluation.statistics import Interval, paired_bootstrap
from core.pairs.split import FOLDS
from core.recipe import Recipe
from core.training.folds import choose

REPETITIONS, FULL_REPETITIONS = 200, 1000
QUESTIONS, ANSWERS, DIMENSIONS = 60, 200, 32
CHECKS, LIKE_THE_LAST = 10, 0.8
#: A run's passes over its data, and how alike they leave the questions: with the Bedrock pairs what two passes, one after
#: the other, change in a question's nDCG@10 correlates by 0.95 to 1.00.
PASSES, LIKE_THE_LAST_PASS = 6, 0.98
TRUTH = 40_000
#: Noise of the base and of the tuned questions, and how alike the two are: small, middle and large improvements.
PLANTED = {"small": (3.0, 2.8, 0.8), "middle": (3.0, 2.0, 0.7), "large": (4.0, 1.5, 0.5)}
SIZES = (17, 30, 85, 300)
#: Too few questions, or too few of them that moved: shown, and not counted.
HARD = {"small": (8,), "large": (8,), "nearly perfect base": (17, 30, 85)}
NEARLY_PERFECT = (1.2, 1.0, 0.8)


def make_pool(asked: np.ndarray) -> Pool:
    """A pool whose question i has answer ``asked[i]``."""
    pairs = pd.DataFrame({"row": np.arange(len(asked)), "query": np.arange(len(asked)), "answer": asked})
    return Pool(
        [f"q{at}" for at in range(len(asked))], [f"a{at}" for at in range(ANSWERS)], [np.array([at]) for at in asked],
        pairs, np.arange(len(asked)),
    )


def checks(start: np.ndarray, random: np.random.Generator) -> Iterator[np.ndarray]:
    """The noise of the questions at each check: each like the last, none better than another by design."""
    for _ in range(CHECKS):
        fresh = random.normal(size=start.shape)
        start = LIKE_THE_LAST * start + np.sqrt(1 - LIKE_THE_LAST**2) * fresh
        yield start


def called_better(random: np.random.Generator, nearness: float) -> tuple[bool, bool]:
    """Whether the last and whether the best of ten checks that learned nothing is called better than the base.

    Args:
        nearness: how much of its answer a question holds beside its noise of length 1; 0 for shuffled pairs.
    """
    corpus = unit(random.normal(size=(ANSWERS, DIMENSIONS)))
    asked = random.choice(ANSWERS, QUESTIONS, replace=False)
    pool = make_pool(asked)

    def vectors(noise: np.ndarray) -> np.ndarray:
        return unit(nearness * corpus[asked] + noise / np.sqrt(DIMENSIONS))

    noise = random.normal(size=(QUESTIONS, DIMENSIONS))
    base = measure(pool, vectors(noise), corpus)
    trained = [vectors(one) for one in checks(noise, random)]
    best = max(trained, key=lambda one: metrics(masked_ranks(one, corpus, pool))["ndcg@10"].mean())
    return tuple(
        compare_measured(pool, base, measure(pool, one, corpus)).better is True for one in (trained[-1], best)
    )


def nothing_to_learn(full: bool = False) -> Result:
    """The share of trainings that learned nothing and are called better."""
    repetitions = FULL_REPETITIONS if full else REPETITIONS
    shares = {}
    for name, nearness in (("pairs shuffled", 0.0), ("a base that knows something", 0.4)):
        random = np.random.default_rng(1)
        found = np.array([called_better(random, nearness) for _ in range(repetitions)])
        shares[name] = found.mean(axis=0)
    worst = max(float(share[1]) for share in shares.values())
    words = "; ".join(f"{name}: last check {last:.1%}, best of {CHECKS} {best:.1%}" for name, (last, best) in shares.items())
    return Result(
        "nothing learned, “better”", worst, 0.05, worst <= 0.05,
        f"simulation, {repetitions} times {QUESTIONS} questions of {ANSWERS} answers: {words}",
    )


def folds_called_better(random: np.random.Generator, nearness: float) -> bool:
    """Whether five folds that learned nothing are called better than the base.

    Args:
        nearness: as for ``called_better``.
    """
    corpus = unit(random.normal(size=(ANSWERS, DIMENSIONS)))
    asked = random.choice(ANSWERS, QUESTIONS, replace=False)
    pool = make_pool(asked)
    noise = random.normal(size=(QUESTIONS, DIMENSIONS))
    # a question only counts under the model of its own fold, so the paths of the five can stand in one array
    passes = [unit(nearness * corpus[asked] + one / np.sqrt(DIMENSIONS)) for one in (noise, *checks(noise, random))]
    fold_of = np.arange(QUESTIONS) % FOLDS
    parts = [np.flatnonzero(fold_of == fold) for fold in range(FOLDS)]
    scores = [[score(one[part], corpus, pool.only(part)) for one in passes] for part in parts]
    chosen = choose(scores, [len(part) for part in parts], Recipe(), least=1)
    own = np.stack([passes[chosen.own[fold]][at] for at, fold in enumerate(fold_of)])
    base, tuned = (measure(pool, one, corpus) for one in (passes[0], own))
    return compare_measured(pool, base, tuned, "five folds").better is True


def nothing_to_learn_in_folds(full: bool = False) -> Result:
    """The share of cross-fitted trainings that learned nothing and are called better."""
    repetitions = FULL_REPETITIONS if full else REPETITIONS
    shares = {}
    for name, nearness in (("pairs shuffled", 0.0), ("a base that knows something", 0.4)):
        random = np.random.default_rng(4)
        shares[name] = float(np.mean([folds_called_better(random, nearness) for _ in range(repetitions)]))
    worst = max(shares.values())
    words = "; ".join(f"{name} {share:.1%}" for name, share in shares.items())
    return Result(
        "nothing learned, five folds, “better”", worst, 0.05, worst <= 0.05,
        f"simulation, {repetitions} times {QUESTIONS} questions of {ANSWERS} answers, passes chosen by the other folds: {words}",
    )


def identical(full: bool = False) -> Result:
    """How often a model is called better than itself, or than itself turned round."""
    repetitions = FULL_REPETITIONS if full else REPETITIONS
    random = np.random.default_rng(2)
    cried = 0
    for _ in range(repetitions):
        corpus = unit(random.normal(size=(ANSWERS, DIMENSIONS)))
        asked = random.choice(ANSWERS, QUESTIONS, replace=False)
        pool = make_pool(asked)
        queries = corpus[asked] + 2 * random.normal(size=(QUESTIONS, DIMENSIONS)) / np.sqrt(DIMENSIONS)
        turn, _ = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))
        base, same, turned = (
            measure(pool, *sides) for sides in ((queries, corpus), (queries, corpus), (queries @ turn, corpus @ turn))
        )
        cried += any(compare_measured(pool, base, other).better is not None for other in (same, turned))
    return Result(
        "identical, “better”", cried / repetitions, 0.0, cried == 0, f"simulation, {repetitions} times, also turned round"
    )


def differences(base: float, tuned: float, alike: float, random: np.random.Generator) -> np.ndarray:
    """nDCG@10 of the tuned model minus that of the base, for ``TRUTH`` questions."""
    corpus = unit(random.normal(size=(ANSWERS, DIMENSIONS)))
    asked = random.integers(ANSWERS, size=TRUTH)
    pool = make_pool(asked)
    noise = random.normal(size=(TRUTH, DIMENSIONS))
    other = alike * noise + np.sqrt(1 - alike**2) * random.normal(size=noise.shape)
    scores = [
        metrics(masked_ranks(unit(corpus[asked] + scale * one / np.sqrt(DIMENSIONS)), corpus, pool))["ndcg@10"]
        for scale, one in ((base, noise), (tuned, other))
    ]
    return scores[1] - scores[0]


def coverage(population: np.ndarray, questions: int, repetitions: int, random: np.random.Generator) -> float:
    """How often the interval of so many questions covers the mean of all of them."""
    truth, covered = population.mean(), 0
    for _ in range(repetitions):
        found = paired_bootstrap(random.choice(population, questions), np.arange(questions), resamples=2000)
        covered += found.low <= truth <= found.high
    return covered / repetitions


def planted(full: bool = False) -> Result:
    """How often the interval covers the true change: the mean over sizes of change and numbers of questions."""
    repetitions = FULL_REPETITIONS if full else REPETITIONS
    random = np.random.default_rng(3)
    populations = {name: differences(*levels, random) for name, levels in PLANTED.items()}
    found = {
        (name, questions): coverage(population, questions, repetitions, random)
        for name, population in populations.items() for questions in SIZES
    }
    populations["nearly perfect base"] = differences(*NEARLY_PERFECT, random)
    hard = {
        (name, questions): coverage(populations[name], questions, repetitions, random)
        for name, some in HARD.items() for questions in some
    }
    # 93 to 97 % of all of them; each alone within what chance leaves of that (three standard errors).
    slack = 3 * np.sqrt(0.95 * 0.05 / repetitions)
    mean = float(np.mean(list(found.values())))
    met = 0.93 <= mean <= 0.97 and all(0.93 - slack <= one <= 0.97 + slack for one in found.values())

    def words(some: dict) -> str:
        return ", ".join(f"{name} n={questions} {share:.1%}" for (name, questions), share in some.items())

    return Result(
        "interval covers truth", mean, 0.95, met,
        f"simulation, {repetitions} times each: {words(found)}; not counted: {words(hard)}",
    )


def planted_in_folds(full: bool = False) -> Result:
    """How often the interval of five folds covers the true change, though each fold's passes are chosen by the others."""
    repetitions = FULL_REPETITIONS if full else REPETITIONS
    found = {}
    for questions in (40, 85):
        random = np.random.default_rng(6)
        intervals = [folds_interval(random, questions) for _ in range(repetitions)]
        truth = np.mean([one.mean for one in intervals])  # every pass is as good as the next, and the choice is blind
        found[questions] = float(np.mean([one.low <= truth <= one.high for one in intervals]))
    mean, slack = float(np.mean(list(found.values()))), 3 * np.sqrt(0.95 * 0.05 / repetitions)
    met = 0.93 <= mean <= 0.97 and all(0.93 - slack <= one <= 0.97 + slack for one in found.values())
    words = ", ".join(f"n={questions} {share:.1%}" for questions, share in found.items())
    return Result(
        "five folds' interval covers", mean, 0.95, met,
        f"simulation, {repetitions} times each, {PASSES} equally good passes that are alike to {LIKE_THE_LAST_PASS}: {words}",
    )


def folds_interval(random: np.random.Generator, questions: int) -> Interval:
    """The interval of a planted improvement, found with five folds."""
    scale, tuned, alike = PLANTED["middle"]
    corpus = unit(random.normal(size=(ANSWERS, DIMENSIONS)))
    asked = random.choice(ANSWERS, questions, replace=False)
    pool, noise = make_pool(asked), random.normal(size=(questions, DIMENSIONS))
    after = alike * noise + np.sqrt(1 - alike**2) * random.normal(size=noise.shape)
    steps = [(scale, noise)]
    for _ in range(PASSES):
        steps.append((tuned, after))
        fresh = random.normal(size=noise.shape)
        after = LIKE_THE_LAST_PASS * after + np.sqrt(1 - LIKE_THE_LAST_PASS**2) * fresh
    passes = [unit(corpus[asked] + size * one / np.sqrt(DIMENSIONS)) for size, one in steps]
    fold_of = np.arange(questions) % FOLDS
    scores = np.stack([metrics(masked_ranks(one, corpus, pool))["ndcg@10"] for one in passes])
    parts = [fold_of == fold for fold in range(FOLDS)]
    known = [[{"ndcg@10": float(one[part].mean())} for one in scores] for part in parts]
    chosen = choose(known, [int(part.sum()) for part in parts], Recipe(), least=1)
    own = np.array(chosen.own)[fold_of]
    return paired_bootstrap(scores[own, np.arange(questions)] - scores[0], np.arange(questions), resamples=2000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument("--full", action="store_true", help=f"{FULL_REPETITIONS} repetitions instead of {REPETITIONS}")
    options = parser.parse_args()
    results = [part(options.full) for part in (nothing_to_learn, nothing_to_learn_in_folds, identical, planted, planted_in_folds)]
    for result in results:
        print(f"{result.name}: {result.ratio:.3f} ({'met' if result.met else 'missed'})\n  {result.against}")
    sys.exit(not all(result.met for result in results))
