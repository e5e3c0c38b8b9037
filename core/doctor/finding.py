"""One answer of the doctor."""

from dataclasses import dataclass
from typing import Literal

#: "note" is worth knowing, and nothing is wrong; "bad" needs somebody to do something.
State = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        area: which part of the whole: "Installation", "Disk" ...
        what, why, what_to_do: sentences of our own words, numbers and names of packages, settings and permissions alone: a
            support bundle holds them.
        names: whatever a person, their machine or their account named: paths, runs, files. They stay on this machine.
    """

    area: str
    state: State
    what: str
    why: str = ""
    what_to_do: str = ""
    names: tuple[str, ...] = ()
