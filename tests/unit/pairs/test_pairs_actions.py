"""The list of what was done to a set's rows: whatever becomes of its file, nothing that was left out comes back unsaid."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.pairs.actions import History, accept_loss, append_action, read_history, replay
from core.pairs.store import add_set, open_set
from core.workspace import Workspace
from workbench.cards.pairs import checks_card, file_card


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A list of five actions."""
    path = tmp_path_factory.mktemp("made") / "actions.jsonl"
    append_action(path, "exclude", rows=[1, 2], reason="split\u2028here")
    append_action(path, "exclude", rows=[3], reason="müde")
    append_action(path, "clean", rows=[4], reason="markup")
    append_action(path, "undo", undoes=3)
    append_action(path, "include", rows=[2])
    return path


def copied(made, folder):
    for file in (made, made.with_suffix(".json")):
        shutil.copy(file, folder)
    return folder / made.name


def test_the_whole_list_is_read_whatever_its_texts_hold(made):
    history = read_history(made)
    assert (history.made, history.lost, history.cut) == (5, 0, False)
    assert replay(history.actions) == ({1: "split\u2028here", 3: "müde"}, frozenset())


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_list_that_lacks_anything_says_so(made, tmp_path_factory, data):
    path = copied(made, tmp_path_factory.mktemp("damaged"))
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content) - 2))
    end = data.draw(st.integers(start + 1, len(content) - 1)) if data.draw(st.booleans()) else len(content)
    filling = data.draw(st.sampled_from([b"", b"\0" * (end - start), b"\n"]))
    path.write_bytes(content[:start] + filling + content[end:])
    history, whole = read_history(path), read_history(made)
    left = [action for action in whole.actions if action in history.actions]
    if content[start:end] != b"\n" and len(left) < 5 and len({one.id for one in history.actions}) < 5:
        assert history.lost >= 1 and not history.cut
    assert history.made >= 5
    append_action(path, "exclude", rows=[9], reason="by you")
    after = read_history(path)
    assert after.lost == history.lost and 9 in replay(after.actions)[0]
    accept_loss(path)
    assert read_history(path).lost == 0
    append_action(path, "include", rows=[9])
    assert read_history(path).lost == 0
    path.write_bytes(b"")
    assert read_history(path).lost >= 1, "another loss is said again"
    accept_loss(path)
    assert read_history(path).lost == 0


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_list_of_which_one_byte_is_another_says_so(made, tmp_path_factory, data):
    path = copied(made, tmp_path_factory.mktemp("changed"))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b"0123456789abcdefghijklmnopqrstuvwxyz,:]} \n\0\xff"))
    path.write_bytes(content)
    history = read_history(path)
    assert history.actions == read_history(made).actions or history.lost >= 1


def test_an_action_that_a_crash_cut_short_was_not_done_and_all_others_were(made, tmp_path):
    path = copied(made, tmp_path)
    whole = path.read_bytes()
    for length in (1, 9, 20):  # the count is written after the line
        path.write_bytes(whole + b'{"id": 6, "t": 1.0, "kind": "exclude", "rows": [5]}'[:length])
        history = read_history(path)
        assert history.cut and history.lost == 0 and history.actions == read_history(made).actions
    append_action(path, "exclude", rows=[5], reason="again")
    history = read_history(path)
    assert not history.cut and history.lost == 0 and 5 in replay(history.actions)[0]


def test_a_list_from_before_there_was_a_count_is_read(made, tmp_path):
    path = tmp_path / "actions.jsonl"
    shutil.copy(made, path)
    assert read_history(path).lost == 0
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0\n" + b"".join(lines[2:]))
    assert read_history(path).lost == 1, "a number is missing"
    assert read_history(tmp_path / "none.jsonl") == History((), 0, 0, 0, False)


@pytest.fixture
def stored(tmp_path):
    file = tmp_path / "words.csv"
    file.write_text("question,answer\n" + "".join(f"what is {n},it is {n * n}\n" for n in range(6)))
    return add_set(Workspace.at(tmp_path / "workspace"), file)


@pytest.mark.parametrize("damage", [b"", b"\0" * 90, None])
def test_a_set_whose_list_is_damaged_is_not_trained_on_before_somebody_agrees(stored, damage):
    workspace = Workspace(stored.folder.parents[1])
    assert stored.loss is None and len(stored.pairs_to_train_on()) == 6
    stored.exclude([2])
    stored.exclude([4])
    file = stored.folder / "actions.jsonl"
    file.unlink() if damage is None else file.write_bytes(damage)
    again = open_set(workspace, stored.id)
    with pytest.raises(WorkbenchError) as refused:
        again.pairs_to_train_on()
    assert "Of the 2 changes" in refused.value.what and "2 cannot be read" in refused.value.what
    assert "accept-loss" in file_card(again, [], "") and "may be in use again" in file_card(again, [], "")
    again.exclude([4])
    assert open_set(workspace, stored.id).loss
    again.accept_loss()
    for one in (again, open_set(workspace, stored.id)):
        assert one.loss is None and len(one.pairs_to_train_on()) == 5 and "accept-loss" not in file_card(one, [], "")


def test_reading_the_file_in_another_way_forgets_what_was_done_without_calling_it_lost(stored):
    stored.exclude([2])
    again = stored.read_again(header=False)
    assert again.loss is None and len(again.pairs_to_train_on()) == 7


def test_a_set_from_before_changes_were_counted_can_be_read_in_another_way(stored):
    stored.exclude([2])
    (stored.folder / "actions.json").unlink()
    again = open_set(Workspace(stored.folder.parents[1]), stored.id).read_again(header=False)
    assert again.loss is None and again.actions == () and len(again.pairs_to_train_on()) == 7


def test_a_change_that_was_cut_short_is_said_on_the_page(stored):
    stored.exclude([2])
    with (stored.folder / "actions.jsonl").open("a") as actions:
        actions.write('{"id": 2, "kind": "excl')
    again = open_set(Workspace(stored.folder.parents[1]), stored.id)
    assert again.cut and len(again.pairs_to_train_on()) == 5 and "was not made" in file_card(again, [], "")


CHANGES = [
    {"rows": [999]}, {"rows": [5]}, {"rows": []}, {"rows": [-4]}, {"rows": [10**30]}, {"rows": "4"}, {"kind": "include"},
    {"kind": "clean"}, {"kind": "forget"}, {"kind": "undo", "undoes": 1}, {"undoes": 1}, {"reason": "another"}, {"id": 0},
    {"sum": 1}, {"more": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_that_is_not_as_it_was_written_is_lost_and_said(stored, change):
    stored.exclude([2])
    stored.exclude([4])
    file = stored.folder / "actions.jsonl"
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{json.dumps({**json.loads(second), **change})}\n")
    again = open_set(Workspace(stored.folder.parents[1]), stored.id)
    assert again.loss is not None and "1 cannot be read" in again.loss.what and list(again.reasons) == [2]
    again.accept_loss()
    assert again.loss is None and len(again.pairs_to_train_on()) == 5


def test_a_change_from_before_there_were_sums_is_read_and_its_card_drawn_whatever_rows_it_names(stored):
    line = {"id": 1, "t": 1.0, "kind": "exclude", "reason": "by you", "check": None, "undoes": None}
    for number, rows in ((1, [2]), (2, []), (3, [999])):
        with (stored.folder / "actions.jsonl").open("a") as actions:
            actions.write(json.dumps({**line, "id": number, "rows": rows}) + "\n")
    again = open_set(Workspace(stored.folder.parents[1]), stored.id)
    assert again.loss is None and len(again.pairs_to_train_on()) == 5
    assert "No row left out" in checks_card([], again.actions, pending=False, shown="", passed=[])
