"""``python -m pip install -r FILE``: says of every requirement whether this machine has it; fails where one is missing."""

import importlib.metadata
import sys

from packaging.requirements import Requirement


def wanted(arguments: list[str]) -> list[str]:
    """The requirements that are named, and those of the files that are."""
    found, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument in ("-r", "--requirement"):
            with open(rest.pop(0)) as file:
                found += [line.split("#")[0].strip() for line in file]
        elif not argument.startswith("-"):
            found.append(argument)
    return [requirement for requirement in found if requirement and not requirement.startswith("-")]


def main() -> int:
    """What pip would do but for installing."""
    if sys.argv[1:2] != ["install"]:
        print("The double's pip knows only 'install'.", file=sys.stderr)
        return 1
    for text in wanted(sys.argv[2:]):
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            print(f"ERROR: No matching distribution found for {text}: the double installs nothing, and this machine lacks it")
            return 1
        if requirement.specifier.contains(version, prereleases=True):
            print(f"Requirement already satisfied: {text} ({version})")
        else:
            print(f"Not installed: {text}. The double's container goes on with this machine's {requirement.name} {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
