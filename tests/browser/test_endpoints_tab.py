"""The Endpoints tab in a real browser: deploy the base model here, try it, use it, and leave nothing behind."""

import csv
import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE

QUESTION, ANSWER = "Are Agents fully managed?", "Yes, agents are fully managed for you."


def open_tab(page: Page) -> Page:
    page.get_by_role("tab", name="Endpoints").click()
    expect(page.locator("#endpoints-so")).not_to_be_empty()
    return page


def deploy(page: Page) -> str:
    """Deploy the base model, wait until it is ready, and return the endpoint's name."""
    page.locator("#deploy").click()
    expect(page.locator("#deploying")).to_contain_text("Deploy")
    expect(page.locator("#endpoints")).to_contain_text("Ready", timeout=120_000)
    expect(page.locator("#endpoints tbody tr")).to_have_count(1)
    expect(page.locator("#try")).to_be_visible()
    return page.locator("#endpoints tbody tr").get_attribute("data-row")


def write(page: Page, box: str, text: str) -> None:
    page.locator(f"{box} textarea, {box} input").first.fill(text)


def delete(page: Page, name: str) -> None:
    """Delete by typing the name, and wait until the list is empty again."""
    page.get_by_role("button", name=f"Delete {name}").click()
    write(page, "#typed-name", name)
    page.locator("#delete-now").click()
    expect(page.locator("#endpoints-so")).to_contain_text("No endpoints yet.", timeout=60_000)
    expect(page.locator("#deleting")).to_contain_text("nothing is left")


@pytest.mark.parametrize("viewport, dark", [(DESKTOP, False), (PHONE, True)], ids=["desktop", "phone-dark"])
def test_deploy_try_and_delete(visit, viewport, dark):
    page = open_tab(visit.open(viewport=viewport, dark=dark))
    expect(page.locator("#endpoints-so")).to_contain_text("No endpoints yet.")
    name = deploy(page)
    expect(page.locator("#endpoints-so")).to_contain_text(re.compile(r"One endpoint is running here\.\s*It costs nothing\."))
    expect(page.locator(".masthead .view")).to_contain_text("1 endpoint running, free", timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]

    # one text, then two
    write(page, "#try-one", QUESTION)
    page.locator("#try").click()
    expect(page.locator("#answer tbody tr")).to_have_count(1)
    expect(page.locator("#answer")).to_contain_text("384")
    write(page, "#try-two", QUESTION)
    page.locator("#try").click()
    expect(page.locator("#answer .stat")).to_contain_text("1.00")
    write(page, "#try-two", ANSWER)
    page.locator("#try").click()
    expect(page.locator("#answer .stat")).not_to_contain_text("1.00")
    page.locator("#time-calls").click()
    expect(page.locator("#answer")).to_contain_text("20 calls", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]

    # a wrong name deletes nothing, the right one everything
    page.get_by_role("button", name=f"Delete {name}").click()
    write(page, "#typed-name", "something else")
    page.locator("#delete-now").click()
    expect(page.locator("#endpoints-trouble")).to_contain_text("Nothing was deleted")
    page.locator("#keep").click()
    expect(page.locator("#typed-name")).to_be_hidden()
    expect(page.locator("#endpoints")).to_contain_text("Ready")
    delete(page, name)
    expect(page.locator("#use")).to_be_hidden()
    expect(page.locator(".masthead .view")).not_to_contain_text("running", timeout=15_000)


def test_a_second_tab_sees_the_same_and_two_clicks_make_one(visit, app, tmp_path):
    page = open_tab(visit.open())
    other = open_tab(visit.another(page.context))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#deploy").click()
    other.locator("#deploy").click()
    name = deploy(page)
    expect(other.locator("#endpoints")).to_contain_text("Ready", timeout=30_000)
    expect(other.locator("#endpoints tbody tr")).to_have_count(1)
    visit.reload(page)
    open_tab(page)
    expect(page.locator("#endpoints")).to_contain_text(name)

    # a file of texts becomes a file of vectors
    texts = tmp_path / "texts.txt"
    texts.write_text(f"{QUESTION}\n{ANSWER}\n=SUM(A1)\n")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file of texts").click()
    chooser.value.set_files(texts)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the vectors").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [len(row) for row in rows] == [385] * 4 and rows[3][0] == "'=SUM(A1)"

    # programs to copy, each with the address
    for kind, words in (("curl", "curl http://127.0.0.1"), ("LangChain", "langchain_core"), ("LlamaIndex", "llama_index")):
        page.locator("#snippet-kind").get_by_text(kind, exact=True).click()
        expect(page.locator("#snippet")).to_contain_text(words)

    # and one that runs, with the token that the page shows when asked
    page.locator("#snippet-kind").get_by_text("Python", exact=True).click()
    expect(page.locator("#snippet")).to_contain_text("import requests")
    page.get_by_role("button", name="Copy the program").click()
    expect(page.locator("#snippet button")).to_have_text("Copied")
    expect(page.locator("#token")).not_to_contain_text("export")
    page.get_by_role("button", name="Show the token").click()
    expect(page.locator("#token pre")).to_contain_text("export EMBEDDING_TOKEN=")
    token = page.locator("#token pre").inner_text().split("=", 1)[1].strip()
    program = [sys.executable, "-c", page.locator("#program").inner_text()]
    answer = subprocess.run(program, env={**os.environ, "EMBEDDING_TOKEN": token}, capture_output=True, text=True)
    assert answer.stdout == "384 numbers\n", answer.stderr
    page.get_by_role("button", name="Hide the token").click()
    expect(page.locator("#token")).not_to_contain_text(token)

    # longer, then by the keyboard alone to its deletion
    page.get_by_role("button", name=f"Extend {name}").click()
    expect(page.locator("#endpoints")).to_contain_text("in 15 h")
    page.get_by_role("button", name=f"Delete {name}").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#typed-name input, #typed-name textarea")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator("#endpoints-so")).to_contain_text("No endpoints yet.", timeout=60_000)
    expect(other.locator("#endpoints-so")).to_contain_text("No endpoints yet.", timeout=30_000)
