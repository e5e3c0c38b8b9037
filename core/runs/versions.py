"""What decides, besides recipe and data, what comes out of a training: the versions of its libraries."""

import platform
from importlib import metadata

PACKAGES = ("torch", "sentence-transformers", "transformers", "tokenizers", "numpy")


def versions() -> dict[str, str]:
    """Python's version and those of the libraries that are installed here."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
