"""What people who share a machine see of each other."""

import time

import pytest
from fastapi.testclient import TestClient

from core.runs.line import whole_line
from core.workspace import PERSON, Workspace, write_json
from tests.unit.runs.test_line import house_of, put_in_line
from workbench import shares
from workbench.app import build_app, masthead
from workbench.cards.audit import audit_card
from workbench.cards.line import line_card, moving
from workbench.cards.shares import shares_card
from workbench.metrics import kind_of

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"


@pytest.fixture
def people(tmp_path):
    return house_of(tmp_path / "house", "ada", "bob")


def test_of_other_peoples_trainings_the_line_tells_name_and_time_alone(people):
    put_in_line(people["ada"], "adas-secret-project-1", 1, expected_seconds=600)
    put_in_line(people["bob"], "bobs-own-1", 2, expected_seconds=120)
    card = line_card(whole_line(people["bob"]), people["bob"])
    assert "adas-secret-project" not in card and ">ada<" in card and "you: bobs-own-1" in card
    assert "in about 10 minutes" in card and ">1.<" in card and ">2.<" in card
    assert line_card([], people["bob"]) == ""


def test_where_nobody_can_tell_the_line_says_so(people):
    put_in_line(people["ada"], "a-1", 1)
    put_in_line(people["bob"], "b-1", 2)
    assert line_card(whole_line(people["bob"]), people["bob"]).count("not known") == 3  # ada's length; bob's begin and length


def test_the_line_is_drawn_again_when_its_order_changes(people):
    put_in_line(people["ada"], "a-1", 1)
    before = moving(whole_line(people["bob"]), people["bob"])
    assert moving(whole_line(people["bob"]), people["bob"]) == before
    put_in_line(people["bob"], "b-1", 2)
    assert moving(whole_line(people["bob"]), people["bob"]) != before


def test_the_train_tab_shows_the_line_of_everybody(people):
    """Through the page's own event, which it sends each second."""
    hers = put_in_line(people["ada"], "adas-secret-1", 1, expected_seconds=600)
    write_json(hers.launched_file, {"asked": time.time() + 3600})  # it is being started, and no app starts another meanwhile
    put_in_line(people["bob"], "bobs-own-1", 2)
    client = TestClient(build_app(people["bob"]))
    config = client.get("/config").json()
    part = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "run-id")
    line = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "line")
    event = next(one for one in config["dependencies"] if [part, "change"] in map(list, one["targets"]) and line in one["outputs"])
    answer = client.post("/gradio_api/run/predict", json={
        "fn_index": event["id"], "session_hash": "x", "trigger_id": part,
        "data": ["bobs-own-1" if one == part else None for one in event["inputs"]],
    })
    shown = answer.json()["data"][event["outputs"].index(line)]
    assert "trains now" in shown and ">ada<" in shown and "you: bobs-own-1" in shown
    assert "waiting its turn, next in line" in answer.text
    assert "adas-secret" not in answer.text


def test_the_log_of_costs_shows_each_deed_once_and_hostile_text_as_text():
    begun = {"time": 1.0, "who": EVIL, "action": "deploy", "subject": EVIL, "where": EVIL, "outcome": "begun"}
    done = begun | {"outcome": "done", "dollars_an_hour": 1.5}
    cut_off = {"time": 2.0, "who": "bob", "action": "train", "subject": "r-1", "where": "AWS", "outcome": "begun"}
    odd = {"time": "x", "dollars_an_hour": "y", "outcome": EVIL}
    card = audit_card([begun, done, cut_off, odd])
    assert card.count("<tr>") == 4 and "$1.50 an hour" in card and ">begun<" in card
    assert "<script" not in card and 'onload="' not in card
    assert "Nothing yet" in audit_card([])


def test_hostile_titles_of_shared_comparisons_stay_text():
    card = shares_card(EVIL, [shares.Share(EVIL, EVIL, 0.0)])
    assert "<script" not in card and 'onload="' not in card and "until you end it" in card


def test_sharing_twice_and_ending_one_leaves_the_other(people):
    def write(folder):
        (folder / "r.html").write_text("x")
        return folder / "r.html"

    ada = people["ada"]
    one, other = shares.share(ada, "one", write), shares.share(ada, "other", write)
    assert one.token != other.token and len(one.token) == 43
    shares.end(ada, one.token)
    assert shares.shares_of(ada) == [other]
    assert shares.shared_report(ada.house, one.token) is None and shares.shared_report(ada.house, other.token).is_file()
    assert one.token not in str(list((ada.house / "shared").iterdir()))  # the folder's names open nothing
    (ada.root / "shared.json").write_text('[{"token": 3}, 4, "x"]')
    assert shares.shares_of(ada) == []


def test_the_masthead_says_who_is_signed_in_only_where_people_sign_in(monkeypatch):
    monkeypatch.delenv(PERSON, raising=False)
    assert "Sign out" not in masthead(None, None)
    monkeypatch.setenv(PERSON, "ada")
    assert "Signed in as <b>ada</b>" in masthead(None, None) and 'action="sign-out"' in masthead(None, None)


@pytest.mark.parametrize("path, kind", [
    ("/", "page"), ("/take-home/my-secret-run", "take-home"), ("/gradio_api/file=/x/secret.csv", "gradio_api/file"),
    ("/gradio_api/heartbeat/abc", "gradio_api/heartbeat"), ("/gradio_api/secret", "gradio_api"), ("/shared/token", "shared"),
    ("/secret", "other"), ("//secret", "other"),
])
def test_a_request_is_counted_by_what_it_asks_for_and_nothing_that_somebody_wrote(path, kind):
    assert kind_of(path) == kind


def test_a_neighbour_is_one_with_runs(people):
    (people["ada"].house / "users" / "stray").mkdir()
    assert [one.root.name for one in people["ada"].neighbours()] == ["ada", "bob"]
    assert Workspace(people["ada"].house).neighbours() == [Workspace(people["ada"].house)]
