"""Checks: each finds its own problem, names the rows, says it in words and offers a fix; clean pairs stay quiet."""

import re

import numpy as np
import pandas as pd
import pytest

from core.pairs import meaning
from core.pairs.checks import CHECKS, Context, near_duplicate_groups, run_checks
from core.pairs.dataset import PairSet
from core.pairs.issue import count, name_rows

TOPICS = [
    "pump",
    "filter",
    "valve",
    "boiler",
    "window",
    "ladder",
    "engine",
    "carpet",
    "bucket",
    "printer",
    "kettle",
    "saddle",
]
QUESTIONS = [f"How do I clean the {topic} after a long winter?" for topic in TOPICS]
ANSWERS = [f"Wipe the {topic} with a soft cloth and let it dry for an hour." for topic in TOPICS]


def pair_set(questions=QUESTIONS, answers=ANSWERS, rows=None, **more):
    kind = (
        "scored"
        if "score" in more
        else "labelled"
        if "label" in more
        else "triplets"
        if "negative" in more
        else "pairs"
    )
    frame = pd.DataFrame(
        {
            "row": list(rows or range(1, len(questions) + 1)),
            "anchor": list(questions),
            "positive": list(answers),
            **more,
        }
    )
    columns = {"anchor": "q", "positive": "a", **{name: name for name in more}}
    return PairSet("test.csv", kind, columns, frame)


def changed(**cells):
    """The clean pairs with other texts: ``q3="..."`` changes the question of row 3."""
    questions, answers = list(QUESTIONS), list(ANSWERS)
    for cell, text in cells.items():
        (questions if cell[0] == "q" else answers)[int(cell[1:]) - 1] = text
    return pair_set(questions, answers)


def found(pairs, context=None):
    issues = run_checks(pairs, context or Context())
    for issue in issues:
        known = set(pairs.frame["row"])
        assert issue.rows and set(issue.rows) <= known and set(issue.fix.exclude) <= known
        assert issue.title and not issue.title.endswith(".") and issue.explanation.startswith("Row")
        assert issue.fix.label and issue.fix.reason and issue.severity in ("bad", "look", "info")
        assert "!" not in issue.title + issue.explanation and "wrong." not in issue.title
        assert issue.fix.label[0].isupper() and issue.explanation.endswith(".")
        words = " ".join((issue.title, issue.explanation, issue.fix.label, issue.fix.reason))
        assert not re.search(r"\b(?!HTML\b)[A-Z]{2,}\b|None", words), f"shouted or missing: {words}"
        assert all(type(row) is int for row in issue.rows + issue.fix.exclude)
    return {issue.check: issue for issue in issues}


def test_rows_are_counted_and_named_as_people_do():
    assert [name_rows(range(1, last + 1)) for last in (0, 1, 2, 5, 6, 1239)] == [
        "No row", "Row 1", "Rows 1 and 2", "Rows 1, 2, 3, 4 and 5", "Rows 1, 2, 3, 4, 5 and 1 more",
        "Rows 1, 2, 3, 4, 5 and 1,234 more",
    ]
    assert [count(1, "row"), count(1234, "row"), count(2, "row has", "rows have")] == ["1 row", "1,234 rows", "2 rows have"]


def test_clean_pairs_have_no_issues():
    assert found(pair_set()) == {}


def test_an_empty_set_has_no_issues():
    assert run_checks(pair_set([], []), Context()) == []


@pytest.mark.parametrize(
    "cells, check, rows, fixed",
    [
        ({"q3": "", "a7": " \t\u00a0", "q9": "\u3000"}, "empty-text", (3, 7, 9), (3, 7, 9)),
        ({"q4": "The same  text here", "a4": "the SAME text here"}, "identical-sides", (4,), (4,)),
        ({"q5": QUESTIONS[0].upper(), "a5": ANSWERS[0] + " "}, "exact-duplicate", (1, 5), (5,)),
        ({"q5": QUESTIONS[0].upper()}, "several-answers", (1, 5), (5,)),
        ({"a6": ANSWERS[1], "a8": ANSWERS[1].upper()}, "shared-answer", (2, 6, 8), (6, 8)),
        ({"q2": "?"}, "too-short", (2,), (2,)),
        ({"a2": "ok"}, "too-short", (2,), (2,)),
        ({"a2": "N/A"}, "too-short", (2,), (2,)),
        ({"a2": "Certainly"}, "too-short", (2,), (2,)),
        (
            {"q3": QUESTIONS[2] + "\x07", "a4": "zero\u200b" + ANSWERS[3], "q5": QUESTIONS[4] + "\ufffd"},
            "control-characters",
            (3, 4, 5),
            (3, 4, 5),
        ),
        (
            {
                "q3": "<p>" + QUESTIONS[2],
                "a4": ANSWERS[3] + "&nbsp;",
                "a5": "**Now** " + ANSWERS[4],
                "q6": "[a](http://b.c) " + QUESTIONS[5],
            },
            "markup",
            (3, 4, 5, 6),
            (3, 4, 5, 6),
        ),
    ],
)
def test_each_text_check(cells, check, rows, fixed):
    issues = found(changed(**cells))
    assert list(issues) == [check]
    assert issues[check].rows == rows and issues[check].fix.exclude == fixed
    assert issues[check].fix.clean == (check in ("control-characters", "markup"))
    assert f"{rows[0]}" in issues[check].explanation


def test_in_many_rows_a_word_alone_stands_out_as_in_few():
    questions = [f"How do I clean the number {n} after a long winter?" for n in range(2500)]
    issues = found(pair_set([*questions[:-1], "Cleaning"], [f"Wipe the number {n} with a soft cloth." for n in range(2500)]))
    assert list(issues) == ["too-short"] and issues["too-short"].rows == (2500,)


def test_row_numbers_are_those_of_the_file():
    pairs = pair_set(QUESTIONS[:3] + [QUESTIONS[0]], ANSWERS[:3] + [ANSWERS[0]], rows=[2, 5, 9, 40])
    assert found(pairs)["exact-duplicate"].groups == ((2, 40),)


def test_ordinary_texts_are_left_alone():
    texts = {
        "a1": "Put the file in s3://<bucket-name>/ and run List<String> & wait.",
        "a2": "If a < b and c > d, do nothing here.",
        "a3": "東京",
        "q4": "どうやって申請しますか",
        "a5": "می\u200cخواهم این را بدانم و بخوانم",
        "a6": "Family 👨\u200d👩\u200d👧 is welcome here too.",
    }
    assert found(changed(**texts)) == {}


def test_single_words_are_fine_where_all_are():
    assert found(pair_set(TOPICS, [topic + "like" for topic in TOPICS])) == {}


def test_full_width_and_decomposed_copies_are_copies():
    issues = found(
        changed(q1="Ist das Café da?", a1="Ja, dort ist es.", q2="ＩＳＴ das Cafe\u0301 da?", a2="Ja,  dort ist es.")
    )
    assert issues["exact-duplicate"].rows == (1, 2)


def test_triplets_and_labels():
    issues = found(
        pair_set(negative=[ANSWERS[0], "", *(f"Nothing of the kind is known about {topic}s." for topic in TOPICS[2:])])
    )
    assert issues["identical-sides"].rows == (1,) and issues["empty-text"].rows == (2,)
    labels = [1, 0] + [1] * 10
    issues = found(pair_set([QUESTIONS[0], *QUESTIONS[:1], *QUESTIONS[2:]], ANSWERS, label=labels))
    assert "several-answers" not in issues  # the second answer is a wrong one, on purpose
    issues = found(
        pair_set([QUESTIONS[0], *QUESTIONS[:1], *QUESTIONS[2:]], [ANSWERS[0], ANSWERS[0], *ANSWERS[2:]], label=labels)
    )
    assert "contradicts" in issues["exact-duplicate"].explanation
    assert "first text" not in issues["exact-duplicate"].title


def test_too_long_needs_token_lengths():
    lengths = {"anchor": np.full(12, 9), "positive": np.array([300] + [20] * 10 + [257])}
    issues = found(pair_set(), Context(256, lengths))
    assert (
        issues["too-long"].rows == (1, 12) and issues["too-long"].title == "2 answers are longer than the model reads"
    )
    assert "256 tokens, about 190 words" in issues["too-long"].explanation and issues["too-long"].sampled is None
    sample = {"anchor": np.array([300, 2]), "positive": np.array([1, 2]), "rows": np.array([3, 8])}
    issue = found(pair_set(), Context(256, sample))["too-long"]
    assert issue.rows == (3,) and "sample of 2 of 12" in issue.sampled


def vectors(count, size=32, seed=0, noise=0.3):
    """Question and answer vectors of pairs that belong together; questions are far from each other."""
    rng = np.random.default_rng(seed)
    anchors = rng.normal(size=(count, size))
    positives = anchors + noise * rng.normal(size=(count, size))
    return [(side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32) for side in (anchors, positives)]


def context_of(anchors, positives, rows=None, sampled=False):
    rows = np.arange(1, len(anchors) + 1) if rows is None else np.asarray(rows)
    return Context(None, None, {"anchor": anchors, "positive": positives, "rows": rows, "sampled": sampled})


def test_near_duplicates():
    anchors, positives = vectors(12)
    anchors[6] = anchors[2]
    anchors[9] = anchors[2]
    pairs = changed(
        q12=QUESTIONS[6], a12="Quite another answer for this question, as it happens."
    )  # 12 asks the same as 7
    anchors[11] = anchors[6]
    context = context_of(anchors, positives)
    issue = found(pairs, context)["near-duplicate"]
    assert issue.groups == ((3, 7, 10, 12),) == near_duplicate_groups(pairs, context)
    assert issue.title == "3 questions ask nearly the same" and issue.fix.exclude == (7, 10, 12)


def test_near_duplicates_on_a_sample_say_so_and_reach_rows_outside_it():
    anchors, positives = vectors(4)
    anchors[1] = anchors[0]
    pairs = changed(q12=QUESTIONS[1], a12="Quite another answer for this question, as it happens.")
    issue = found(pairs, context_of(anchors, positives, rows=[1, 2, 3, 4], sampled=True))["near-duplicate"]
    assert issue.rows == (1, 2, 12) and issue.sampled == "Looked at a sample of 4 of 12 rows."


def test_near_duplicates_agree_with_all_against_all_over_blocks(monkeypatch):
    monkeypatch.setattr("core.pairs.meaning._BLOCK", 7)
    anchors, positives = vectors(40, size=3, seed=4)
    pairs = pair_set(
        [f"question number {n} about things" for n in range(40)], [f"answer number {n} about things" for n in range(40)]
    )
    near = anchors @ anchors.T > 0.95
    import networkx

    expected = [
        tuple(sorted(place + 1 for place in part))
        for part in networkx.connected_components(networkx.from_numpy_array(near))
        if len(part) > 1
    ]
    assert sorted(expected) == sorted(near_duplicate_groups(pairs, context_of(anchors, positives)))


def test_odd_pairs_are_found_and_clean_sets_have_few():
    count = 200
    anchors, positives = vectors(count, noise=0.6, seed=1)
    pairs = pair_set(
        [f"question number {n} about things" for n in range(count)],
        [f"answer number {n} about things" for n in range(count)],
    )
    assert "odd-pair" not in found(pairs, context_of(anchors, positives))
    swapped = positives.copy()
    swapped[[10, 60, 110, 160]] = positives[[60, 110, 160, 10]]
    issue = found(pairs, context_of(anchors, swapped))["odd-pair"]
    assert set(issue.rows) <= {11, 61, 111, 161} and len(issue.rows) >= 2
    assert "look at these" in issue.title and "wrong" not in issue.title
    swapped = positives.copy()
    swapped[[0, 60]] = positives[[60, 0]]
    issue = found(pairs, context_of(anchors, swapped))["odd-pair"]
    assert set(issue.rows) == {1, 61}  # the first question as well as any other


def test_odd_pairs_do_not_count_other_right_answers_against_a_pair():
    anchors, positives = vectors(30, size=256, noise=0.1, seed=2)
    questions = ["one question for half of the answers"] * 15 + [f"question number {n} about things" for n in range(15)]
    anchors[:15] = positives[:15].mean(axis=0)
    anchors[:15] /= np.linalg.norm(anchors[0])
    pairs = pair_set(questions, [f"answer number {n} about things" for n in range(30)])
    assert "odd-pair" not in found(pairs, context_of(anchors, positives))


def test_excluded_rows_in_the_embeddings_are_passed_over():
    anchors, positives = vectors(12)
    anchors[1] = anchors[0]
    pairs = pair_set().only(pair_set().frame["row"] != 2)
    assert found(pairs, context_of(anchors, positives)) == {}


def test_every_check_has_words_for_what_it_does():
    assert len(CHECKS) == 11 and all(check.__doc__ for check in CHECKS)


@pytest.mark.parametrize("alike", [0.0, 0.2, 1.0])
def test_what_hangs_together_is_found_block_by_block(monkeypatch, alike):
    for name, value in (("_BLOCK", 5), ("_ACROSS", 7), ("_MOST_EDGES", 3)):
        monkeypatch.setattr(meaning, name, value)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 8))
    copies = random.random(60) < alike
    vectors[copies] = vectors[random.integers(0, 3, copies.sum())]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = meaning.near_components(vectors)
    reach = np.linalg.matrix_power((vectors @ vectors.T > meaning.NEAR).astype(float), 60) > 0
    assert ((found[:, None] == found) == reach).all()
