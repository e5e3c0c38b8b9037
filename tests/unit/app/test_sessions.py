"""What the app remembers of the pages that were opened does not grow without end, and a page that is forgotten still works."""

import gc

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.workspace import Workspace
from workbench import background, sessions
from workbench.app import build_app
from workbench.page import Page
from workbench.sessions import remember_little


@pytest.fixture
def page() -> Page:
    with Page() as page:
        with gr.Column(visible=False) as card:
            seen = gr.State([])
            shown = gr.Textbox("", label="Shown")
        page.load(lambda: gr.update(visible=True), None, card, queue=False)
        gr.Button().click(lambda seen, _: ([*seen, "more"], len(seen)), [seen, shown], [seen, shown], queue=False)
        gr.Button().click(lambda: gr.update(visible=False), None, card, queue=False)
    return page


@pytest.fixture
def client(page) -> TestClient:
    app = FastAPI()
    gr.mount_gradio_app(app, page, path="/", ssr_mode=False)
    remember_little(app, page)
    return TestClient(app)


def ask(client: TestClient, event: int, session: str, data: list) -> list:
    body = {"fn_index": event, "data": data, "session_hash": session}
    answer = client.post("/gradio_api/run/predict", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


LOAD, MORE, HIDE = range(3)


def test_a_page_keeps_what_it_was_told(client):
    ask(client, LOAD, "one", [])
    assert [ask(client, MORE, "one", [None, ""])[1] for _ in range(3)] == ["0", "1", "2"]
    assert ask(client, MORE, "another", [None, ""])[1] == "0"


def test_of_the_pages_that_were_opened_only_those_used_last_are_remembered(monkeypatch, page):
    monkeypatch.setattr(sessions, "MOST_PAGES", 3)
    app = FastAPI()
    gr.mount_gradio_app(app, page, path="/", ssr_mode=False)
    remember_little(app, page)
    client = TestClient(app)
    for name in ("stays", *map(str, range(20))):
        ask(client, LOAD, name, [])
        ask(client, MORE, "stays", [None, ""])
    assert len(page.state_holder.session_data) == 3
    assert ask(client, MORE, "stays", [None, ""])[1] == "21"  # a page that is in use is not forgotten
    assert ask(client, MORE, "0", [None, ""])[1] == "0"  # one that was comes back as a new one


def test_a_page_that_was_forgotten_is_told_what_it_may_show_otherwise(client, page):
    [told] = ask(client, LOAD, "one", [])
    assert told["visible"] is True
    page.state_holder.session_data.clear()
    [told] = ask(client, HIDE, "one", [])
    assert told.get("visible") is False


def test_a_page_costs_a_few_objects_and_no_copy_of_the_whole_page(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "warm_up", lambda: None)
    monkeypatch.setattr(background, "after_the_page", lambda action: None)
    app = build_app(Workspace.at(tmp_path / "workspace"))
    client, page = TestClient(app), app.routes[-1].app.get_blocks()
    opened = next(one for one, event in page.fns.items() if event.fn and any(what == "load" for _, what in event.targets))

    def opened_pages(names) -> int:
        for name in names:
            ask(client, opened, name, [])
        gc.collect()
        return len(gc.get_objects())

    before = opened_pages(["first"])
    pages = [f"page {number}" for number in range(20)]
    grown = opened_pages(pages) - before
    assert len(page.state_holder.session_data) == 21
    assert grown / len(pages) < len(page.blocks) / 4, grown
