"""A base image in place of the public one, and an image of the Dockerfile on it, by buildah with chroot isolation."""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE, IMAGE = "workbench-stand-in-python", "workbench-under-test"
#: What the public image has that Debian's own Python has not: names without a 3, and a pip that may install for all.
_AS_PUBLIC = "ln -sf python3 /usr/bin/python; ln -sf pip3 /usr/bin/pip; rm -f /usr/lib/python3*/EXTERNALLY-MANAGED"


def buildah(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run buildah; what it prints is shown where the result is not captured."""
    return subprocess.run(["buildah", *arguments], check=True, text=True, **options)


def output(*arguments: str) -> str:
    """What buildah prints."""
    return buildah(*arguments, stdout=subprocess.PIPE).stdout.strip()


def has_image(name: str) -> bool:
    """Whether there is an image of that name."""
    return subprocess.run(["buildah", "inspect", "--type", "image", name], capture_output=True).returncode == 0


def make_base(mirror: str) -> None:
    """Debian 12 with Python 3.11, as small as debootstrap makes it; ``mirror`` is "" for debootstrap's own choice."""
    with tempfile.TemporaryDirectory() as place:
        root = f"{place}/root"
        packages = "python3,python3-pip,ca-certificates"
        command = ["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", root]
        subprocess.run([*command, *filter(None, [mirror])], check=True)
        subprocess.run(["chroot", root, "sh", "-c", _AS_PUBLIC], check=True)
        subprocess.run(["sh", "-c", f"rm -rf {root}/var/cache/apt/archives/*.deb {root}/var/lib/apt/lists/*"], check=True)
        subprocess.run(["tar", "-C", root, "-cf", f"{place}/root.tar", "."], check=True)
        container = output("from", "scratch")
        buildah("add", "--quiet", container, f"{place}/root.tar", "/", stdout=subprocess.DEVNULL)
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        buildah("config", "--env", path, container)
        buildah("commit", "--quiet", "--rm", container, BASE, stdout=subprocess.DEVNULL)


def build_image() -> None:
    """The Dockerfile as it is, on the stand-in, with this machine's settings of pip and no trace of them in the image."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        paths = write_pip_settings(settings)
        volumes = [part for path in paths for part in ("--volume", f"{path}:{path}:ro")]
        buildah(
            "build", "--isolation", "chroot", "--format", "docker", "--layers=false", "--build-arg", f"BASE=localhost/{BASE}",
            "--secret", f"id=pip,src={settings.name}", *volumes, "--tag", IMAGE, str(ROOT),
        )


def write_pip_settings(file) -> list[str]:
    """Write pip's settings of this machine as one file; gives the files and folders of this machine that they name."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    values = {}
    for line in said.splitlines():
        name, _, value = line.partition("=")
        values[name.rpartition(".")[2]] = " ".join(shlex.split(value))
    file.write("[global]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    file.flush()
    named = [Path(word.removeprefix("file://")) for value in values.values() for word in value.split() if "/" in word]
    named = [path.parent if path.name == "simple" else path for path in named]  # an index's files lie beside its pages
    there = sorted({str(path) for path in named if path.is_absolute() and path.exists()})
    return [path for path in there if not any(Path(other) in Path(path).parents for other in there)]


def configuration() -> dict:
    """The image's own settings: ``User``, ``Cmd``, ``Healthcheck`` ..."""
    return json.loads(output("inspect", "--type", "image", IMAGE))["Docker"]["config"]
