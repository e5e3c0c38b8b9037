"""What holds in every unit test: an error that a person can meet is written in whole sentences, and no example of a property
fails for taking long."""

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from core.errors import WorkbenchError
from tests.sentences import is_said_well

hypothesis.settings.register_profile("however busy the machine is", deadline=None)
hypothesis.settings.load_profile("however busy the machine is")

CORE = Path(__file__).resolve().parents[2] / "core"
#: Here the reason is often another's words, which say what to do themselves.
MAY_END_WITH_THE_REASON = ("endpoints", "cli")


@pytest.fixture(autouse=True)
def errors_are_sentences(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every error that ``core`` makes says what is so and what to do, and why where that is known."""
    wrong: list[tuple[str, ...]] = []
    begin = WorkbenchError.__init__

    def look(self: WorkbenchError, what: str, why: str = "", what_to_do: str = "") -> None:
        begin(self, what, why, what_to_do)
        maker = sys._getframe(1)
        while maker.f_back is not None and maker.f_code.co_name == "__init__":  # of a more particular error
            maker = maker.f_back
        file = Path(maker.f_code.co_filename)
        if CORE in file.parents:
            short = file.parent.name in MAY_END_WITH_THE_REASON
            said = [what, *([] if why == "" else [why]), *([] if short and what_to_do == "" else [what_to_do])]
            if not all(map(is_said_well, said)):
                wrong.append((what, why, what_to_do))

    monkeypatch.setattr(WorkbenchError, "__init__", look)
    yield
    assert not wrong
