import numpy as np
import pytest

from core.playground.documents import Passage
from core.playground.index import Index

TEXTS = ["reset a password", "cancel an order", "reset the router", "opening hours"]


@pytest.fixture
def index():
    return Index([Passage(text, "a.txt") for text in TEXTS], np.eye(4), np.eye(4)[::-1])


def test_the_three_lists_stand_side_by_side_with_both_ranks(index):
    found = index.ask("reset my password", np.array([0.8, 0.4, 0.2, 0.1]), np.array([0.8, 0.4, 0.2, 0.1]))
    assert found.passages == 4
    assert [hit.passage for hit in found.hits["keywords"]] == [0, 2]  # the others share no word
    assert [hit.passage for hit in found.hits["base"]] == [0, 1, 2, 3]
    assert [hit.passage for hit in found.hits["tuned"]] == [3, 2, 1, 0]
    assert [(hit.rank, hit.before, hit.now) for hit in found.hits["tuned"]] == [(1, 4, 1), (2, 3, 2), (3, 2, 3), (4, 1, 4)]
    assert found.hits["keywords"][0].before == 1 and found.hits["keywords"][0].now == 4
    assert [hit.score for hit in found.hits["base"]] == pytest.approx([0.8, 0.4, 0.2, 0.1])
    assert found.floors["base"] == pytest.approx(0.3)


def test_the_lists_are_cut_and_their_ranks_are_not(index):
    found = index.ask("hours", np.array([0.8, 0.4, 0.2, 0.1]), np.array([0.8, 0.4, 0.2, 0.1]), top=1)
    assert [len(hits) for hits in found.hits.values()] == [1, 1, 1]
    assert found.hits["tuned"][0].before == 4


def test_a_question_without_a_known_word_finds_nothing_by_keywords(index):
    assert index.ask("?!", np.ones(4), np.ones(4)).hits["keywords"] == []
