"""The report as whoever receives it opens it: a file, in a browser that has no network and no workbench."""

import json

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import compare_vectors
from core.evaluation.pool import build_pool
from core.maps.projection import project
from core.report import About, html_report, write_report
from tests.browser.conftest import PHONE

ATTACK = "</script><script>document.title = 'taken'</script><img src=http://127.0.0.1:9/ onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rows = pd.DataFrame({"row": range(1, 51), "component": range(50)})
    rows["anchor"], rows["positive"] = [f"=question {n} {ATTACK}" for n in range(50)], [f"answer {n} {ATTACK}" for n in range(50)]
    pool, random = build_pool(rows, rows), np.random.default_rng(0)
    corpus = random.normal(size=(50, 16))
    base, tuned = (corpus + noise * random.normal(size=corpus.shape) for noise in (2, 0.5))
    comparison = compare_vectors(pool, (base, corpus), (tuned, corpus))
    shown = project(np.vstack([base, corpus]), np.vstack([tuned, corpus]))
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(html_report(comparison, About("base", f"tuned {ATTACK}", "pairs.csv"), shown), path)
    return path


@pytest.fixture
def opened(browser, report):
    """A maker of pages that show the report offline, each with what it asked for and complained of."""
    contexts = []

    def make(**options):
        context = browser.new_context(offline=True, accept_downloads=True, **options)
        contexts.append(context)
        page, heard = context.new_page(), []
        page.on("request", lambda request: heard.append(request.url))
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.goto(report.as_uri())
        page.locator("#chart-map .main-svg").first.wait_for()
        return page, heard

    yield make
    for context in contexts:
        context.close()


def test_it_draws_without_a_network_and_runs_nothing_of_its_texts(opened, report):
    page, heard = opened()
    for name in ("change", "ranks", "similarity", "map"):
        assert page.locator(f"#chart-{name} .main-svg").count()
    page.locator("#chart-ranks").scroll_into_view_if_needed()
    cells = page.locator("#chart-ranks .nsewdrag").bounding_box()
    page.mouse.move(cells["x"] + cells["width"] / 10, cells["y"] + cells["height"] / 10)  # the first of five by five
    page.locator("#chart-ranks .hovertext").first.wait_for()  # the charts are live
    assert heard == [report.as_uri()]
    assert "taken" not in page.evaluate("document.title.split(' compared')[1]") and page.locator("main img").count() == 0
    assert page.get_by_text("Better.").count() == 1


def test_charts_and_pairs_are_saved_from_the_page(opened):
    page, _ = opened()

    def saved(button) -> bytes:
        with page.expect_download() as download:
            button.click()
        with open(download.value.path(), "rb") as file:
            return file.read()

    card = page.get_by_label("Map of both spaces").filter(has=page.get_by_role("button"))
    assert saved(card.get_by_role("button", name="Save as PNG")).startswith(b"\x89PNG")
    assert saved(card.get_by_role("button", name="Save as SVG")).startswith(b"<svg")
    csv = saved(page.get_by_role("button", name="as CSV")).decode("utf-8-sig")
    assert csv.startswith("row,question,answer,rank_base") and csv.count("'=question") == 50
    assert json.dumps(ATTACK)[1:-1].replace('\\"', '""') in csv


def test_on_a_phone_nothing_sticks_out(opened):
    page, _ = opened(viewport=PHONE, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
