"""Texts and names that try to become a part of the page, through the whole journey: they are shown as what they are."""

import re
import time
from collections.abc import Iterator

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.pairs.dataset import PairSet
from core.recipe import make_recipe
from core.runs.create import create_run
from core.runs.local import LocalTrainer
from core.workspace import Workspace
from tests.browser.conftest import App, complaint

#: Elements, an attribute that ends early, what Gradio's and others' templates evaluate, and a link that Plotly would make.
EVIL = (
    '"><img src=x data-evil onerror="window.pwned=1"><script data-evil>window.pwned=1</script><svg data-evil onload=window.pwned=1>'
    "${window.pwned=1}{{constructor.constructor('window.pwned=1')()}}<a data-evil href='javascript:window.pwned=1'>x</a>"
)
FILE = "<img src=x data-evil onerror=window.pwned=1>.csv"
TOPICS = ["tea", "bread", "rain", "trains", "clocks", "bees", "maps", "salt", "paper", "glass", "wool", "rivers"]
QUESTIONS = [f"How is {topic} {how}? {EVIL}" for topic in TOPICS for how in ("made", "used")]
ANSWERS = [f"{EVIL} People have {how} {topic} for long." for topic in TOPICS for how in ("made", "used")]


def unharmed(page: Page) -> None:
    """No script of a text has run, and nothing that a text describes has become an element."""
    assert page.evaluate("window.pwned") is None
    assert page.locator("[data-evil], img[src='x']").count() == 0
    assert page.locator("a[href^='javascript:'], a[*|href^='javascript:']").count() == 0


@pytest.fixture(scope="module")
def app(tmp_path_factory, tiny) -> Iterator[App]:
    """An app that trains a tiny model on such texts; the run's name and source try the same."""
    folder = tmp_path_factory.mktemp("app")
    workspace = Workspace.at(folder / "workspace")
    frame = pd.DataFrame({"row": range(1, len(QUESTIONS) + 1), "anchor": QUESTIONS, "positive": ANSWERS})
    pairs = PairSet(FILE, "pairs", {"anchor": EVIL, "positive": "answer"}, frame)
    recipe = make_recipe({"base_model": str(tiny), "epochs": 1})
    run = create_run(workspace, pairs, recipe, name=EVIL, source={"name": FILE, "digest": "0", "rows": len(frame), "set": None})
    LocalTrainer(workspace).submit(run)
    one = App(folder / "workspace")
    one.start()
    yield one
    one.stop()


def test_no_text_becomes_a_part_of_the_page(visit, app, tmp_path):
    page = visit.open()
    file = pd.DataFrame({"question": QUESTIONS, EVIL: ANSWERS}).to_csv(index=False).encode()
    page.locator("#upload input[type=file]").set_input_files({"name": FILE, "mimeType": "text/csv", "buffer": file})
    expect(page.locator("#file-card")).to_contain_text("24 rows")
    expect(page.locator("#rows")).to_contain_text("<script data-evil>")  # as text
    expect(page.locator(".masthead .context")).to_contain_text("onerror")
    unharmed(page)

    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#run")).to_contain_text("finished", timeout=150_000)
    for log in app.workspace.glob("runs/*/log.txt"):
        log.write_text(EVIL)  # a library's warning may name a text
    page.get_by_role("button", name="Log of the worker").click()
    expect(page.locator("pre", has_text="<script data-evil>")).to_be_visible()
    unharmed(page)

    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#pairs-table tbody tr").first).to_contain_text("<script data-evil>", timeout=90_000)
    page.locator("#pairs-table tbody tr").first.click()
    expect(page.locator("#map .point").first).to_be_visible()
    gd = "document.querySelector('#map .plotly-view')"
    for trace in range(page.evaluate(f"{gd}.data.length")):
        page.evaluate(f"window.__workbenchPlotly.Fx.hover({gd}, [{{curveNumber: {trace}, pointNumber: 0}}])")
        page.wait_for_timeout(100)
        unharmed(page)
    time.sleep(0.5)
    unharmed(page)

    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML)").click()
    saved = tmp_path / "report.html"
    download.value.save_as(saved)
    report = page.context.new_page()
    report.on("console", lambda message: visit.complaints.append(complaint(message)) if message.type == "error" else None)
    report.goto(saved.as_uri())
    expect(report.locator("body")).to_contain_text("<script data-evil>")
    expect(report.locator(".js-plotly-plot").first).to_be_visible()
    unharmed(report)
    assert not re.search(r"<script[^>]*data-evil", saved.read_text())
