"""A search in a real browser: what to try, the table as trials end, one trial in front, tidying up."""

import re

from playwright.sync_api import expect

from core.runs.run import all_runs
from core.workspace import Workspace
from tests.browser.conftest import PHONE, cut_off
from tests.tiny import pairs, tiny_model


def test_search_look_at_a_trial_and_keep_the_best(visit, app, tmp_path):
    workspace = Workspace(app.workspace)
    model = tiny_model(tmp_path / "tiny", workspace)
    named = pairs(40).rename(columns={"anchor": "question", "positive": "answer"})
    named[["question", "answer"]].to_csv(tmp_path / "words.csv", index=False)

    page = visit.open()
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "words.csv")
    expect(page.locator("#file-card")).to_contain_text("words.csv")
    page.get_by_role("tab", name="Train").click()
    page.locator("#set-base_model input").fill(str(model))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Search for better settings").click()
    plan = page.locator("#search-plan")
    expect(plan).to_contain_text("9 trainings", timeout=120_000)

    # what cannot be is said at once
    rates, sizes = (page.locator(f"#try-{name} input, #try-{name} textarea") for name in ("learning_rate", "batch_size"))
    rates.fill("1e-3, 5")
    expect(plan).to_contain_text("a number from")
    rates.fill("1e-3")
    sizes.fill("16")
    expect(plan).to_contain_text("2 trainings")
    page.get_by_role("button", name="Start the search").click()

    # the table, from the first moment to the last; a second page opens on it
    table = page.locator("#search-table")
    expect(table).to_contain_text("words-search-1")
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("run=words-search-1-trial-1"))
    expect(table).to_contain_text("2 of 2 finished", timeout=240_000)
    first = table.locator("tbody tr").first
    expect(first).to_contain_text("best")
    expect(first.locator("svg.whisker")).to_be_visible()
    expect(table).to_contain_text("picked on the same 8 held-out questions")
    expect(page.locator("#runs tbody tr")).to_have_count(1)
    phone = visit.open(page.url.removeprefix(app.address), viewport=PHONE, dark=True)
    phone.get_by_role("tab", name="Train").click()
    expect(phone.locator("#search-table")).to_contain_text("2 of 2 finished")
    assert not cut_off(phone)

    # another trial in front, and the first one laid over it
    table.get_by_role("button", name="learning rate").click()
    expect(page.locator("#run")).to_contain_text("words-search-1-trial-2")
    table.get_by_role("checkbox").check()
    expect(page.locator("#runs")).to_contain_text("What differs")

    # only the best is kept, and all that was found out
    best = re.search(r"trial (\d)", first.inner_text()).group(1)
    table.get_by_role("button", name="Delete all but the best").click()
    page.get_by_role("button", name="Delete them").click()
    expect(table).to_contain_text("deleted")
    assert [run.id for run in all_runs(workspace)] == [f"words-search-1-trial-{best}"]
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#run")).to_contain_text(f"words-search-1-trial-{best}")
    assert not cut_off(page)

    # the table goes, the run stays
    table.get_by_role("button", name="Delete the table").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete the table").click()
    expect(table).not_to_be_visible()
    expect(page.locator("#runs")).to_contain_text(f"words-search-1-trial-{best}")
