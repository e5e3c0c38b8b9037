"""The event lines: what is written is read back, whatever texts and crashes do to the file."""

import io
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.runs.events import EventWriter, parse_events, parse_progress, read_events

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts=st.lists(TEXT, max_size=5))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path, texts):
    file = tmp_path / "events.jsonl"
    file.unlink(missing_ok=True)
    writer = EventWriter(file)
    for text in texts:
        writer.write("stage", text=text)
    assert [event["text"] for event in read_events(file)[0]] == texts


def test_a_line_separator_inside_a_text_does_not_cut_the_event(tmp_path):
    EventWriter(tmp_path / "e").write("stage", text="one\u2028two\u0085three")
    assert read_events(tmp_path / "e")[0][0]["text"] == "one\u2028two\u0085three"


def test_reading_on_gives_only_what_is_new_and_leaves_half_a_line(tmp_path):
    file = tmp_path / "events.jsonl"
    writer = EventWriter(file)
    writer.write("start", pid=1)
    events, after = read_events(file)
    assert [event["kind"] for event in events] == ["start"]
    with file.open("a") as raw:
        raw.write('{"kind": "step", "st')
    assert read_events(file, after) == ([], after)
    with file.open("a") as raw:
        raw.write('ep": 1}\n')
    events, after = read_events(file, after)
    assert events == [{"kind": "step", "step": 1}]
    assert read_events(file, after) == ([], after)


def test_a_killed_workers_half_line_does_not_swallow_the_next_start(tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text('{"kind": "start"}\n{"kind": "step", "lo')
    EventWriter(file).write("start", pid=2)
    assert [event["kind"] for event in read_events(file)[0]] == ["start", "start"]


def test_numbers_that_json_cannot_hold_become_null(tmp_path):
    mirror = io.StringIO()
    EventWriter(tmp_path / "e", mirror).write("step", loss=float("nan"), more={"x": [float("inf"), 1.5]})

    def refuse(name):
        raise AssertionError(name)

    event = json.loads(mirror.getvalue(), parse_constant=refuse)
    assert event["loss"] is None and event["more"] == {"x": [None, 1.5]}


def test_anything_else_in_the_stream_is_passed_over():
    lines = ["", "Loading weights", "{not json", '{"no": "kind"}', '{"kind": 3}', "[1]", '{"kind": "done"}', "5"]
    assert list(parse_events(lines)) == [{"kind": "done"}]


def test_a_missing_file_has_no_events(tmp_path):
    assert read_events(tmp_path / "none", 7) == ([], 7)


def test_how_far_a_run_is_is_read_alike_by_the_short_way_and_the_long(tmp_path):
    writer = EventWriter(tmp_path / "events.jsonl")
    for step in range(1, 4):
        writer.write("step", step=step, steps=9, loss=0.1 * step, **{"pass": 0.5})
    writer.write("stage", text='a text with "kind": "step", "step": 7, in it', before=3, done=0)
    writer.write("step", steps=9, step=4)  # another order
    writer.write("done", model="m", stopped=False)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    lines += [lines[0][:-1], lines[0] + "x", lines[0].replace('"step": 1', '"step": "1"'), "noise"]
    long, short = list(parse_events(lines)), list(parse_progress(lines))
    assert [(one["kind"], one.get("step")) for one in long] == [(one["kind"], one.get("step")) for one in short]
    assert len(long) == 6 and [one for one in short if one["kind"] != "step"] == [one for one in long if one["kind"] != "step"]
