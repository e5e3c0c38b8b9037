"""The packages of the containers, in folders of their own, so that the project's environment stays as it is.

torch, transformers and the like are the project's; what is in these folders comes before them on a container's path.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Without their dependencies: those that are not here (psutil, Pillow, torch, transformers ...) the project has itself.
SERVING = ROOT / "build" / "serving"
SERVING_PACKAGES = (
    "multi-model-server==1.1.11",
    "sagemaker-huggingface-inference-toolkit==2.6.0",
    "sagemaker-inference==1.10.1",
    "model-archiver==1.0.3",
    "future>=1.0,<2",
    "retrying>=1.4,<2",
    "setuptools<81",  # the last with pkg_resources
)

#: The ``train`` program of the training images, which a job without a command of its own runs.
TRAINING = ROOT / "build" / "training"
TRAINING_PACKAGES = ("sagemaker-training==5.1.4", "inotify-simple>=2.0,<3", "retrying>=1.4,<2")


def install() -> None:
    """Install what is not there yet.

    sagemaker-training is built by a C compiler; where there is none, jobs without a command of their own fail.

    Raises:
        subprocess.CalledProcessError: pip could not install the packages for serving.
    """
    import filelock  # not there yet when ``python -m tests`` begins

    SERVING.parent.mkdir(exist_ok=True)
    with filelock.FileLock(SERVING.parent / ".containers.lock"):
        _install(SERVING, SERVING_PACKAGES)
        try:
            _install(TRAINING, TRAINING_PACKAGES)
        except subprocess.CalledProcessError:
            print("sagemaker-training cannot be built here: training jobs need a command of their own.", file=sys.stderr)


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    marker, wanted = folder / ".installed", "\n".join((sys.version, *packages))
    if not (marker.exists() and marker.read_text() == wanted):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]
        subprocess.run([*pip, "--target", str(folder), *packages], check=True, stdout=sys.stderr)
        marker.write_text(wanted)


if __name__ == "__main__":
    install()
