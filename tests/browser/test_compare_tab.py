"""What can be done on the Compare tab: move the map, choose on it, open a row, show it to a room."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.pairs.store import add_set
from core.workspace import Workspace
from tests.browser.conftest import PHONE, App, cut_off
from tests.tiny import moved_run, tiny_model

TOPICS = ["tea", "bread", "rain", "trains", "clocks", "bees", "maps", "salt", "paper", "glass", "wool", "rivers"]
#: Where the points of the first kind on the map are, and the range of its first axis.
PLACES = "document.querySelector('#map .plotly-view').data.filter(trace => trace.meta?.from)[0].x"
RANGE = "document.querySelector('#map .plotly-view').layout.xaxis.range"

#: What covers the chart soon after the slider was moved half the way, how far from its frame (in pixels), whether the chart
#: is seen through it, and whether a canvas of Plotly's own would be.
MOVED_HALF = """async () => {
  const slider = document.querySelector('#map input[type=range]'), layer = document.querySelector('#map .scatterlayer');
  slider.value = 0.5;
  slider.dispatchEvent(new Event('input'));
  for (let frames = 0; frames < 3; frames++) await new Promise(requestAnimationFrame);
  const canvas = document.querySelector('#map canvas.points'), frame = document.querySelector('#map .nsewdrag');
  const [one, other] = [canvas, frame].map(node => node.getBoundingClientRect());
  const apart = Math.max(...['x', 'y', 'width', 'height'].map(side => Math.abs(one[side] - other[side])));
  const own = document.querySelector('#map .plotly-view').appendChild(document.createElement('canvas'));
  const owns = getComputedStyle(own).display;
  own.remove();
  return [getComputedStyle(canvas).display, Math.round(apart), getComputedStyle(layer).opacity, owns === 'none'];
}"""
#: Of the points that the chart shows within its frame: how many, and how many had been painted where they are.
PAINTED = """() => {
  const canvas = document.querySelector('#map canvas.points'), pen = canvas.getContext('2d');
  const frame = document.querySelector('#map .nsewdrag').getBoundingClientRect(), fine = canvas.width / frame.width;
  const gd = document.querySelector('#map .plotly-view'), found = [];
  document.querySelectorAll('#map .scatterlayer .trace').forEach((trace, index) => {
    if (gd.data[index].meta?.from) for (const point of trace.querySelectorAll('.point')) {
      const box = point.getBoundingClientRect();
      const x = box.x + box.width / 2 - frame.x, y = box.y + box.height / 2 - frame.y;
      if (x > 2 && y > 2 && x < frame.width - 2 && y < frame.height - 2)
        found.push(pen.getImageData(x * fine, y * fine, 1, 1).data[3] > 0);
    }
  });
  return [found.length, found.filter(one => one).length];
}"""
AT_REST = "getComputedStyle(document.querySelector('#map canvas.points')).display === 'none'"

NOTHING_CHOSEN = "document.querySelector('#map .plotly-view').data.every(trace => !trace.selectedpoints)"


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    """An app with a set of pairs and, beside its workspace, a model that knows nothing."""
    folder = tmp_path_factory.mktemp("app")
    rows = [f"How is {one} made or used?,People have known {one} for long and use it with care." for one in TOPICS]
    rows += [f"Where does {one} come from?,The origin of {one} lies far back in time." for one in TOPICS]
    (folder / "small.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    workspace = Workspace.at(folder / "workspace")
    add_set(workspace, folder / "small.csv")
    tiny_model(folder / "tiny", workspace)
    one = App(folder / "workspace")
    one.start()
    yield one
    one.stop()


#: How many shapes are hatched or clipped by something at another address: the page's own changes while it is open.
ELSEWHERE = """[...document.querySelectorAll('.plotly-view *')].filter(one =>
  `${one.getAttribute('style')} ${one.getAttribute('clip-path')}`.includes(location.origin)).length"""


def compared(visit, app, **how) -> Page:
    page = visit.open(**how)
    expect(page.locator(".masthead .context")).to_contain_text("small.csv")
    page.get_by_role("tab", name="Compare").click()
    page.locator("#tuned-model input").fill(str(app.workspace.parent / "tiny"))
    page.keyboard.press("Enter")
    expect(page.locator("#verdict .verdict")).to_contain_text("The right answer comes first for", timeout=60_000)
    expect(page.locator("#map .point").first).to_be_visible()
    expect(page.locator("#pairs-table tbody tr").first).to_be_visible()
    return page


def drag(page: Page, path: list[tuple[float, float]]) -> None:
    """Draw with the mouse on the map, along places that are shares of its width and height."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map .nsewdrag").first.bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in path]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_the_map_moves_keeps_its_zoom_and_a_lasso_fills_the_table(visit, app):
    page = compared(visit, app)
    slider = page.locator("#map input[type=range]")
    after = page.evaluate(PLACES)
    before = page.evaluate(PLACES.removesuffix(".x") + ".meta.from[0]")
    drag(page, [(0.2, 0.1), (0.8, 0.9)])
    zoomed = page.evaluate(RANGE)
    assert page.evaluate(MOVED_HALF) == ["block", 0, "0", False]
    page.wait_for_function(AT_REST)
    assert page.evaluate(PLACES) == pytest.approx([(one + other) / 2 for one, other in zip(before, after, strict=True)])
    assert page.evaluate("getComputedStyle(document.querySelector('#map .scatterlayer')).opacity") == "1"
    there, painted = page.evaluate(PAINTED)
    assert there == painted > 0
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function(f"JSON.stringify({PLACES}) === {str(before).replace(' ', '')!r}")
    assert before != after
    assert page.evaluate(RANGE) == zoomed
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"JSON.stringify({PLACES}) === {str(after).replace(' ', '')!r}")
    page.locator("#map-colour").get_by_text("Question or answer").click()
    expect(page.locator("#map .legend")).to_contain_text("answer")
    page.wait_for_function("document.querySelector('#map .plotly-view').data.some(trace => trace.name === 'question')")
    # a legend of another height gives the picture a little more or less room
    assert page.evaluate(RANGE) == pytest.approx(zoomed, abs=(zoomed[1] - zoomed[0]) * 0.05)

    page.locator("#map .nsewdrag").first.dblclick()
    page.get_by_role("button", name="Choose points").click()
    whole = page.locator("#pairs-table tbody tr").count()
    drag(page, [(0.01, 0.01), (0.99, 0.01), (0.99, 0.3), (0.01, 0.3), (0.01, 0.02)])
    expect(page.locator("#pairs-table")).to_contain_text("chosen on the map")
    page.wait_for_function(f"document.querySelectorAll('#pairs-table tbody tr').length < {whole}")
    few = page.locator("#map .chosen").inner_text()
    drag(page, [(0.01, 0.01), (0.99, 0.01), (0.99, 0.8), (0.01, 0.8), (0.01, 0.02)])  # begins on a corner of the first
    expect(page.locator("#map .chosen")).not_to_have_text(few)
    many = page.locator("#map .chosen").inner_text().split()[0]
    assert int(many) > int(few.split()[0])
    expect(page.locator("#pairs-table")).to_contain_text(f"among {many} texts chosen on the map")
    page.get_by_role("button", name="Show all pairs").click()
    expect(page.locator("#pairs-table tbody tr")).to_have_count(whole)
    expect(page.locator("#pairs-table")).not_to_contain_text("chosen on the map")
    expect(page.locator("#map .chosen")).to_have_text("")
    page.wait_for_function(NOTHING_CHOSEN)


def test_it_follows_the_pairs_in_use(visit, app):
    page = compared(visit, app)
    expect(page.locator("#verdict")).to_contain_text("Asked about small.csv, the pairs in use.")
    assert page.locator("#similarity .plotly-view pattern").count() and page.evaluate(ELSEWHERE) == 0
    page.get_by_role("tab", name="Pairs").click()
    page.locator("#rows tbody input[type=checkbox]").first.click()
    expect(page.locator("#rows tbody tr.out")).to_have_count(1)
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#verdict .verdict")).to_contain_text(f"of {2 * len(TOPICS) - 1} ")
    expect(page.locator("#pairs-table")).to_contain_text(f"1 to {2 * len(TOPICS) - 1} of {2 * len(TOPICS) - 1}")
    page.get_by_role("tab", name="Pairs").click()
    page.locator("#rows tbody input[type=checkbox]").first.click()
    expect(page.locator("#rows tbody tr.out")).to_have_count(0)


def test_a_row_opens_a_card_by_keyboard_and_a_point_by_click(visit, app):
    page = compared(visit, app)
    page.get_by_role("button", name="Open row").first.focus()
    page.keyboard.press("Enter")
    card = page.locator("#pairs-table .closeup")
    expect(card).to_contain_text("Above the right answer")
    expect(card).to_contain_text("Neighbours lost")
    page.keyboard.press("Enter")  # the button that was pressed keeps the focus, and closes it
    expect(card).to_have_count(0)

    page.locator("#search-pairs").locator("textarea, input").first.fill("tea")
    expect(page.locator("#pairs-table")).to_contain_text("with “tea”")
    page.locator("#map").scroll_into_view_if_needed()
    place = page.locator("#map .point").last.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.wait_for_timeout(200)
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    expect(page.locator("#point")).to_contain_text("Neighbours gained")


def test_it_is_shown_to_a_room_one_thing_at_a_time(visit, app):
    page = compared(visit, app)
    page.get_by_role("button", name="Show to a room").click()
    verdict, texts, shown_map = (page.locator(f"#show-{one}") for one in ("verdict", "texts", "map"))
    expect(verdict).to_be_visible()
    for hidden in (texts, shown_map, page.get_by_role("tab", name="Pairs"), page.locator("#pairs-table"), page.locator("#sizes")):
        expect(hidden).to_be_hidden()
    assert float(page.locator("#verdict .verdict").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")) > 40
    page.keyboard.press("ArrowRight")
    expect(texts).to_be_visible()
    expect(verdict).to_be_hidden()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("rain and more rain")  # the first text has the focus, and a space belongs to it
    expect(page.locator("#text-one textarea, #text-one input")).to_have_value("rain and more rain")
    page.keyboard.press("ArrowDown")
    expect(shown_map).to_be_visible()
    slider = page.locator("#map input[type=range]")
    expect(slider).to_have_value("0")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(texts).to_be_visible()
    page.keyboard.press("Escape")
    for one in (verdict, texts, shown_map, page.get_by_role("tab", name="Pairs")):
        expect(one).to_be_visible()


def test_no_example_comes_into_a_box_that_somebody_has_begun_to_write_in(visit, app):
    page, tiny, held = visit.open(), str(app.workspace.parent / "tiny"), []
    clicked = False

    def hold_the_drawing(route):
        sent = route.request.post_data or ""
        if "Change in rank" in sent and tiny in sent and not clicked:
            held.append(route)
        else:
            route.continue_()

    page.route("**/gradio_api/**", hold_the_drawing)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#tuned-model input").fill(tiny)
    page.keyboard.press("Enter")
    text = page.locator("#text-one textarea")
    text.click()
    while not held:
        page.wait_for_timeout(50)
    clicked = True
    for route in held:
        route.continue_()
    expect(page.locator("#forgotten")).to_contain_text("veryday questions", timeout=60_000)
    page.keyboard.type("How is tea made?")
    assert text.input_value() == "How is tea made?"
    page.locator("#text-two textarea").fill("How is tea made?")
    expect(page.locator("#cosines .big.b")).to_have_text("1.00")


def test_on_a_phone_in_the_dark_nothing_is_cut_off(visit, app):
    page = compared(visit, app, viewport=PHONE, dark=True)
    page.get_by_role("button", name="Open row").first.click()
    card = page.locator("#pairs-table .closeup-card")
    expect(card).to_be_visible()
    assert card.bounding_box()["width"] < PHONE["width"]
    expect(page.locator("#health")).to_contain_text("neighbours kept")
    expect(page.locator("#sizes")).to_contain_text("binary")
    assert not cut_off(page)
    page.get_by_role("button", name="Close row").click()
    expect(card).to_be_hidden()
    ranks = page.locator("#pairs-table tbody tr").first.locator("td.b, td.t")
    for figure in (ranks.nth(0), ranks.nth(1), *page.locator("#figures td").all(), *page.locator("#sizes td").all()):
        box = figure.bounding_box()
        assert box["x"] + box["width"] <= PHONE["width"], f"{figure.text_content()} is in sight without moving the table"


def test_a_mix_of_a_run_is_asked_chosen_kept_and_compared(visit, app):
    moved_run(Workspace(app.workspace), app.workspace.parent / "tiny", far=0.8)
    page = visit.open("/?run=moved")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#tuned-model input")).to_have_value("moved")
    page.locator("#base-model input").fill(str(app.workspace.parent / "tiny"))
    page.keyboard.press("Enter")
    expect(page.locator("#verdict .verdict")).to_contain_text("The right answer comes first for", timeout=60_000)
    expect(page.locator("#forgotten")).to_contain_text("veryday questions: ")
    page.locator("#ask-mixes").click()
    expect(page.locator("#mixes")).to_contain_text("Asking mix")
    expect(page.locator("#mixes")).to_contain_text("comes out best", timeout=60_000)
    expect(page.locator("#trade-off .point").first).to_be_visible()
    page.locator("#share input[type=range]").focus()
    page.keyboard.press("Home")
    expect(page.locator("#mix")).to_contain_text("20% tuned: own data")
    page.locator("#way").get_by_text("Along the arc").click()
    page.locator("#keep-blend").click()
    expect(page.locator("#kept-blend")).to_contain_text("Kept as moved-20-tuned-1", timeout=60_000)

    page.locator("#tuned-model input").click()
    page.get_by_role("option", name="moved-20-tuned-1").click()
    expect(page.locator("#mixes")).to_contain_text("A mix takes every number")  # the card is of the new run now
    expect(page.locator("#verdict .verdict")).to_contain_text("of 12 held-out questions")
    page.get_by_role("tab", name="Endpoints").click()
    page.locator("#deploy-model input").click()
    expect(page.get_by_role("option", name="moved-20-tuned-1")).to_be_visible()
