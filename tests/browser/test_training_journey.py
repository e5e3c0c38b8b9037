"""The main job in a real browser: train, watch, reload, open twice, stop, compare, take home."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

from core.runs.run import all_runs, new_run_id
from core.workspace import Workspace
from tests.browser.conftest import PHONE, cut_off

TOPICS = ["tea", "bread", "rain", "trains", "clocks", "bees", "maps", "salt", "paper", "glass", "wool", "rivers"]


@pytest.fixture(scope="module")
def pairs_file(tmp_path_factory):
    """24 pairs: enough to train on in seconds."""
    path = tmp_path_factory.mktemp("pairs") / "small.csv"
    rows = [f"How is {one} made or used?,People have known {one} for long and use it with care." for one in TOPICS]
    rows += [f"Where does {one} come from?,The origin of {one} lies far back in time." for one in TOPICS]
    path.write_text("question,answer\n" + "\n".join(rows) + "\n")
    return path


def open_with_pairs(visit, pairs_file, **how) -> Page:
    page = visit.open(**how)
    page.locator("#upload input[type=file]").set_input_files(pairs_file)
    expect(page.locator("#file-card")).to_contain_text("small.csv")
    page.get_by_role("tab", name="Train").click()
    return page


def set_advanced(page: Page, **values) -> None:
    if not page.locator("#set-epochs input, #set-epochs textarea").is_visible():
        page.get_by_role("button", name="Advanced").click()
    for name, value in values.items():
        page.locator(f"#set-{name} input, #set-{name} textarea").fill(str(value))
        page.keyboard.press("Tab")


@pytest.mark.parametrize(
    "how, epochs, evidence",
    [({}, 2, "Chosen for you"), ({"viewport": PHONE, "dark": True}, 1, "One held-out part")],
    ids=["desktop, light, five folds", "phone, dark, held-out"],
)
def test_train_reload_compare_and_take_home(visit, app, pairs_file, how, epochs, evidence):
    run = new_run_id(Workspace(app.workspace), "small quick")
    page = open_with_pairs(visit, pairs_file, **how)
    set_advanced(page, epochs=epochs)
    page.locator("#set-evidence").get_by_text(evidence, exact=True).click()
    learns = r"24\s*of 24 pairs" if evidence == "Chosen for you" else r"19\s*of 24 pairs"
    expect(page.locator("#plan")).to_contain_text(re.compile(learns), timeout=120_000)
    page.get_by_role("button", name="Start training").click()
    card = page.locator("#run")
    expect(card).to_contain_text(run)
    expect(card).to_contain_text(re.compile("training|waiting"))

    # reload in the middle: the page comes back to the tab and the run by its link, also when models were compared before
    expect(page).to_have_url(re.compile(f"run={run}"))
    visit.reload(page)
    assert page.evaluate("document.body.classList.contains('dark')") is how.get("dark", False)
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(card).to_contain_text(run)
    # and a second tab shows the same run
    other = visit.another(page.context, page.url.removeprefix(app.address))
    expect(other.locator("#run")).to_contain_text(run)

    expect(card).to_contain_text("finished", timeout=180_000)
    expect(other.locator("#run")).to_contain_text("finished", timeout=10_000)
    expect(card.locator(".notice")).to_contain_text("nDCG@10")
    expect(page.locator("#loss .plotly-view .scatterlayer .trace")).to_have_count(3)
    expect(page.locator("#held-out .plotly-view .scatterlayer .trace")).to_have_count(2)

    assert not cut_off(page)
    with page.expect_download() as download:
        card.get_by_role("link", name="Download the model").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        names = archive.namelist()
    assert any(name.endswith("model.safetensors") for name in names)
    assert not any(name.endswith((".bin", ".pkl", ".pt")) for name in names)

    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#verdict .verdict")).to_contain_text("The right answer comes first for", timeout=60_000)
    expect(page.locator("#map .plotly-view svg").first).to_be_visible()
    page.locator("#text-one textarea, #text-one input").fill("How is tea made or used?")
    page.locator("#text-two textarea, #text-two input").fill("How is tea made or used?")
    expect(page.locator("#cosines .big.b")).to_have_text("1.00")
    expect(page.locator("#cosines .big.t")).to_have_text("1.00")
    expect(page.locator("#cosines")).to_contain_text("unrelated texts reach")
    assert not cut_off(page)
    # with other models the page shows their example, but never over texts of one's own
    run = page.locator("#tuned-model input").input_value()
    page.locator("#base-model input").fill(run)
    page.keyboard.press("Enter")
    expect(page.locator("#shown-models textarea, #shown-models input")).to_have_value(f"{run} {run}", timeout=60_000)
    expect(page.locator("#text-one textarea, #text-one input")).to_have_value("How is tea made or used?")


def test_stop_keeps_the_best_and_a_chart_keeps_its_zoom(visit, pairs_file):
    page = open_with_pairs(visit, pairs_file)
    set_advanced(page, epochs=900, patience=900)
    page.get_by_role("button", name="Start training").click()
    card = page.locator("#run")
    expect(card.get_by_role("button", name="Stop and keep the best")).to_be_visible(timeout=60_000)
    chart = "document.querySelector('#loss .plotly-view')"
    page.wait_for_function(f"{chart}?.data?.[0]?.x?.length > 3", timeout=120_000)
    # drag a zoom box as a person would; what a script does is not remembered by the chart
    page.locator("#loss").scroll_into_view_if_needed()
    box = page.locator("#loss .plotly-view .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    zoomed = page.evaluate(f"{chart}.layout.xaxis.range")
    assert zoomed[0] > 100
    points = page.evaluate(f"{chart}.data[0].x.length")
    page.wait_for_function(f"{chart}.data[0].x.length > {points}", timeout=60_000)
    assert page.evaluate(f"{chart}.layout.xaxis.range") == zoomed

    card.get_by_role("button", name="Stop and keep the best").click()
    expect(card).to_contain_text(re.compile("stopping|stopped"))
    expect(card.get_by_role("link", name="Download the model")).to_be_visible(timeout=60_000)
    expect(card).to_contain_text("stopped")

    # another run lies over it, with what differs
    page.locator("#runs").get_by_role("checkbox").first.check()
    expect(page.locator("#runs")).to_contain_text("What differs")
    expect(page.locator("#runs")).to_contain_text("Passes over the data")

    # use its settings again, then delete it
    page.locator("#set-epochs input, #set-epochs textarea").fill("5")
    card.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#set-epochs input, #set-epochs textarea")).to_have_value("900")
    name = re.search(r"small-quick-\d+", card.inner_text()).group()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#runs")).not_to_contain_text(name)


def test_pairs_brought_while_the_page_opens_set_off_each_event_once(visit, pairs_file):
    """The set that the link names and the one that is uploaded arrive in the same moment."""
    page = open_with_pairs(visit, pairs_file)
    expect(page).to_have_url(re.compile("set="))
    asked, held, let_go = [], {}, []

    def in_the_same_moment(route):
        asked.append(route.request.post_data)
        of_the_page_itself = route.request.post_data_json["trigger_id"] == 0
        kind = "opened" if of_the_page_itself else "uploaded"
        if let_go or kind in held or not (of_the_page_itself or "/uploads/" in asked[-1]):
            return route.continue_()
        held[kind] = route, route.fetch()
        if len(held) == 2:
            let_go.append(True)
            for name in ("opened", "uploaded"):
                one, answer = held[name]
                one.fulfill(response=answer)

    address = page.url
    page.close()  # with whatever it still had under way: only the page that opens now is arranged
    page = visit.blank(page.context)
    page.route("**/gradio_api/run/**", in_the_same_moment)
    page.goto(address)
    page.locator("#upload input[type=file]").set_input_files(pairs_file)
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#plan")).to_contain_text(re.compile(r"24\s*of 24 pairs"), timeout=120_000)
    assert let_go
    for _ in range(10):  # what is still under way comes to its end
        asked.clear()
        page.wait_for_timeout(3000)
        if len(asked) < 15:
            return
    raise AssertionError(f"a page that nobody touches asked {len(asked)} times in three seconds")


def test_a_setting_out_of_bounds_is_explained_and_nothing_starts(visit, app, pairs_file):
    before = open_with_pairs(visit, pairs_file)
    runs = len(all_runs(Workspace(app.workspace)))
    page, held = visit.blank(before.context), {}

    # the pairs that were clicked are on their way: nothing starts with those that the page opens meanwhile
    def hold(route):
        example = '"do":"example"' in route.request.post_data.replace(" ", "")
        by = "page" if route.request.post_data_json["trigger_id"] == 0 else "click" if example else ""
        return held.update({by: route}) if by and by not in held else route.continue_()

    page.route("**/gradio_api/run/**", hold)
    page.goto(app.address)
    start, trouble = page.get_by_role("button", name="Start training"), page.locator("#train-trouble")
    page.get_by_role("button", name="Legal").click()
    page.get_by_role("tab", name="Train").click()
    start.click()
    expect(trouble).to_contain_text("The pairs are still being opened.")
    held["page"].continue_()
    expect(page.locator(".masthead").first).to_contain_text("small.csv")
    with page.expect_response(lambda answer: "still being opened" in answer.text()):
        start.click()
    expect(trouble).to_contain_text("The pairs are still being opened.")
    held["click"].continue_()
    expect(page.locator(".masthead").first).to_contain_text("legal.jsonl")
    expect(trouble).to_be_hidden()
    assert len(all_runs(Workspace(app.workspace))) == runs

    set_advanced(page, batch_size=1)
    expect(page.locator("#plan")).to_contain_text("batch_size", timeout=120_000)
    start.click()
    expect(trouble).to_contain_text("from 2 to 4096")
