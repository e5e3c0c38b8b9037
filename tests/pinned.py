"""The exact versions that the tests ran with, for the container: ``python -m tests.pinned`` writes requirements-pinned.txt.

They are those installed here of the packages in requirements.txt and of all that these need, on this system.
"""

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PINNED = ROOT / "requirements-pinned.txt"
HEAD = """\
# Every package that requirements.txt leads to, of the version that the tests ran with (Linux, Python 3.11). Made by:
# python -m tests.pinned
"""


def requirements(file: Path) -> list[Requirement]:
    """The lines of a file of requirements."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Requirement(wanted) for line in lines if (wanted := line.partition("#")[0].strip())]


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Name -> installed version of the packages and of all that they need here."""
    found: dict[str, str] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    left = list(wanted)
    while left:
        one = left.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        if (name, extras) in done:
            continue
        done.add((name, extras))
        found[name] = Version(metadata.version(name)).public  # without which build it is: "+cpu"
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                left.append(needed)
    return found


if __name__ == "__main__":
    versions = closure(requirements(ROOT / "requirements.txt"))
    PINNED.write_text(HEAD + "".join(f"{name}=={versions[name]}\n" for name in sorted(versions)), encoding="utf-8")
    print(f"{len(versions)} packages in {PINNED.name}")
