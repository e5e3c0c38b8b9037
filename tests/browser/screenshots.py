"""The README's pictures, taken from the real app: ``python -m tests.browser.screenshots`` writes ``docs/*.png``.

Trains a quick run on the Bedrock example and deploys it here, then looks at every tab in both themes, wide and as on a phone.
Then does the same on the loopback SageMaker, for the pictures of the walk-through.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import test_sagemaker_journey as journey
from tests.browser.conftest import DESKTOP, FLAGS, PHONE, ROOT, App, Visitor, browser_path
from tests.browser.test_connection import connect
from tests.browser.test_endpoints_tab import delete, open_tab
from tests.sagemaker_double.client import running_double

DOCS = ROOT / "docs"


def train_one(page: Page) -> None:
    """Bring the example and train a quick run on it."""
    page.get_by_role("button", name="Bedrock FAQ").click()
    expect(page.locator("#checks")).not_to_contain_text("still reading", timeout=120_000)
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#plan")).to_contain_text("steps at most", timeout=120_000)
    page.get_by_role("button", name="Start training").click()
    expect(page.locator("#run")).to_contain_text("finished", timeout=600_000)


def deploy_one(page: Page) -> None:
    """Deploy the run that was just trained, and ask it for two vectors' likeness."""
    page.get_by_role("tab", name="Endpoints").click()
    expect(page.locator("#deploy-model input")).not_to_have_value("all-MiniLM-L6-v2")
    page.locator("#deploy").click()
    expect(page.locator("#try")).to_be_visible(timeout=300_000)


def ask_for_two(page: Page) -> None:
    """Two texts and how alike they are, as the Endpoints tab shows them."""
    for box, text in (("#try-one", "Are Agents fully managed?"), ("#try-two", "Do I run the servers of an agent myself?")):
        page.locator(f"{box} textarea, {box} input").first.fill(text)
    page.locator("#try").click()
    page.locator("#answer .stat").wait_for()


def look(page: Page, suffix: str) -> None:
    """One picture a tab, once everything in it is drawn."""
    tabs = (("Pairs", "#rows tbody tr"), ("Train", "#run .stat"), ("Compare", "#verdict .verdict .b"), ("Endpoints", "#try"))
    for tab, ready in tabs:
        page.get_by_role("tab", name=tab).click()
        page.locator(ready).first.wait_for(timeout=60_000)
        if tab == "Compare":
            expect(page.locator("#cosines .big.b")).not_to_have_text("–", timeout=60_000)
        if tab == "Endpoints":
            ask_for_two(page)
        page.mouse.move(5, 5)
        page.wait_for_timeout(2500)
        page.screenshot(path=DOCS / f"{tab.lower()}-{suffix}.png", clip=None, full_page=suffix.startswith("phone"))


def walk_on_sagemaker(browser: Browser, folder: Path) -> None:
    """The pictures of the walk-through: before and during a training, an endpoint, and its deletion."""
    with running_double(JAVA_HOME="/nowhere") as double:
        app = App(folder / "on SageMaker", double.environment)
        app.start()
        visitor = Visitor(browser, app.address)
        page = visitor.open(viewport={**DESKTOP, "height": 1100})
        try:
            journey.bring_pairs(page)
            connect(open_tab(page), double)
            journey.choose_sagemaker(page)
            page.locator("#start").scroll_into_view_if_needed()
            snap(page, "train-cost", top=False)
            page.get_by_role("button", name="Start training").click()
            page.wait_for_function(f"({journey.POINTS}) >= 6", timeout=300_000)
            snap(page, "train")
            expect(page.locator("#run")).to_contain_text("finished", timeout=600_000)
            name = journey.deploy(page, page.url.rpartition("run=")[2].partition("&")[0])
            ask_for_two(page)
            snap(page, "endpoint")
            delete(page, name)
            snap(page, "deleted")
        finally:
            visitor.close()
            app.stop()


def snap(page: Page, name: str, *, top: bool = True) -> None:
    """One picture of the walk-through, of what is in sight; from the top of the page where nothing else is said."""
    page.mouse.move(5, 5)
    if top:
        page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1500)
    page.screenshot(path=DOCS / f"walkthrough-{name}.png")


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App(Path(folder) / "workspace")
        app.start()
        try:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
            visitor = Visitor(browser, app.address)
            page = visitor.open()
            train_one(page)
            deploy_one(page)
            link = page.url.removeprefix(app.address)
            for suffix, dark in (("light", False), ("dark", True)):
                look(
                    visitor.open(
                        link.replace("theme=light", f"theme={suffix}"), dark=dark, viewport={**DESKTOP, "height": 1100}
                    ),
                    suffix,
                )
                look(
                    visitor.open(link.replace("theme=light", f"theme={suffix}"), dark=dark, viewport=PHONE),
                    f"phone-{suffix}",
                )
            visitor.close()
        finally:
            app.stop()
        walk_on_sagemaker(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
