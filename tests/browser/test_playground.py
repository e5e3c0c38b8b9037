"""What is beside the comparison on the Compare tab: searching one's own documents, several models, taking it along."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, ROOT, App, cut_off

TOPICS = ["tea", "bread", "rain", "trains", "clocks", "bees", "maps", "salt", "paper", "glass", "wool", "rivers"]


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    """An app whose workspace holds one short training."""
    folder = tmp_path_factory.mktemp("app")
    rows = [f"How is {one} made or used?,People have known {one} for long and use it with care." for one in TOPICS]
    rows += [f"Where does {one} come from?,The origin of {one} lies far back in time." for one in TOPICS]
    (folder / "small.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    command = [sys.executable, "-m", "core", "train", str(folder / "small.csv"), "--workspace", str(folder / "workspace")]
    quick = ("--set", "epochs=1", "--set", "evidence=held-out")
    subprocess.run([*command, "--name", "small", *quick], cwd=ROOT, check=True, capture_output=True)
    one = App(folder / "workspace")
    one.start()
    yield one
    one.stop()


def compared(visit, path: str = "/", **how) -> Page:
    page = visit.open(path, **how)
    if "base" not in path:
        page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#verdict .verdict")).to_contain_text("The right answer comes first for", timeout=120_000)
    return page


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_label("Question", exact=True).press("Enter")
    page.locator("#search-results section").first.wait_for()


def test_the_answers_and_documents_of_ones_own_are_searched(visit, tmp_path):
    page = compared(visit)
    ask(page, "Where is bread from?")
    expect(page.locator("#search-results section")).to_have_count(3)
    expect(page.locator("#documents-about")).to_contain_text("24 answers of the pairs")
    expect(page.get_by_label("Tuned", exact=True).last.locator("li").first).to_contain_text("bread")

    page.get_by_role("button", name="Bring documents").click()
    (tmp_path / "hours.md").write_text("The library opens at nine. <img src=x onerror=document.title='taken'>")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    page.locator("#documents input[type=file]").set_input_files([tmp_path / "hours.md", tmp_path / "broken.pdf"])
    expect(page.locator("#documents-trouble")).to_contain_text("broken.pdf cannot be read.")
    expect(page.get_by_label("Search in")).to_have_value("hours.md")
    page.get_by_label("Question", exact=True).fill("When does it open?")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("#search-results")).to_contain_text("The library opens at nine. <img src=x")
    expect(page.locator("#documents-about")).to_contain_text("1 document, cut into 1 passage.")
    assert page.title() != "taken"

    page.get_by_label("Or paste text").fill("Bees sleep at night.")
    page.get_by_role("button", name="Use this text").click()
    expect(page.get_by_label("Search in")).to_have_value("Pasted: Bees sleep at night.")
    again = compared(visit)  # what was brought is there after a refresh, too
    again.get_by_label("Search in").click()
    expect(again.get_by_role("option", name="hours.md")).to_be_visible()


def test_several_models_are_put_side_by_side(visit):
    page = compared(visit)
    page.locator("#several-runs input").click()
    page.get_by_role("option", name="small-1").click()
    page.get_by_role("button", name="Put side by side").click()
    expect(page.locator("#several-table tbody tr")).to_have_count(2)
    expect(page.locator("#several-table")).to_contain_text("that none of these models was trained on")


def test_a_comparison_is_taken_along_and_its_link_opens_it_again(visit, browser):
    page = compared(visit)
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML)").click()
    assert download.value.suggested_filename == "small-1-report.html"
    offline = browser.new_context(offline=True).new_page()
    asked = []
    offline.on("request", lambda request: asked.append(request.url))
    path = download.value.path().with_suffix(".html")
    path.write_bytes(download.value.path().read_bytes())
    offline.goto(path.as_uri())
    offline.locator("#chart-map .main-svg").first.wait_for()
    assert asked == [path.as_uri()]
    offline.context.close()

    expect(page).to_have_url(re.compile("tuned=small-1"))
    other = compared(visit, "/" + page.get_by_role("link", name="Link to this comparison").get_attribute("href"))
    expect(other.get_by_label("Tuned").first).to_have_value("small-1")
    unknown = visit.open("/?base=all-MiniLM-L6-v2&tuned=..%2F..%2Fetc")
    expect(unknown.locator("#absent")).to_contain_text("The comparison of your link cannot be opened.")


def test_a_chart_is_saved_as_png_and_svg(visit):
    page = compared(visit)
    for title, start in (("Download plot as a PNG", b"\x89PNG"), ("Save as SVG", b"<svg")):
        page.locator("#ranks .plotly-view").hover()
        with page.expect_download() as download:
            page.locator(f"#ranks [data-title='{title}']").click()
        assert download.value.path().read_bytes().startswith(start)


def test_on_a_phone_nothing_sticks_out(visit):
    page = compared(visit, viewport=PHONE)
    ask(page, "bread")
    assert not cut_off(page)
