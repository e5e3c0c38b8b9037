"""Install what the tests need, a browser included, and run them: ``python -m tests [arguments for pytest]``. Without
arguments the types of ``core`` are checked first.

The browser is an installed Chromium or Chrome; else Playwright's own; else, for root on Debian, the chromium package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.sagemaker_double import serving_packages

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def main(arguments: list[str]) -> int:
    """Install, check the types, then run pytest; the exit code of what failed first is returned."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", "requirements.txt", "-r", "tests/requirements.txt"], cwd=ROOT, check=True)
    serving_packages.install()
    browser = installed_browser() or playwright_browser() or debian_browser()
    if browser is None:
        print("The browser tests need Chromium: install it, or let Playwright download it.", file=sys.stderr)
        return 2
    print(f"Browser: {browser}", flush=True)
    if not arguments and (wrong := subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT).returncode):
        return wrong
    # Two tests run at a time, each with a worker now and then: one thread each is faster than all wanting every core.
    settings = {"WORKBENCH_TEST_BROWSER": browser, "GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "pytest", *(arguments or ["-q", "-n", "2", "--dist", "loadfile"])]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def installed_browser() -> str | None:
    """A Chromium or Chrome on the path."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def playwright_browser() -> str | None:
    """Playwright's own Chromium, downloaded where it is missing and can be had."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False, capture_output=True)
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    path = answer.stdout.strip()
    return path if path and Path(path).exists() else None


def debian_browser() -> str | None:
    """The chromium package, where this is root on a Debian-like system."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False)
    return installed_browser()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
