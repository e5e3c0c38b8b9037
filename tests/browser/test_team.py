"""A shared workbench in a real browser: signing in with the keyboard, working behind the door, signing out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, ROOT, complaint
from tests.integration.team.conftest import PASSWORDS, Team


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> Iterator[Team]:
    house = tmp_path_factory.mktemp("team") / "house"
    house.mkdir()
    one = Team(house)
    one.users.put("ada", PASSWORDS["ada"], may_spend=False)
    one.start()
    yield one
    one.stop()


@pytest.mark.parametrize("dark", [False, True])
def test_somebody_signs_in_works_and_signs_out(browser, team, dark):
    context = browser.new_context(viewport=PHONE, color_scheme="dark" if dark else "light")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(complaint(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{team.address}/?__theme={'dark' if dark else 'light'}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 23, 26)") is dark
    page.keyboard.type("Ada")  # the first box has the focus
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    complaints.clear()  # the browser reports the 401 itself
    page.get_by_label("Password").fill(PASSWORDS["ada"])
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="Pairs").wait_for(timeout=120_000)  # her app is started now
    expect(page.locator(".masthead .who")).to_contain_text("Signed in as ada")
    assert page.evaluate("document.querySelector('.gradio-container').scrollWidth <= innerWidth")
    page.locator("#upload input[type=file]").set_input_files(ROOT / "data" / "dirty.csv")
    expect(page.locator("#file-card")).to_contain_text("44 rows")
    page.get_by_role("tab", name="Endpoints").click()
    page.locator("#deploy-where").get_by_text("SageMaker serverless").click()
    expect(page.locator("#deploy-about")).to_contain_text("You do not have the right to spend money")
    expect(page.locator("#deploy")).to_be_disabled()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(team.address)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # what was under way when the page was left is told by the browser as a failed request
    assert not [one for one in complaints if "Content Security Policy" in one or "Error:" in one and "fetch" not in one], complaints
    context.close()
