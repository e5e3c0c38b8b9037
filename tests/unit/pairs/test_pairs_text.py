"""Folding and cleaning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pairs.clean import clean_text, has_markup
from core.pairs.text import blank, digest, fold, fold_all, fold_codes

WILD = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \t\nAa\x1f\u00a0ßŉΐİﬁ\u0345é")), max_size=30
)


@pytest.mark.parametrize(
    "one, two",
    [
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        (" a \t b\n", "A B"),
        ("ﬁne", "FINE"),
        ("Ｗｉ－Ｆｉ", "wi-fi"),
        ("℡ ℌ", "tel h"),
    ],
)
def test_fold_makes_equal(one, two):
    assert fold(one) == fold(two)


@settings(max_examples=300, deadline=None)
@given(st.lists(WILD, max_size=6))
def test_fold_all_is_fold_of_each_and_stable(texts):
    folded = fold_all(texts).to_pylist()
    assert folded == [fold(text) for text in texts]
    assert [fold(text) for text in folded] == folded


@settings(max_examples=200, deadline=None)
@given(st.lists(WILD, max_size=6), st.lists(WILD, max_size=6))
def test_codes_are_equal_exactly_where_folded_texts_are(one, two):
    codes = np.concatenate(fold_codes(one, two))
    texts = [fold(text) for text in one + two]
    empty = np.concatenate([blank(one), blank(two)])
    for first in range(len(texts)):
        assert (codes[first] == -1) == empty[first]
        for second in range(first):
            if not empty[first] and not empty[second]:
                assert (codes[first] == codes[second]) == (texts[first] == texts[second])


def test_blank():
    assert blank(["", " \t\n", "\u00a0\u200b\ufeff", "x", "。", "\x00"]).tolist() == [
        True,
        True,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "text, clean",
    [
        ("<p>One&nbsp;two</p><p>three</p>", "One two three"),
        ("a &amp;amp; b", "a & b"),
        ("x<br/>y", "x y"),
        ("<b>bold</b>er", "bolder"),
        ("zero\u200bwidth", "zerowidth"),
        ("bell\x07", "bell"),
        ("&#39;quoted&#x27;", "'quoted'"),
        ("see **this** and [that](http://x.y/z)", "see this and that"),
        ("hi<script>alert(1)</script> there", "hi there"),
        ("line one\r\nline two", "line one\nline two"),
        ("<!-- note -->kept", "kept"),
    ],
)
def test_clean_text(text, clean):
    assert clean_text(text) == clean
    assert not has_markup(clean)


@pytest.mark.parametrize(
    "text",
    [
        "Put it in s3://<bucket-name>/<key>.",
        "if a < b and c > d",
        "AT&T; R&D",
        "2**3**2",
        "List<String>",
        "नमस्ते\u200dक्ष",
        "می\u200cخواهم",
        "?a=1&copy=2",
        "[1] and (2)",
        "f(**options)",
    ],
)
def test_what_belongs_to_the_text_stays(text):
    assert clean_text(text) == text and not has_markup(text)


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("<>/&;#*[]()pb \u200b\n")), max_size=40)
)
def test_cleaning_removes_what_the_check_finds(text):
    assert not any(character in clean_text(text) for character in "\x00\x07\u200b\ufeff\ufffd")


@given(st.lists(WILD, max_size=4), st.lists(WILD, max_size=4))
@settings(deadline=None)
def test_lists_of_texts_have_the_same_digest_only_if_they_are_the_same(one, other):
    assert (digest(one) == digest(other)) == (one == other)


def test_a_text_cut_elsewhere_or_with_half_a_character_has_a_digest_of_its_own():
    lists = (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], [], ["\udfff"], ["\ufffd"])
    assert len({digest(texts) for texts in lists}) == len(lists)


def test_every_character_folds_alike_in_both_ways():
    characters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    texts = [f"A{one}{one}b" for one in characters]
    assert fold_all(texts).to_pylist() == [fold(text) for text in texts]


def test_coded_characters_are_those_that_have_a_meaning():
    assert [has_markup(text) for text in ("a &amp; b", "&#65;", "&bogus; b", "Q&A; R")] == [True, True, False, False]
