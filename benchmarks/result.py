"""One row of the benchmark table."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """A ratio measured against a named peer in the same run.

    Attributes:
        name: what was measured.
        ratio: ours against the peer's; None where it could not be measured.
        target: what the ratio should reach.
        met: whether it does; None where it could not be measured.
        against: the peer, with the figures behind the ratio.
    """

    name: str
    ratio: float | None
    target: float
    met: bool | None
    against: str

    def as_dict(self) -> dict:
        return asdict(self)
