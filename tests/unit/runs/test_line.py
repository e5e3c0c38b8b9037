"""Whose training is next where several people share a machine."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.process import name_process
from core.runs.line import at_work, in_order, own_places, took_turn, whole_line
from core.runs.local import LocalTrainer
from core.runs.run import Run
from core.workspace import HOUSE_MARK, PEOPLE, Workspace, write_json

WORKER = Path(__file__).parent / "fake_worker.py"


def house_of(root: Path, *names: str) -> dict[str, Workspace]:
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / HOUSE_MARK, {})
    return {name: Workspace.at(root / PEOPLE / name) for name in names}


def put_in_line(workspace: Workspace, run_id: str, at: int, **settings) -> Run:
    """A run that was put in the line at second ``at``, ready for the worker that only pretends."""
    run = Run(workspace.runs / run_id)
    run.folder.mkdir()
    write_json(run.recipe_file, {"id": run_id, "fake": {"steps": 2}, **settings})
    run.queued_file.touch()
    os.utime(run.queued_file, (at, at))
    return run


@pytest.fixture
def people(tmp_path):
    return house_of(tmp_path / "house", "ada", "bob", "eve")


def test_people_take_turns_however_many_trainings_one_of_them_has(people):
    for number in range(4):
        put_in_line(people["ada"], f"a-{number}", number + 1)
    put_in_line(people["bob"], "b-0", 10)
    put_in_line(people["eve"], "e-0", 20)
    put_in_line(people["eve"], "e-1", 21)
    ids = [run.id for _, run in in_order(people["bob"])]
    assert ids == ["a-0", "b-0", "e-0", "a-1", "e-1", "a-2", "a-3"]


def test_whoever_had_the_last_turn_waits_for_the_others(people):
    write_json(people["ada"].house / "turns.json", {"ada": time.time(), "bob": time.time() - 60})
    put_in_line(people["ada"], "a-0", 1)
    put_in_line(people["bob"], "b-0", 2)
    assert [run.id for _, run in in_order(people["ada"])] == ["b-0", "a-0"]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("ada bob eve".split()), st.integers(1, 5), min_size=1))
def test_nobody_waits_longer_than_one_run_of_each_other_person(tmp_path_factory, numbers):
    people = house_of(tmp_path_factory.mktemp("h") / "house", *numbers)
    for name, number in numbers.items():
        for one in range(number):
            put_in_line(people[name], f"{name}-{one}", one + 1)
    order = [owner.root.name for owner, _ in in_order(next(iter(people.values())))]
    assert sorted(order) == sorted(name for name, number in numbers.items() for _ in range(number))
    left = dict(numbers)
    for start in range(0, len(order)):
        turn = order[start]
        for other in left:  # between two turns of one person each other who waits has one
            if other != turn and left[other] and turn in order[start + 1 :]:
                assert other in order[start + 1 : order.index(turn, start + 1)] or left[other] == 0
        left[turn] -= 1


def test_one_training_at_a_time_for_all_of_them_and_any_app_moves_the_line(people, until_true):
    trainers = {name: LocalTrainer(one, [sys.executable, str(WORKER)]) for name, one in people.items()}
    first, second = put_in_line(people["ada"], "a-0", 1), put_in_line(people["bob"], "b-0", 2)
    write_json(first.recipe_file, {"id": "a-0", "fake": {"steps": 400}})
    assert trainers["bob"].launch_next() == first  # ada's app is not there: bob's own waits, so it moves the line
    assert trainers["ada"].launch_next() is None and trainers["bob"].launch_next() is None
    assert at_work(people["eve"]) == (people["ada"], first)
    environment = Path(f"/proc/{first.status().pid}/environ").read_bytes()
    assert b"WORKBENCH_PERSON=ada" in environment.split(b"\0")  # hers, though bob's app started it
    assert set(json.loads((people["ada"].house / "turns.json").read_text())) == {"ada"}
    os.kill(first.status().pid, signal.SIGKILL)
    until_true(lambda: first.worker() is None, "it is gone")
    until_true(lambda: trainers["bob"].launch_next() == second, "bob's turn")
    os.kill(second.status().pid, signal.SIGKILL)


def test_the_line_tells_places_and_estimates(people):
    put_in_line(people["ada"], "a-0", 1, expected_seconds=100)
    put_in_line(people["bob"], "b-0", 2, expected_seconds=60)
    put_in_line(people["eve"], "e-0", 3)
    put_in_line(people["ada"], "a-1", 4, expected_seconds=30)
    turns = whole_line(people["bob"])
    assert [(turn.owner.root.name, turn.starts_in, turn.takes) for turn in turns] == [
        ("ada", 0, 100), ("bob", 100, 60), ("eve", 160, None), ("ada", None, 30)
    ]
    assert own_places(turns, people["ada"]) == {"a-0": 1, "a-1": 4}


def test_what_a_run_at_work_has_done_is_taken_off_its_estimate(people):
    run = put_in_line(people["ada"], "a-0", 1, expected_seconds=100)
    put_in_line(people["bob"], "b-0", 2, expected_seconds=60)
    write_json(run.launched_file, {**name_process(os.getpid()), "starts": 0})
    run.queued_file.unlink()
    for event in ({"kind": "plan", "steps": 10}, {"kind": "step", "step": 4}):
        with run.events_file.open("a") as events:
            events.write(json.dumps({"t": 1, **event}) + "\n")
    assert [(turn.run.id, turn.starts_in, turn.takes) for turn in whole_line(people["eve"])] == [("a-0", 0, 60), ("b-0", 60, 60)]
    assert own_places(whole_line(people["bob"]), people["bob"]) == {"b-0": 1}
    assert own_places(whole_line(people["ada"]), people["ada"]) == {}


def test_only_people_who_share_a_machine_have_turns(people, tmp_path):
    alone = Workspace.at(tmp_path / "alone")
    took_turn(alone)
    assert not (alone.house / "turns.json").exists()
    before = time.time()
    for name in ("ada", "bob", "ada"):
        took_turn(people[name])
    turns = json.loads((people["ada"].house / "turns.json").read_text())
    assert set(turns) == {"ada", "bob"} and before <= turns["bob"] <= turns["ada"] <= time.time()


def test_of_two_that_came_in_the_same_moment_the_name_decides(people):
    for name in ("b-0", "a-0", "c-0"):
        put_in_line(people["ada"], name, 7)
    (people["ada"].runs / "Not a run").mkdir()
    (people["ada"].runs / "Not a run" / "queued").touch()
    assert [run.id for _, run in in_order(people["bob"])] == ["a-0", "b-0", "c-0"]


def test_alone_on_a_machine_it_is_first_come_first_served(tmp_path):
    alone = Workspace.at(tmp_path / "users" / "me")  # a folder of that name alone makes nobody share anything
    put_in_line(alone, "b-0", 2)
    put_in_line(alone, "a-0", 1)
    assert [run.id for _, run in in_order(alone)] == ["a-0", "b-0"] and alone.house == alone.root
