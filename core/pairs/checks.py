"""What would spoil training, one small function a problem: ``(pairs, context) -> Iterable[Issue]``.

A new check is one function and one line in ``CHECKS``. The checks that need embeddings are in ``meaning.py``.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from core.pairs.clean import CONTROL, MARKUP, has_markup
from core.pairs.context import Context, make_context
from core.pairs.dataset import PairSet
from core.pairs.issue import Fix, Issue, Severity, as_rows, count, grouped, name_rows, nouns
from core.pairs.meaning import near_duplicate, near_duplicate_groups, odd_pair
from core.pairs.text import SEVERAL_WORDS, blank, text_array

__all__ = ["CHECKS", "Context", "Fix", "Issue", "make_context", "near_duplicate_groups", "run_checks"]

Check = Callable[[PairSet, Context], Iterable[Issue]]

#: Texts that a program writes where there is none.
_PLACEHOLDERS = r"(?i)^\W*(n/?a|nan|null|none|tbd|tba|todo|lorem ipsum|undefined|unknown)\W*$"
#: A character of Chinese, Japanese or Korean, which write a word with one or two and may put no spaces between words.
_CJK = r"[\x{1100}-\x{11FF}\x{2E80}-\x{D7FF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]"
#: At least three letters or digits.
_SUBSTANCE = rf"(?s)[\p{{L}}\p{{N}}].*[\p{{L}}\p{{N}}].*[\p{{L}}\p{{N}}]|{_CJK}"


def run_checks(pairs: PairSet, context: Context) -> list[Issue]:
    """Everything the checks find, in the order of ``CHECKS``."""
    if len(pairs.keys["anchor"]) == 0:  # the keys are found here, before the threads share them
        return []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of their time is spent outside of Python
        return [issue for issues in pool.map(lambda check: list(check(pairs, context)), CHECKS) for issue in issues]


def _sides(pairs: PairSet) -> list[str]:
    return [side for side in ("anchor", "positive", "negative") if side in pairs.frame]


def _rows(pairs: PairSet) -> np.ndarray:
    return pairs.frame["row"].to_numpy()


def _matches(texts: pd.Series, pattern: str) -> np.ndarray:
    """bool [n]: where the pattern (RE2) is found."""
    found: np.ndarray = pc.match_substring_regex(text_array(texts), pattern).to_numpy()
    return found


def empty_text(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Nothing to read on one side."""
    empty = np.any([keys < 0 for keys in pairs.keys.values()], axis=0)
    rows = as_rows(_rows(pairs)[empty])
    if rows:
        yield Issue(
            "empty-text",
            f"{count(len(rows), 'row has', 'rows have')} an empty text",
            rows,
            "bad",
            f"{name_rows(rows)}. There is nothing to learn from an empty text, so these rows are never trained on.",
            Fix("Leave them out", rows, reason="empty text"),
        )


def identical_sides(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """The same text on both sides of a pair."""
    keys, called = pairs.keys, nouns(pairs)
    sides = _sides(pairs)
    same = np.any(
        [
            (keys[one] == keys[two]) & (keys[one] >= 0)
            for number, one in enumerate(sides)
            for two in sides[number + 1 :]
        ],
        axis=0,
    )
    rows = as_rows(_rows(pairs)[same])
    if rows:
        yield Issue(
            "identical-sides",
            f"{count(len(rows), 'row has', 'rows have')} the same text as {called['anchor']} and {called['positive']}"
            if "negative" not in keys
            else f"{count(len(rows), 'row has', 'rows have')} the same text twice",
            rows,
            "bad",
            f"{name_rows(rows)}. A text is always most like itself, so the model learns nothing from such a pair.",
            Fix("Leave them out", rows, reason="the same text on both sides"),
        )


def exact_duplicate(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """The same row again."""
    keys = pd.DataFrame(pairs.keys)
    filled = (keys >= 0).all(axis=1).to_numpy()
    columns = list(keys)
    repeated = keys.duplicated(keep=False).to_numpy() & filled
    if not repeated.any():
        return
    later = keys.duplicated(keep="first").to_numpy() & filled
    rows = _rows(pairs)
    groups = grouped(rows[repeated], keys[repeated].groupby(columns, sort=False).ngroup().to_numpy())
    fix = Fix("Leave one of each", as_rows(rows[later]), reason="the same as an earlier row")
    explanation = (
        f"{name_rows(as_rows(rows[repeated]))} are the same as another row, apart from capitals and spaces. In"
        " training, the copies would count as wrong answers for each other, and each pair would weigh more."
    )
    if pairs.kind in ("scored", "labelled"):
        value = pairs.frame["score" if pairs.kind == "scored" else "label"]
        clash = value[repeated].groupby([keys[column][repeated] for column in columns]).nunique().gt(1).sum()
        if clash:
            explanation += (
                f" {count(int(clash), 'of them contradicts', 'of them contradict')} the copy: the same two texts have"
                " different values."
            )
    yield Issue(
        "exact-duplicate",
        f"{count(int(later.sum()), 'row is', 'rows are')} a copy of an earlier one"
        if later.sum() == 1
        else f"{count(int(later.sum()), 'row')} are copies of earlier ones",
        as_rows(rows[repeated]),
        "bad",
        explanation,
        fix,
        groups=groups,
    )


def several_answers(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """One question with more than one right answer."""
    yield from _one_to_many(
        pairs,
        context,
        "anchor",
        "positive",
        "several-answers",
        "look",
        "{questions} with several {answers}",
        "{rows}. All of them count as right: none is used as a wrong answer for its question, and they stay on the"
        " same side"
        " when pairs are held back. If they say different things, keep the best one.",
        "Keep the first of each",
        "another {answer} to the same {question} is kept",
    )


def shared_answer(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """One answer to more than one question."""
    yield from _one_to_many(
        pairs,
        context,
        "positive",
        "anchor",
        "shared-answer",
        "info",
        "{questions} with several {answers}",
        "{rows}. Asking the same thing in several ways is good for training. If the text is a stock phrase such as"
        " “See above”,"
        " it teaches nothing.",
        "Keep the first of each",
        "the same {question} stands in an earlier row",
    )


def _one_to_many(
    pairs: PairSet,
    context: Context,
    one: str,
    many: str,
    check: str,
    severity: Severity,
    title: str,
    explanation: str,
    label: str,
    reason: str,
) -> Iterable[Issue]:
    """Texts of side ``one`` that stand beside more than one text of side ``many`` among the right pairs."""
    keys, called = pairs.keys, nouns(pairs)
    right = (keys[one] >= 0) & (keys[many] >= 0) & right_pairs(pairs)
    found = pd.DataFrame({"one": keys[one][right], "many": keys[many][right], "row": _rows(pairs)[right]})
    distinct = found.drop_duplicates(["one", "many"])
    several = distinct.loc[distinct["one"].duplicated(keep=False), "one"].unique()
    if not len(several):
        return
    found = found[found["one"].isin(several)]
    firsts = distinct.drop_duplicates("one").set_index("one")["many"]
    others = found[found["many"].to_numpy() != firsts[found["one"]].to_numpy()]
    rows = as_rows(found["row"].to_numpy())
    words = {
        "questions": count(len(several), called[one]),
        "answers": called[many] + "s",
        "question": called[one],
        "answer": called[many],
        "rows": name_rows(rows),
    }
    yield Issue(
        check,
        title.format(**words),
        rows,
        severity,
        explanation.format(**words),
        Fix(label, as_rows(others["row"].to_numpy()), reason=reason.format(**words)),
        groups=grouped(found["row"].to_numpy(), found["one"].to_numpy()),
    )


def right_pairs(pairs: PairSet) -> np.ndarray:
    """bool [rows]: the two texts belong together; all of them, unless a label or a score says otherwise."""
    if pairs.kind == "labelled":
        return np.asarray(pairs.frame["label"] == 1)
    if pairs.kind == "scored":
        return np.asarray(pairs.frame["score"] >= 0.5)
    return np.ones(len(pairs), dtype=bool)


def too_short(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Hardly any text, or one word in a column of sentences."""
    called = nouns(pairs)
    for side in ("anchor", "positive"):
        texts = pairs.frame[side]
        short = ~_matches(texts, _SUBSTANCE) | _matches(texts, _PLACEHOLDERS)
        words = [len(text.split()) for text in texts.iloc[:: max(1, len(texts) // 1000)]]
        if np.median(words) >= 5:
            short |= ~_matches(texts, f"{SEVERAL_WORDS}|{_CJK}")
        short &= ~blank(texts)
        rows = as_rows(_rows(pairs)[short])
        if rows:
            yield Issue(
                "too-short",
                f"{count(len(rows), called[side] + ' is', called[side] + 's are')} very short",
                rows,
                "look",
                f"{name_rows(rows)}. A word or less says too little to be told apart from other texts. Often it is"
                " left over from"
                " a form or an export.",
                Fix("Leave them out", rows, reason=f"very short {called[side]}"),
            )


def too_long(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """More tokens than the model reads."""
    if context.max_tokens is None or context.token_lengths is None:
        return
    called, lengths = nouns(pairs), context.token_lengths
    numbers = lengths.get("rows", _rows(pairs))
    sampled = f"Counted on a sample of {len(numbers):,} of {len(pairs):,} rows." if len(numbers) < len(pairs) else None
    for side in ("anchor", "positive"):
        over = lengths[side] > context.max_tokens
        rows = as_rows(numbers[over])
        if rows:
            worst = int(lengths[side].max())
            yield Issue(
                "too-long",
                f"{count(len(rows), called[side] + ' is', called[side] + 's are')} longer than the model reads",
                rows,
                "look",
                f"{name_rows(rows)}. The model reads {context.max_tokens:,} tokens, about"
                f" {round(context.max_tokens * 0.74, -1):,.0f}"
                f" words; what comes after is ignored. The longest has {worst:,} tokens. Splitting them helps.",
                Fix("Leave them out", rows, reason=f"{called[side]} longer than the model reads"),
                sampled,
            )


def control_characters(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Invisible characters, and those that stand for one that could not be read."""
    found = np.any([_matches(pairs.frame[side], CONTROL) for side in _sides(pairs)], axis=0)
    rows = as_rows(_rows(pairs)[found])
    if rows:
        yield Issue(
            "control-characters",
            f"{count(len(rows), 'row has', 'rows have')} invisible or unreadable characters",
            rows,
            "look",
            f"{name_rows(rows)}. They come from a bad export or copy, split words for the model, and nobody will"
            " type them in a"
            " search.",
            Fix("Clean the text", rows, clean=True, reason="invisible characters taken out"),
        )


def markup(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Tags of HTML, coded characters, and bold words and links of Markdown."""
    found = np.zeros(len(pairs), dtype=bool)
    for side in _sides(pairs):
        texts = pairs.frame[side]
        suspects = np.flatnonzero(_matches(texts, MARKUP))
        found[suspects] |= np.fromiter(map(has_markup, texts.iloc[suspects]), bool, len(suspects))
    rows = as_rows(_rows(pairs)[found])
    if rows:
        yield Issue(
            "markup",
            f"{count(len(rows), 'row has', 'rows have')} markup left in the text",
            rows,
            "look",
            f"{name_rows(rows)}. Tags such as <p> and codes such as &amp; take the place of words and mean nothing"
            " to the model.",
            Fix("Clean the text", rows, clean=True, reason="markup taken out"),
        )


CHECKS: tuple[Check, ...] = (
    empty_text,
    identical_sides,
    exact_duplicate,
    near_duplicate,
    several_answers,
    shared_answer,
    too_short,
    too_long,
    odd_pair,
    control_characters,
    markup,
)
