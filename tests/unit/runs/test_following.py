"""Following a file by what is new gives what reading all of it gives, whatever happens to the file."""

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.runs import following
from core.runs.events import read_events
from core.runs.following import Follower


def numbers() -> Follower[list]:
    return Follower(list, lambda state, event: [*state, event["n"]], kept=2)


def line(number: int) -> bytes:
    return json.dumps({"kind": "step", "n": number, "t": number * 7919 % 1000}).encode() + b"\n"


def test_only_what_is_new_is_read(tmp_path, monkeypatch):
    file, follower, starts = tmp_path / "events.jsonl", numbers(), []

    def watched(path, after, parse):
        starts.append(after)
        return read_events(path, after, parse)

    monkeypatch.setattr(following, "read_events", watched)
    file.write_bytes(b"".join(map(line, range(100))))
    size = file.stat().st_size
    assert follower.look(file, list) == follower.look(file, list) == list(range(100))
    with file.open("ab") as more:
        more.write(line(100))
    assert follower.look(file, list)[-1] == 100
    assert starts == [0, size]


def test_a_missing_file_has_no_events_and_a_removed_one_none_any_more(tmp_path):
    file, follower = tmp_path / "events.jsonl", numbers()
    assert follower.look(file, list) == []
    file.write_bytes(line(1))
    assert follower.look(file, list) == [1]
    file.unlink()
    assert follower.look(file, list) == []


def test_a_new_file_of_the_same_name_is_not_taken_for_the_old_one(tmp_path):
    """A run that is deleted frees its id; so does a file that is cut and written on."""
    file, follower = tmp_path / "events.jsonl", numbers()
    file.write_bytes(line(1) + line(2))
    assert follower.look(file, list) == [1, 2]
    file.write_bytes(line(3) + line(4) + line(5))
    assert follower.look(file, list) == [3, 4, 5]
    os.truncate(file, len(line(3)))
    assert follower.look(file, list) == [3]


def test_what_is_dropped_from_memory_is_read_again(tmp_path):
    follower = numbers()
    for name in "abcab":
        (tmp_path / name).write_bytes(line(ord(name)))
        assert follower.look(tmp_path / name, list) == [ord(name)]


PIECES = st.lists(
    st.one_of(st.integers(0, 9).map(line), st.sampled_from([b"library output\n", b'{"kind": 3}\n', b'{"kind": "st', b"\n"])),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PIECES, st.sets(st.integers(0, 12)))
def test_following_gives_what_reading_gives(tmp_path, pieces, looks):
    file, follower = tmp_path / "events.jsonl", numbers()
    file.unlink(missing_ok=True)
    for number, piece in enumerate(pieces):
        with file.open("ab") as more:
            more.write(piece)
        if number in looks:
            assert follower.look(file, list) == [one["n"] for one in read_events(file)[0] if "n" in one]
    assert follower.look(file, list) == [one["n"] for one in read_events(file)[0] if "n" in one]
