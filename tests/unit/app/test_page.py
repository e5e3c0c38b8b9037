"""What an event answers is what Gradio would answer, though parts that stay as they are cost nothing."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.page import Page


def answer_of(answering):
    """What a coroutine returns, in a thread of its own: Playwright leaves a loop running in that of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answering).result()


def handler(*_):
    """Never called: what it gives is given by the test."""


@pytest.fixture(scope="module")
def page() -> Page:
    with Page() as page:
        with gr.Column(visible=False) as column:
            parts = [gr.HTML(""), gr.Textbox(""), gr.Number(0), gr.State([])]
        gr.Button().click(handler, None, [column, *parts], queue=False)
        gr.Button().click(handler, None, parts[0], queue=False)
        gr.Button().click(handler, None, None, queue=False)
    return page


def events(page: Page) -> tuple:
    several, one, _ = page.fns.values()
    return several, one


def browser(parts: list, answers: list[list]) -> list[dict]:
    """What a browser holds of each part after these answers."""
    held = [{"visible": getattr(part, "visible", None), "value": part.value if hasattr(part, "value") else None} for part in parts]
    for answer in answers:
        for one, value in zip(held, answer, strict=True):
            update = value if isinstance(value, dict) else {"value": value}
            one |= {name: new for name, new in update.items() if name not in ("__type__", "props")}  # props repeat the type
    return held


def fresh(prediction):
    """The same again: Gradio takes out of an update what it has seen."""
    if isinstance(prediction, list):
        return [copy(one) for one in prediction]
    return {part: copy(one) for part, one in prediction.items()} if isinstance(prediction, dict) else prediction


def shown(page: Page, event, predictions: list, post) -> tuple[list[dict], list]:
    """What a browser and the session hold after several answers."""
    state = SessionState(page)

    async def answered() -> list[list]:
        return [await post(event, fresh(one), state) for one in predictions]

    held = browser(event.outputs, answer_of(answered()))
    now = [state.get(part._id, part) for part in event.outputs]
    return held, [one if part.stateful else getattr(one, "visible", None) for one, part in zip(now, event.outputs, strict=True)]


updates = st.sampled_from([
    gr.skip(), gr.update(visible=True), gr.update(visible=False), gr.update(value="x"), gr.update(value="y", visible=True),
    gr.update(label="l"), gr.update(visible="hidden"),
])
texts = st.one_of(updates, st.sampled_from(["", "a", "b"]))
numbers = st.one_of(st.sampled_from([gr.skip(), gr.update(value=3), gr.update(visible=False)]), st.integers(0, 3))
states = st.one_of(st.sampled_from([gr.skip(), gr.update(value=[7])]), st.lists(st.integers(0, 2), max_size=2))
columns = st.sampled_from([gr.skip(), gr.update(visible=True), gr.update(visible=False)])


@settings(deadline=None, max_examples=10)
@given(st.data())
def test_it_answers_as_gradio_does(page, data):
    several, one = events(page)
    lists = data.draw(st.lists(st.tuples(columns, texts, texts, numbers, states), min_size=1, max_size=4))
    given_as = [
        dict(list(zip(several.outputs, values, strict=True))[:number]) if number else list(values)
        for values in lists for number in [data.draw(st.integers(0, 5))]
    ]
    single = data.draw(st.lists(texts, min_size=1, max_size=4))
    for event, predictions in ((several, [*given_as, gr.skip()]), (one, single)):
        ours = shown(page, event, predictions, page.postprocess_data)
        assert ours == shown(page, event, predictions, super(Page, page).postprocess_data)


def test_what_stays_is_not_made_anew(page, monkeypatch):
    several, _ = events(page)
    state, made = SessionState(page), []
    monkeypatch.setattr(gr.Column, "__init__", lambda self, **_: made.append("column") or pytest.fail("made anew"))
    monkeypatch.setattr(gr.HTML, "__init__", lambda self, **_: made.append("html") or pytest.fail("made anew"))
    answer = answer_of(page.postprocess_data(several, {several.outputs[0]: gr.update(visible=False)}, state))
    assert answer == [gr.skip()] * 4 + [None] and not made


def test_a_handler_that_gives_too_few_is_told_as_by_gradio(page):
    several, _ = events(page)
    with pytest.raises(ValueError, match="didn't return enough output values"):
        answer_of(page.postprocess_data(several, ["a"], SessionState(page)))


def test_a_handler_that_changes_nothing_of_the_page_gives_nothing(page):
    nothing = [*page.fns.values()][2]
    assert nothing.outputs == [] and answer_of(page.postprocess_data(nothing, None, SessionState(page))) == []
