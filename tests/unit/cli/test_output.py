"""Text from files reaches a terminal as text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.cli.follow import _duration
from core.cli.output import Progress, printable, write_json


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(text):
    assert all(char.isprintable() or char == "\n" for char in printable(text))


def test_escape_codes_and_text_direction_are_shown():
    assert printable("\x1b[2Ja\u202eb\r\0") == "\\x1b[2Ja\\u202eb \\x00"
    assert printable("plain, “quoted” – ü 漢 😀\nnext") == "plain, “quoted” – ü 漢 😀\nnext"
    assert printable("no\xa0break\tand tab") == "no break and tab"


def test_json_is_one_line_of_ascii(capsys):
    value = {"text": "ü\n\u2028\x1b", "none": None}
    write_json(value)
    out = capsys.readouterr().out
    assert out.isascii() and out.count("\n") == 1 and json.loads(out) == value


def test_durations_in_words():
    assert [_duration(seconds) for seconds in (0.4, 59.4, 61, 3600, 7321)] == [
        "0 s", "59 s", "1 min 01 s", "1 h 00 min", "2 h 02 min",
    ]


def test_progress_is_a_line_for_every_tenth_on_standard_error(capsys):
    progress = Progress("Reading")
    for done in range(0, 2001, 50):
        progress(done, 2000)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [f"Reading: {done:,} of 2,000" for done in range(0, 2001, 200)]


def test_progress_renews_one_line_on_a_terminal_and_ends_it(capsys, monkeypatch):
    progress = Progress("Reading")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress(0, 2)
    progress(2, 2)
    said = capsys.readouterr().err
    assert said.count("\r") == 2 and said.count("\n") == 1 and said.endswith("\n")
    assert said.split("\r")[2].rstrip() == "Reading: 2 of 2"


def test_progress_says_nothing_where_nothing_is_to_do(capsys):
    Progress("Reading")(5, 5)
    Progress("Reading")(0, 0)
    assert capsys.readouterr() == ("", "")
