"""Looking at all questions on a page's behalf: one thread a set, its progress, its end, and the words for it."""

import time

import numpy as np
import pytest

from core.models import BASE_MODEL, resolve
from core.models.cache import EmbeddingCache
from core.pairs.near import known_groups
from core.pairs.store import add_set
from core.workspace import Workspace
from workbench.cards.near import at_work_card, near_card
from workbench.looking import Look, Looking, Stopped


@pytest.fixture
def stored(tmp_path):
    file = tmp_path / "faq.csv"
    file.write_text("question,answer\nhow tall is it?,one\nwhat is its height?,two\nwhat is tea?,a drink\n")
    workspace = Workspace.at(tmp_path / "workspace")
    ways = np.eye(2, dtype=np.float32)
    known = {"how tall is it?": ways[0], "what is its height?": ways[0], "what is tea?": ways[1]}
    EmbeddingCache(workspace.cache / "embeddings", resolve(BASE_MODEL, workspace).digest).put(known)
    return add_set(workspace, file)


def ended(looking, stored):
    until = time.monotonic() + 120
    while looking.look(stored.id).at_work and time.monotonic() < until:
        time.sleep(0.02)
    return looking.look(stored.id)


def test_it_goes_on_by_itself_and_keeps_what_it_found(stored, tmp_path):
    looking = Looking(Workspace.at(tmp_path / "workspace"))
    assert looking.look(stored.id) is None
    looking.begin(stored)
    first = looking.look(stored.id)
    looking.begin(stored)
    assert ended(looking, stored) is first and first.stage == "done" and known_groups(stored) == ((1, 2),)


def test_stopped_it_can_be_begun_again(stored, tmp_path):
    looking = Looking(Workspace.at(tmp_path / "workspace"))
    with looking._turn:  # another set is at work
        looking.begin(stored)
        looking.look(stored.id).stop.set()
        assert looking.look(stored.id).stage == "waiting"
    assert ended(looking, stored).stage == "stopped" and known_groups(stored) is None
    looking.begin(stored)
    assert ended(looking, stored).stage == "done"


def test_how_long_it_takes_is_told_once_it_can_be():
    look = Look()
    look.progress("reading", 1, 1000)
    assert look.seconds_left is None
    look.began -= 10
    look.progress("reading", 100, 1000)
    assert look.seconds_left == pytest.approx(90, rel=0.05)
    look.stop.set()
    with pytest.raises(Stopped):
        look.progress("reading", 101, 1000)


def test_the_card_offers_says_how_far_and_what_was_done():
    assert near_card(500, 2000, False, 1, None) == ""
    offer = near_card(90_000, 2000, False, 400, None)
    assert "Of 90,000 questions only those of 2,000 rows" in offer and "about 7 min" in offer and 'data-do="look"' in offer
    look = Look("comparing", 40_000, 90_000)
    look.began -= 40
    assert "40,000 of 90,000, about 50 s left" in at_work_card(look)
    assert "All 90,000 questions" in near_card(90_000, 2000, True, 400, Look("done"))
    assert "what was read so far is kept" in near_card(90_000, 2000, False, 400, Look("stopped"))
