"""Text from files reaches a terminal as text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.cli.follow import _duration
from core.cli.output import printable, write_json


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
