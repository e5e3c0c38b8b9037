"""Split: nothing is on both sides, nothing gets lost, the same seed gives the same split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pairs.columns import guess_columns, to_pairs
from core.pairs.dataset import PairSet
from core.pairs.read import read_table
from core.pairs.split import FOLDS, components, default_share, folds, split
from core.pairs.text import blank, fold

SHARED = Path(__file__).parents[4] / "shared" / "data"


def pair_set(questions, answers, groups=None):
    frame = pd.DataFrame(
        {
            "row": np.arange(1, len(questions) + 1),
            "anchor": pd.Series(questions, dtype="str"),
            "positive": pd.Series(answers, dtype="str"),
        }
    )
    columns = {"anchor": "q", "positive": "a"}
    if groups is not None:
        frame["group"], columns["group"] = pd.Series(groups, dtype="str"), "g"
    return PairSet("test", "pairs", columns, frame)


def plain(count):
    return pair_set([f"question {n}" for n in range(count)], [f"answer {n}" for n in range(count)])


@pytest.mark.parametrize("rows, held_out", [(85, 17), (4, 0), (5, 1), (20, 4), (1192, 238), (40_000, 1000)])
def test_default_sizes(rows, held_out):
    parts = split(plain(rows), default_share(rows), seed=12)
    assert (len(parts.train), len(parts.held_out)) == (rows - held_out, held_out)


def test_components_by_text_group_and_near_duplicates():
    pairs = pair_set(
        ["A?", "a? ", "b", "c", "d", "e", "", ""],
        ["1", "2", "2", "3", "C", "5", "6", "7"],
        ["", "", "", "g", "", "G ", "", ""],
    )
    assert components(pairs).tolist() == [0, 0, 0, 1, 1, 1, 2, 3]
    assert components(pairs, [(1, 7), (99,)]).tolist() == [0, 0, 0, 1, 1, 1, 0, 2]


def test_a_large_component_stays_in_training():
    pairs = pair_set([f"q{n}" for n in range(100)], ["same"] * 60 + [f"a{n}" for n in range(40)])
    parts = split(pairs, 0.2, 1)
    assert len(parts.held_out) == 20 and "same" not in set(parts.held_out["positive"])
    assert any("60 rows hang together" in note for note in parts.notes)


def test_one_component_holds_nothing_out():
    parts = split(pair_set([f"q{n}" for n in range(10)], ["same"] * 10), 0.2, 1)
    assert (len(parts.train), len(parts.held_out)) == (10, 0) and parts.notes


def test_few_large_groups_still_give_a_check():
    groups = [f"g{n // 25}" for n in range(100)]
    parts = split(pair_set([f"q{n}" for n in range(100)], [f"a{n}" for n in range(100)], groups), 0.2, 1)
    assert len(parts.held_out) == 25 and any("instead of 20" in note for note in parts.notes)


def test_blank_rows_go_nowhere():
    parts = split(pair_set(["q1", "", "q3", "q4"], ["a1", "a2", " \u200b", "a4"]), 0.5, 1)
    assert sorted(pd.concat([parts.train, parts.held_out])["row"]) == [1, 4]
    assert any("2 rows have an empty text" in note for note in parts.notes)


SHORT = st.sampled_from(["", " ", "a", "A", "b", "c", "d ", "é", "e\u0301", "f", "g", "h"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(SHORT, SHORT, SHORT), max_size=25), st.floats(0, 1), st.integers(0, 2**31 - 1), st.data())
def test_split_properties(rows, share, seed, draw):
    pairs = pair_set(*(list(part) for part in zip(*rows, strict=True))) if rows else pair_set([], [], [])
    near = draw.draw(st.lists(st.lists(st.integers(1, max(1, len(rows))), max_size=3), max_size=3))
    parts = split(pairs, share, seed, near)
    filled = pairs.frame["row"][~(blank(pairs.frame["anchor"]) | blank(pairs.frame["positive"]))].tolist()
    both = pd.concat([parts.train, parts.held_out])
    assert sorted(both["row"]) == filled
    assert not set(parts.train["component"]) & set(parts.held_out["component"])
    sides = [
        {fold(text) for side in ("anchor", "positive") for text in part[side]} for part in (parts.train, parts.held_out)
    ]
    assert not sides[0] & sides[1]
    groups = [{fold(text) for text in part["group"]} - {""} for part in (parts.train, parts.held_out)]
    assert not groups[0] & groups[1]
    for group in near:
        assert not (set(group) & set(parts.train["row"]) and set(group) & set(parts.held_out["row"]))
    assert len(parts.held_out) <= 2 * round(share * len(filled))
    again = split(pairs, share, seed, near)
    assert again.train.equals(parts.train) and again.held_out.equals(parts.held_out)


def test_the_same_seed_keeps_the_same_rows_aside():
    pairs = pair_set([f"q {n}" for n in range(60)], [f"a {n}" for n in range(60)])
    one, two = split(pairs, 0.2, 7), split(pairs, 0.2, 7)
    assert one.held_out.equals(two.held_out) and one.train.equals(two.train) and len(one.held_out) == 12


def test_seeds_differ():
    assert split(plain(50), 0.2, 1).held_out["row"].tolist() != split(plain(50), 0.2, 2).held_out["row"].tolist()


@pytest.mark.skipif(not SHARED.exists(), reason="the shared files are not on this machine")
@pytest.mark.parametrize("name, held_out", [("bedrock_faq.json", 17), ("medquad_niddk.jsonl", 238)])
def test_the_given_files_do_not_leak(name, held_out):
    table = read_table(SHARED / name)
    pairs = to_pairs(table, name, guess_columns(table))
    parts = split(pairs, default_share(len(pairs)), 12)
    assert len(parts.held_out) == held_out
    for column in set(pairs.frame) - {"row"}:
        assert not {*map(fold, parts.train[column])} & {*map(fold, parts.held_out[column])}


@given(st.lists(st.integers(0, 30), min_size=5, max_size=200), st.integers(0, 9))
def test_folds_divide_no_component_and_are_about_equally_large(components, seed):
    components = np.array(components)
    found = folds(components, seed)
    assert set(found) <= set(range(1, FOLDS + 1)) and (found == folds(components, seed)).all()
    sizes = np.bincount(components)
    for component in set(components.tolist()):
        assert len(set(found[components == component])) == 1
    filled = np.bincount(found, minlength=FOLDS + 1)[1:]
    # the fullest was the emptiest when its last and smallest component came
    assert filled.max() - filled.min() <= sizes[components[found == 1 + filled.argmax()]].min()


def test_another_seed_gives_other_folds():
    assert (folds(np.arange(50), 1) != folds(np.arange(50), 2)).any()
