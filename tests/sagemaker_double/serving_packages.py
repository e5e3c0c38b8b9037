"""The packages of the serving container, in a folder of their own, so that the project's environment stays as it is.

torch and transformers are the project's; what is here comes before them on the model server's path.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FOLDER = ROOT / "build" / "serving"

#: Without their dependencies: those that are not here (psutil, Pillow, torch, transformers ...) the project has itself.
PACKAGES = (
    "multi-model-server==1.1.11",
    "sagemaker-huggingface-inference-toolkit==2.6.0",
    "sagemaker-inference==1.10.1",
    "model-archiver==1.0.3",
    "future>=1.0,<2",
    "retrying>=1.4,<2",
    "setuptools<81",  # the last with pkg_resources
)


def install() -> Path:
    """Install the packages where they are not there yet; the folder they are in.

    Raises:
        subprocess.CalledProcessError: pip could not install them.
    """
    marker, wanted = FOLDER / ".installed", "\n".join((sys.version, *PACKAGES))
    if not (marker.exists() and marker.read_text() == wanted):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]
        subprocess.run([*pip, "--target", str(FOLDER), *PACKAGES], check=True)
        marker.write_text(wanted)
    return FOLDER


if __name__ == "__main__":
    print(install())
