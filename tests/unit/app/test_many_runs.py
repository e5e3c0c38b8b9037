"""The list of runs page by page, sent only where it has changed, whatever number of runs and pages there are."""

import json
import os
import time
from collections.abc import Callable

import gradio as gr
import pytest

from benchmarks.many_runs import build, write_finished
from core.runs.run import Run, all_runs
from core.workspace import Workspace
from workbench.cards import train as cards
from workbench.states import RunStates


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> gr.Blocks:
    place = tmp_path_factory.mktemp("many")
    write_finished(place / "runs", 25)
    for file in (place / "runs").rglob("*"):
        os.utime(file, (time.time() - 60,) * 2)
    for number in range(25):  # the newest last
        os.utime(place / "runs" / f"finished-quick-{number + 1}" / "recipe.json", (1000 + number,) * 2)
    made, _ = build(str(place))
    made.place = place
    return made


def handler(page: gr.Blocks, name: str) -> Callable:
    return next(one.fn for one in page.fns.values() if one.fn and one.fn.__name__ == name and "tabs.train" in one.fn.__module__)


def listed(changes: dict) -> str:
    return next((value for value in changes.values() if isinstance(value, str) and "<h3>Runs" in value), "")


def test_a_page_of_the_list_is_sent_and_sent_again_only_when_it_changes(page):
    poll = handler(page, "poll")
    first = poll("", "finished-quick-25", [], [], False)
    html = listed(first)
    assert html.count("<tr>") == 1 + cards.ROWS_A_PAGE and "finished-quick-16<" in html and "Page 1 of 3" in html
    again = poll("", "finished-quick-25", [], [], False, 0, html)
    assert listed(again) == ""  # something else may be new: the list is not sent along
    last = listed(poll("", "finished-quick-25", [], [], False, 2, html))
    assert last.count("<tr>") == 1 + 5 and "finished-quick-1<" in last and "Page 3 of 3" in last
    assert listed(poll("", "finished-quick-25", [], [], False, 99, html)) == last  # a page from before runs were deleted
    seen = next(value for value in first.values() if isinstance(value, list))
    assert len(poll("", "finished-quick-25", [], seen, False, 0, html)) == 1  # nothing is new
    assert listed(poll("", "finished-quick-25", [], seen, False, 1, html))  # but the page


def test_what_is_turned_to_or_brought_to_the_front(page):
    act = handler(page, "act_on_list")

    def clicked(**data) -> dict:
        return act(gr.EventData(None, data))

    assert list(clicked(do="page", page="2").values()) == [2]
    assert list(clicked(do="front", run="finished-quick-3").values()) == ["finished-quick-3"]


def test_trials_are_one_row_wherever_a_page_ends(tmp_path):
    runs = [Run(tmp_path / f"r-{number}") for number in range(30)]
    cells = {f"r-{number}": "<td>the search</td>" for number in range(25)}
    html = cards.runs_card([(run, run.status()) for run in runs], "", [], cells)
    assert html.count("the search") == 1 and html.count("<tr>") == 1 + 6 and "Page" not in html
    assert cards.runs_card([], "", []) == "" and "no trials" in cards.runs_card([], "", [], {"s-1": "<td>no trials</td>"})


def test_the_states_of_many_runs_are_worked_out_once_for_all_and_of_few_each_time(page, monkeypatch):
    workspace, looks = Workspace(page.place), []
    states = RunStates(workspace)
    assert [run.id for run, _ in states.look()] == [run.id for run in all_runs(workspace)]

    def slow(where):
        looks.append(where)
        time.sleep(0.05)
        return []

    monkeypatch.setattr("workbench.states.all_runs", slow)
    states = RunStates(workspace)
    for _ in range(10):
        states.look()
    assert len(looks) == 1  # ten looks at once; it took 0.05 s, so it is good for half a second
    monkeypatch.setattr("workbench.states.all_runs", lambda _: looks.append(1) or [])
    states = RunStates(workspace)
    states.look()
    time.sleep(0.01)
    states.look()
    assert len(looks) == 3


def test_a_hostile_name_in_the_list_stays_text(page):
    run = Run(page.place / "runs" / "finished-quick-2")
    before = run.recipe_file.read_text()
    run.recipe_file.write_text(json.dumps({**json.loads(before), "source": {"name": "<script>alert(1)</script>"}}))
    assert "<script" not in cards.runs_card([(run, run.status())], "", [])
    run.recipe_file.write_text(before)
