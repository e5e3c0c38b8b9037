"""A real app on a free port and a real Chromium; a page that logs an error to its console fails its test."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from core.endpoints.local import LocalHost
from core.runs.run import all_runs
from core.workspace import Workspace
from tests.__main__ import installed_browser

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=30_000)  # these machines are shared and slow at times
DESKTOP, PHONE = {"width": 1240, "height": 1000}, {"width": 390, "height": 844}


#: No call of a test may reach an account of whoever runs it.
NO_AWS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}


#: When a test began, and how many lines of an app's log it shows where it fails.
_BEGAN = pytest.StashKey[float]()
_LOG_LINES = 150


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_BEGAN] = time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that fails shows what its apps have logged: of a server's error a console tells the number alone."""
    report = yield
    if report.failed:
        for log in App.logs:
            if log.exists() and log.stat().st_mtime >= item.stash[_BEGAN]:
                lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
                report.sections.append((f"end of the log of {log}", "\n".join(lines)))
    return report


class App:
    """The app as a process of its own, over a workspace of its own.

    Args:
        environment: what finds an AWS account, such as the double's; without it there is none, whatever this machine has.

    Attributes:
        logs: the logs of all apps that were started.
    """

    logs: ClassVar[list[Path]] = []

    def __init__(self, workspace: Path, environment: Mapping[str, str] = NO_AWS):
        self.workspace = workspace
        self.environment = environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "workbench",
            "--no-browser",
            "--workspace",
            str(self.workspace),
            "--port",
            str(self.port),
        ]
        file = self.workspace.parent / f"{self.workspace.name}.log"
        with file.open("ab") as log:
            own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**own, **self.environment})
        if file not in self.logs:
            self.logs.append(file)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/healthz", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(file.read_text())

    def end(self) -> None:
        """End the app alone: it can be started again."""
        self.process.terminate()
        self.process.wait(timeout=20)

    def stop(self) -> None:
        """End the app, with its workers and endpoints: those outlive an app, and here nobody would end them."""
        self.end()
        for run in all_runs(Workspace(self.workspace)):
            if pid := run.status().pid:
                os.kill(pid, signal.SIGKILL)
        host = LocalHost(Workspace(self.workspace))
        for endpoint in host.list():
            host.delete(endpoint.name)


@pytest.fixture(scope="module")
def aws_environment() -> Mapping[str, str]:
    """What the app of a file finds of AWS: nothing, unless the file has a fixture of this name."""
    return NO_AWS


@pytest.fixture(scope="module")
def app(tmp_path_factory, aws_environment) -> Iterator[App]:
    """One app for all tests of a file."""
    one = App(tmp_path_factory.mktemp("app") / "workspace", aws_environment)
    one.start()
    yield one
    one.stop()


#: Without the networking flags Chromium looks for hosts that a closed network does not have.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]


def browser_path() -> str | None:
    """The browser that ``python -m tests`` found, or an installed one; None lets Playwright take its own."""
    return os.environ.get("WORKBENCH_TEST_BROWSER") or installed_browser()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield browser
        browser.close()


def cut_off(page: Page) -> bool:
    """Whether something on the page is wider than its window. Gradio hides what sticks out, so the window itself never
    has anything to scroll."""
    return page.evaluate("document.querySelector('.gradio-container').scrollWidth > innerWidth")


def complaint(message: ConsoleMessage) -> str:
    """What a console says, and of what address. What is asked for there is left out: it may be a text."""
    return f"{message.text} ({message.location['url'].partition('?')[0]})"


class Visitor:
    """Opens pages and remembers what their consoles complained of."""

    def __init__(self, browser: Browser, address: str):
        self._browser, self._address = browser, address
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, path: str = "/", *, viewport: dict | None = None, dark: bool = False) -> Page:
        """A page in a browser of its own."""
        context = self._browser.new_context(
            viewport=viewport or DESKTOP, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        self._contexts.append(context)
        return self.another(context, path)

    def another(self, context: BrowserContext, path: str = "/") -> Page:
        """One more tab of the same browser."""
        page = self.blank(context)
        page.goto(f"{self._address}{path}")
        page.get_by_role("tab", name="Pairs").wait_for()
        return page

    def blank(self, context: BrowserContext) -> Page:
        """One more tab that has not opened the app yet."""
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: self.complaints.append(complaint(message)) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def reload(self, page: Page) -> None:
        """Reload; a request that was under way is cut off by that, which is no complaint of ours."""
        page.wait_for_timeout(300)
        before = list(self.complaints)
        page.reload()
        page.get_by_role("tab", name="Pairs").wait_for()
        cut_off = ("AbortError", "Connection errored out")
        self.complaints[:] = before + [
            one for one in self.complaints[len(before) :] if not any(name in one for name in cut_off)
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, app: App) -> Iterator[Visitor]:
    visitor = Visitor(browser, app.address)
    yield visitor
    visitor.close()
    assert not visitor.complaints
