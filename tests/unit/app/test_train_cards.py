"""What the Train tab says about the place, the money and a search; whatever comes from outside stays text."""

import dataclasses

import pytest

from core.aws.choices import Choices
from core.aws.overview import Overview
from core.aws.prices import Price
from core.aws.session import Identity
from core.recipe import form_fields
from core.runs.target import Cost, Target
from core.search.results import Row
from core.search.search import Search
from workbench.aws import Seen
from workbench.cards import search as search_cards
from workbench.cards import train as train_cards
from workbench.cards import where
from workbench.tabs.fields import form_component, typed

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"
PRICE = Price(0.23, "An estimate.", True)


def harmless(html: str) -> bool:
    return "<script" not in html and 'onload="' not in html


def seen(**found) -> Seen:
    identity = Identity("123456789012", "arn:aws:iam::123456789012:user/anna")
    known = {"identity": identity, "bucket": "a-bucket", "region": "eu-west-1", **found}
    return Seen(Choices(), Overview(**{"profile": None, **known}))


def test_the_account_is_named_or_the_way_to_one_is_shown():
    assert "a-bucket" in where.account_card(seen()) and "123456789012" in where.account_card(seen())
    nobody = where.account_card(Seen(Choices()))
    assert "Connect to AWS" in nobody and 'data-to="connection"' in nobody
    missing = where.account_card(seen(missing=("There is no bucket.",)))
    assert "There is no bucket." in missing and "Look at the connection" in missing
    for card in (where.account_card(seen(bucket=EVIL, region=EVIL)), where.account_card(seen(missing=(EVIL,)))):
        assert harmless(card)


def test_a_machine_shows_what_decides():
    assert where.machine("ml.m5.xlarge", PRICE, 4) == "ml.m5.xlarge · $0.23/h · 4 allowed"
    assert where.machine("ml.g5.xlarge", None, 0) == "ml.g5.xlarge · price? · 0 allowed"
    assert where.machine("ml.g5.xlarge", PRICE, None) == "ml.g5.xlarge · $0.23/h"


@pytest.mark.parametrize("quota, warned", [(None, False), (2, False), (1, True), (0, True)])
def test_a_quota_that_does_not_suffice_is_told_before_the_start(quota, warned):
    said = where.quota_note(Target(on="sagemaker", instance_count=2), quota, "training jobs")
    assert bool(said) is warned and (not warned or "Service Quotas" in said)


def test_the_cost_is_shown_with_its_limit_and_source():
    cost = Cost(0.1, 0.04, 2.0, 0.46, f"About {EVIL}")
    card = where.cost_card(cost, dataclasses.replace(PRICE, source=EVIL), EVIL)
    assert "about $0.040" in card and "$0.46" in card and harmless(card)
    assert "at the latest" not in where.cost_card(Cost(0.1, None, 2.0, None, "Not known."), None, "")


def row(number: int, **more) -> Row:
    known = {"ndcg": 0.9, "hit": 0.8, "change": 0.1, "low": 0.05, "high": 0.15, "value": 0.9, "final": True, "questions": 20}
    return Row(number, f"run-{number}", {"learning_rate": 1e-4}, **{"state": "done", "has_model": True, **known, **more})


def test_the_table_of_a_search(tmp_path):
    search = Search(tmp_path / "a-search-1", tmp_path)
    rows = [row(2, best=True), row(1, ndcg=0.8, state="deleted", has_model=False), row(3, state="running", final=False, low=None)]
    card = search_cards.search_card(search, rows, "run-2", ["run-3"], 0, 0)
    assert card.count("<tr>") == 4 and card.count("whisker") == 2 and "so far" in card
    assert 'data-run="run-3" data-key="over-run-3" checked' in card
    assert 'data-run="run-1"' not in card  # a deleted trial cannot be opened
    assert "Stop the search" in card and "Delete" not in card  # nothing is deleted while it works
    done = search_cards.search_card(search, rows[:2], "run-2", [], 1, 5_000_000)
    assert "Delete all but the best (5.0 MB)" in done and "Stop the search" not in done
    stopped = search_cards.search_card(search, [row(1), row(2, state="stopped", final=False, has_model=False)], "", [], 0, 0)
    assert "Go on" in stopped


def test_the_intervals_share_one_scale_with_the_base_model_on_it(tmp_path):
    search = Search(tmp_path / "a-search-1", tmp_path)
    card = search_cards.search_card(search, [row(1), row(2, change=-0.2, low=-0.3, high=-0.1)], "", [], 0, 0)
    zeros = {part.split('"')[1] for part in card.split('class="zero"')[1:]}
    assert len(zeros) == 1 and "−0.200" in card


def test_a_hostile_name_of_a_search_or_run_stays_text(tmp_path):
    search = Search(tmp_path / EVIL, tmp_path)
    rows = [dataclasses.replace(row(1), run=EVIL), dataclasses.replace(row(2), run=EVIL)]
    for card in (
        search_cards.search_card(search, rows, "", [], 1, 1), search_cards.search_row(search, rows, False),
        search_cards.confirm_tidy(search, 1, 1, EVIL), search_cards.confirm_forget(search, 1),
    ):
        assert harmless(card)


def test_every_field_of_the_place_has_a_box_that_holds_its_default():
    for field in form_fields(Target):
        box = form_component(field)
        assert box.label == field.label and box.value == typed(field.default)


def test_without_this_machine_its_time_and_memory_are_not_foretold(tmp_path):
    import pandas as pd

    from core.pairs.dataset import PairSet
    from core.plan import make_plan
    from core.recipe import Recipe
    from core.workspace import Workspace

    texts = {"anchor": [f"q {n}" for n in range(30)], "positive": [f"a {n}" for n in range(30)]}
    pairs = PairSet("x", "pairs", {}, pd.DataFrame({"row": range(1, 31), **texts}))
    plan = make_plan(Recipe(), pairs, Workspace.at(tmp_path))
    assert "memory" in train_cards.plan_card(plan, 30) and "memory" not in train_cards.plan_card(plan, 30, here=False)

