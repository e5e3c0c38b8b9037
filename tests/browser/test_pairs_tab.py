"""The Pairs tab in a real browser: bring, inspect, mend, undo, and what a bad file does."""

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, ROOT, cut_off

DIRTY = ROOT / "data" / "dirty.csv"


def bring(page, path):
    page.locator("#upload input[type=file]").set_input_files(path)


def test_a_file_is_brought_inspected_mended_and_taken_home(visit, app, tmp_path):
    page = visit.open()
    bring(page, DIRTY)
    checks = page.locator("#checks")
    expect(checks).to_contain_text("4 rows have an empty text")
    expect(page.locator("#file-card")).to_contain_text("44 rows")
    expect(checks).to_contain_text("4 questions ask nearly the same", timeout=120_000)

    # show: the table holds these rows only
    finding = checks.locator(".check", has_text="4 rows have an empty text")
    finding.get_by_role("button", name="Show").click()
    expect(page.locator("#rows tbody tr")).to_have_count(4)
    finding.get_by_role("button", name="Show all rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(44)

    # fix, and what is left out keeps its reason
    finding.get_by_role("button", name="Leave them out").click()
    expect(checks).to_contain_text("What you changed")
    expect(page.locator("#rows")).to_contain_text("left out")
    expect(
        checks.locator(".check", has_text="4 rows have an empty text").get_by_role("button", name="Show")
    ).to_have_count(0)
    expect(page.get_by_text("40 of 44 rows in use")).to_be_visible()

    # undo
    checks.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("44 of 44 rows in use")).to_be_visible()

    # one row by hand
    box = page.get_by_role("checkbox", name="Use row 4", exact=True)
    box.uncheck()
    expect(page.get_by_text("43 of 44 rows in use")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the cleaned set").click()
    saved = tmp_path / "cleaned.csv"
    download.value.save_as(saved)
    with saved.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 44 and not any(cell.startswith("=") for row in rows for cell in row)

    # a refresh and a second tab show the same
    visit.reload(page)
    expect(page.get_by_text("43 of 44 rows in use")).to_be_visible()
    other = visit.another(page.context, page.url.removeprefix(app.address))
    expect(other.get_by_text("43 of 44 rows in use")).to_be_visible()


def test_search_narrows_the_table(visit):
    page = visit.open()
    page.get_by_role("button", name="Legal").click()
    expect(page.locator("#file-card")).to_contain_text("legal.jsonl")
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    page.locator("#rows").get_by_role("button", name="Next").click()
    expect(page.locator("#rows tbody tr")).to_have_count(23)
    page.locator("#search").get_by_role("textbox").fill("landlord")
    expect(page.locator("#rows h3")).to_contain_text("with “landlord”")
    texts = page.locator("#rows tbody tr").all_inner_texts()
    assert texts and all("landlord" in text.lower() for text in texts)


def test_a_bad_file_names_its_line_and_nothing_is_lost(visit, tmp_path):
    page = visit.open()
    page.get_by_role("button", name="Support").click()
    expect(page.locator("#file-card")).to_contain_text("support.json")
    bad = tmp_path / "half.jsonl"
    bad.write_text(
        '{"question": "a b c", "answer": "d e f"}\n{"question": "broken\n{"question": "g h i", "answer": "j k l"}\n'
    )
    bring(page, bad)
    notice = page.locator(".notice").first
    expect(notice).to_contain_text("half.jsonl")
    expect(notice).to_contain_text(re.compile(r"[Ll]ine 2"))
    expect(page.locator("#file-card")).to_contain_text("support.json")
    page.get_by_role("button", name="Go on without the broken lines").click()
    expect(page.locator("#file-card")).to_contain_text("half.jsonl")
    expect(page.locator("#file-card")).to_contain_text("1 broken line left out")


def test_a_set_is_deleted_once_that_is_confirmed_and_the_next_one_is_shown(visit, tmp_path, app):
    page = visit.open()
    card = page.locator("#file-card")
    for name in ("stays", "goes"):
        (tmp_path / f"{name}.csv").write_text("question,answer\nhow is it made,by hand it is\nwhat is it for,for tea it is\n")
        bring(page, tmp_path / f"{name}.csv")
        expect(card).to_contain_text(f"{name}.csv")
    question = page.get_by_role("alertdialog", name="Delete goes.csv")
    card.get_by_role("button", name="Delete this set").click()
    expect(question).to_contain_text("This cannot be undone.")
    question.get_by_role("button", name="Keep it").click()
    expect(question).to_be_hidden()
    assert (app.workspace / "sets" / "goes").exists()
    card.get_by_role("button", name="Delete this set").click()
    question.get_by_role("button", name="Delete it").click()
    expect(card).to_contain_text("stays.csv")
    expect(question).to_be_hidden()
    expect(page).to_have_url(re.compile("set=stays"))
    assert not (app.workspace / "sets" / "goes").exists()

    # one that cannot be opened can be deleted as well, after the same question
    (app.workspace / "sets" / "stays" / "set.json").write_text("{")
    page = visit.open("/?set=stays")
    expect(page.locator("#absent")).to_contain_text("“stays” cannot be opened. See under File")
    damaged = page.locator("#damaged-sets")
    expect(damaged).to_contain_text("Its file is still there")
    damaged.get_by_role("button", name="Delete “stays”").click()
    question = page.get_by_role("alertdialog", name="Delete stays")
    assert (app.workspace / "sets" / "stays").exists()
    question.get_by_role("button", name="Delete it").click()
    expect(question).to_be_hidden()
    expect(damaged).to_be_hidden()
    assert not (app.workspace / "sets" / "stays").exists()


def test_texts_are_shown_as_text(visit, tmp_path):
    page = visit.open()
    file = tmp_path / "<img src=x onerror=alert(1)>.csv"
    file.write_text(
        "question,answer\n<script>document.title='owned'</script>,<b>bold</b> ${1+1} {{this}}\nb c d,e f g\n"
    )
    bring(page, file)
    expect(page.locator("#rows")).to_contain_text("<script>document.title='owned'</script>")
    expect(page.locator("#rows")).to_contain_text("<b>bold</b> ${1+1} {{this}}")
    assert page.title() == "Embedding Workbench"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_sticks_out(visit, viewport, dark):
    page = visit.open(viewport=viewport, dark=dark)
    page.get_by_role("button", name="Bedrock FAQ").click()
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    for tab in ("Pairs", "Train", "Compare"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert not cut_off(page)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 23, 26)" if dark else "rgb(251, 251, 250)")
    page.get_by_role("tab", name="Train").click()
    page.get_by_role("button", name="Advanced").click()
    ticked = page.get_by_role("checkbox", name="Dropout").evaluate("box => getComputedStyle(box).backgroundImage")
    assert ("fill='white'" in ticked) != dark, "a ticked box is almost white in the dark, its tick is not"


def test_the_theme_that_was_chosen_is_that_of_pages_opened_anew(visit):
    page = visit.open()
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    other = visit.another(page.context)
    assert other.evaluate("document.body.classList.contains('dark')") and "__theme=dark" in other.url


def test_a_link_to_what_is_not_there_says_so_until_something_is_chosen(visit):
    page = visit.open()
    page.get_by_role("button", name="Medical").click()
    expect(page.locator("#file-card")).to_contain_text("medical.tsv")
    page = visit.open("/?set=no-such-set&run=no-such-run")
    said = page.locator("#absent")
    expect(said).to_contain_text("does not hold the pair set of your link")
    expect(said).to_contain_text("does not hold the run of your link")
    expect(said).to_contain_text("You see “medical” instead, the newest pair set.")
    expect(page.locator("#held-back")).to_contain_text("can be told", timeout=120_000)  # the last thing to be drawn
    expect(said).to_contain_text("no-such-set")
    page.get_by_role("button", name="Legal").click()
    expect(said).to_be_hidden()
    expect(page).to_have_url(re.compile("set=legal"))
    visit.reload(page)
    expect(page.locator("#file-card")).to_contain_text("legal.jsonl")
    expect(said).to_be_hidden()


def test_a_complaint_says_of_what_address_it_is_and_not_what_was_asked_there(visit, app):
    page = visit.open()
    page.evaluate("fetch('sets/nowhere/cleaned.csv?secret=1')")
    page.wait_for_timeout(300)
    [said] = visit.complaints
    visit.complaints.clear()
    assert "404" in said and said.endswith(f"({app.address}/sets/nowhere/cleaned.csv)")
