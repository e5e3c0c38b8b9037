"""Numbers and texts as they are shown."""

import time

import pytest

from workbench.words import ago, clock, count, duration, esc, notice, size


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 bytes"), (999, "999 bytes"), (38_375, "38 kB"), (1_400_000_000, "1.4 GB")]
)
def test_size(value, words):
    assert size(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(3, "about 5 seconds"), (41, "about 40 seconds"), (700, "about 12 minutes"), (9000, "about 2.5 hours")],
)
def test_duration(value, words):
    assert duration(value) == words


@pytest.mark.parametrize(("value", "words"), [(12, "0:12"), (3753, "1:02:33"), (-4, "0:00")])
def test_clock(value, words):
    assert clock(value) == words


def test_count_and_ago():
    assert (count(1, "pair"), count(1192, "pair"), count(2, "query", "queries")) == (
        "1 pair",
        "1,192 pairs",
        "2 queries",
    )
    assert (ago(time.time()), ago(time.time() - 301)) == ("just now", "5 min ago")


def test_text_of_a_person_is_never_markup():
    text = "<script>alert('\"')</script>"
    assert "<" not in esc(text) and '"' not in esc(text)
    assert "<script" not in notice(text, text, text)
