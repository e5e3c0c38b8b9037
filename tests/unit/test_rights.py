"""Who may spend, and the log of what was done."""

import json
import stat

import pytest

from core.endpoints.hosts import Hosts
from core.errors import WorkbenchError
from core.models import resolve
from core.rights import USERS, audit_file, may_spend, read_audit, recorded, require_spending
from core.workspace import HOUSE_MARK, PERSON, Workspace, write_json


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """Bob's workspace, in his app; he may not spend, Ada may."""
    write_json(tmp_path / HOUSE_MARK, {})
    write_json(tmp_path / "users.json", {"users": {"ada": {"may_spend": True}, "bob": {"may_spend": False}, "odd": "yes"}})
    monkeypatch.setenv(PERSON, "bob")
    monkeypatch.setenv(USERS, str(tmp_path / "users.json"))
    return Workspace.at(tmp_path / "users" / "bob")


def test_alone_a_person_may_spend(tmp_path, monkeypatch):
    monkeypatch.delenv(PERSON, raising=False)
    require_spending("Anything")


@pytest.mark.parametrize("name, answer", [("ada", True), ("bob", False), ("odd", False), ("nobody", False)])
def test_the_file_says_who_may(shared, name, answer):
    assert may_spend(name) is answer


@pytest.mark.parametrize("damage", ["", "[]", '{"users": []}', '{"users": {"bob": {"may_spend": "yes"}}}', None])
def test_where_the_file_does_not_say_so_nobody_may(shared, damage):
    file = shared.house / "users.json"
    file.unlink() if damage is None else file.write_text(damage)
    assert not may_spend("bob")


def test_a_right_that_is_taken_away_is_gone_at_once(shared):
    for answer in (True, False):
        write_json(shared.house / "users.json", {"users": {"bob": {"may_spend": answer}}})
        assert may_spend("bob") is answer


def test_what_costs_is_refused_in_words_and_is_not_begun(shared):
    begun = []
    with pytest.raises(WorkbenchError, match="right to spend money"), recorded(shared, "deploy", "m", costs=True):
        begun.append(1)
    assert not begun and not read_audit(shared)


def test_the_host_itself_refuses_whatever_a_page_sends(shared):
    """Not the page: a message that goes past it finds the same refusal."""
    from core.endpoints.host import DeploySpec
    from core.models import ModelRef

    hosts = Hosts(shared, lambda: None)
    with pytest.raises(WorkbenchError, match="right to spend money"):
        hosts.deploy(ModelRef("m", shared.root, "0"), DeploySpec("serverless", 1.0), lambda _: None)


def test_the_log_says_who_did_what_when_and_how_it_ended(shared, monkeypatch):
    monkeypatch.setenv(PERSON, "ada")
    with recorded(shared, "deploy", "my-model", costs=True, on="tei") as entry:
        entry["dollars_an_hour"] = 1.25
    with pytest.raises(ZeroDivisionError), recorded(shared, "delete", "e-1\n{}", costs=False):
        raise ZeroDivisionError("a secret")
    entries = read_audit(shared)
    assert [(one["who"], one["action"], one["subject"], one["outcome"]) for one in entries] == [
        ("ada", "deploy", "my-model", "begun"), ("ada", "deploy", "my-model", "done"),
        ("ada", "delete", "e-1\n{}", "begun"), ("ada", "delete", "e-1\n{}", "failed"),
    ]
    assert entries[1]["dollars_an_hour"] == 1.25 and entries[1]["where"] == "AWS" and entries[1]["ended"] >= entries[1]["time"]
    text = audit_file(shared).read_text()
    assert len(text.splitlines()) == 4 and "a secret" not in text
    assert audit_file(shared).parent == shared.house  # one for all of them
    assert stat.S_IMODE(audit_file(shared).stat().st_mode) == 0o600


def test_a_damaged_line_hides_no_other(shared):
    audit_file(shared).write_text('{"who": "ada"}\nhalf a li\n[1]\n{"who": "bob"}\n')
    assert [one["who"] for one in read_audit(shared)] == ["ada", "bob"]
    assert [one["who"] for one in read_audit(shared, newest=1)] == ["bob"]


def test_where_it_cannot_be_written_costs_are_not_made_but_ended(shared, monkeypatch):
    monkeypatch.setenv(PERSON, "ada")
    audit_file(shared).mkdir()  # as good as a full disk
    with pytest.raises(WorkbenchError, match="written down first"), recorded(shared, "deploy", "m", costs=True):
        pytest.fail("begun")
    ended = []
    with recorded(shared, "delete", "e-1", costs=True):
        ended.append(1)
    assert ended


def test_people_who_share_a_machine_open_no_folder_of_it_as_a_model(shared, tiny, monkeypatch):
    """Another's model is such a folder."""
    with pytest.raises(WorkbenchError, match="no model called"):
        resolve(str(tiny), shared)
    monkeypatch.delenv(PERSON)
    assert resolve(str(tiny), shared).path == tiny.resolve()


def test_the_audit_is_read_on_the_command_line(shared, capsys, monkeypatch):
    from workbench.users import main

    monkeypatch.setenv(PERSON, "ada")
    with recorded(shared, "deploy", "m\x1b[31m", costs=True) as entry:
        entry["dollars_an_hour"] = 1.25
    assert main(["--workspace", str(shared.house), "audit"]) == 0
    shown = capsys.readouterr().out
    assert "ada  deploy m?[31m (AWS, $1.25 an hour): done" in shown
    assert main(["--workspace", str(shared.house), "audit", "--json"]) == 0
    assert [json.loads(line)["outcome"] for line in capsys.readouterr().out.splitlines()] == ["begun", "done"]


def test_training_where_it_costs_is_refused_below_the_page_too(shared):
    from core.runs.job import Record, save
    from core.runs.run import Run
    from core.runs.trainers import Trainers

    run = Run(shared.runs / "a-1")
    run.folder.mkdir()
    write_json(run.recipe_file, {"id": "a-1", "target": {"on": "sagemaker"}})
    trainers = Trainers(shared, lambda: None)
    for ask in (trainers.submit, trainers.resume):
        with pytest.raises(WorkbenchError, match="right to spend money"):
            ask(run)
    save(run, Record(
        name="x", attempt=1, folder="s3://b/x/", profile=None, region="us-east-1", role="r", bucket="b", phase="over",
        instance_type="ml.m5.large", instance_count=1, spot=False, keep_warm_seconds=0,
    ))
    with pytest.raises(WorkbenchError, match="right to spend money"):
        trainers.delete(run)
    assert run.folder.exists()
