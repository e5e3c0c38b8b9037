"""Blending on the Compare tab: what a mix of base and tuned model gains on own data and keeps of general language."""

import gradio as gr

from core.blending import SHARES, best, keep_blend
from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.runs.run import Run, trained_runs
from core.workspace import Workspace
from workbench import charts
from workbench.cards import blend as cards
from workbench.mixing import Mixing
from workbench.plotly_view import plotly_view
from workbench.view import AGAIN, QUIET, change_of, heading, html_view
from workbench.words import notice, said

_WAYS = [("On a straight line", "linear"), ("Along the arc (spherical)", "spherical")]


def build(workspace: Workspace, tuned: gr.Dropdown, drawn: gr.Textbox) -> None:
    """Lay out the card and wire it.

    Args:
        tuned: what the tuned model is called; the card is there where it is a run.
        drawn: changes when another comparison has been drawn.
    """
    mixing = Mixing(workspace)
    timer = gr.Timer(1.0, active=False)
    with gr.Column(elem_classes="card", visible=False, elem_id="blend") as card:
        heading("Blend with the base", "a mix keeps most of what was learned and may forget less")
        ask = gr.Button("Ask the mixes", size="md", elem_id="ask-mixes")
        words = html_view(cards.FIRST, elem_id="mixes")
        with gr.Column(visible=False) as found:
            curve = plotly_view(charts.empty(300), label="What each mix gains and keeps", elem_id="trade-off")
            share = gr.Slider(
                SHARES[1], SHARES[-2], value=SHARES[-2], step=0.2, label="Share of the tuned model", elem_id="share"
            )
            way = gr.Radio(
                _WAYS, value="linear", visible=False, label="How the weights are mixed", elem_id="way",
                info="Training moved some weights far, where a straight line shortens them a little and an arc does not.",
            )
            point = html_view("", elem_id="mix")
            keep = gr.Button("Keep this blend as a model", size="md", elem_id="keep-blend")
        kept = html_view("", elem_id="kept-blend")
    shown = [ask, words, found, curve, share, way, point, timer]

    def run_of(tuned: str | None) -> Run | None:
        return next((run for run in trained_runs(workspace) if run.id == tuned), None)

    def show(tuned: str | None) -> dict:
        """How far the mixes of the run are, and what was found."""
        asked = mixing.look(run_of(tuned))
        if asked is None or asked.curve is None:
            at_work = asked is not None and asked.at_work
            return {
                ask: gr.update(interactive=not at_work), found: gr.update(visible=False), timer: gr.update(active=at_work),
                words: cards.FIRST if asked is None else cards.asking(asked.done, asked.total) if at_work else said(asked.trouble),
            }
        first = best(asked.curve)
        chosen = first.share if 0 < first.share < 1 else SHARES[-2]
        return {
            ask: gr.update(interactive=False), words: cards.curve_words(asked.curve), found: gr.update(visible=True),
            curve: charts.trade_off(asked.curve, tuned or ""), share: chosen,
            way: gr.update(value=first.way, visible=any(one.way == "spherical" for one in asked.curve.points)),
            point: cards.point_words(asked.curve, chosen, first.way), timer: gr.update(active=False),
        }

    def another(tuned: str | None) -> dict:
        return {card: gr.update(visible=run_of(tuned) is not None), kept: "", **show(tuned)}

    def begin(tuned: str | None) -> dict:
        run = run_of(tuned)
        if run is not None:
            mixing.begin(run)
        return show(tuned)

    def chosen_point(tuned: str | None, share: float, way: str) -> str:
        asked = mixing.look(run_of(tuned))
        return cards.point_words(asked.curve, float(share), way) if asked and asked.curve else ""

    def keep_it(tuned: str | None, share: float, way: str):
        run = run_of(tuned)
        if run is None:
            return gr.skip(), gr.skip()
        try:
            made = keep_blend(run, round(float(share), 2), workspace, "spherical" if way == "spherical" else "linear")
        except WorkbenchError as error:
            return said(error), gr.skip()
        where = "Choose it above as the tuned model, or deploy it like any other run."
        names = [BASE_MODEL, *(one.id for one in trained_runs(workspace))]
        return notice(f"Kept as {made.id}.", "", where, tone="good"), gr.update(choices=names)

    change_of(drawn)(another, tuned, [card, kept, *shown], **QUIET)
    ask.click(begin, tuned, shown, **QUIET)
    timer.tick(show, tuned, shown, **QUIET)
    change_of(share, way)(chosen_point, [tuned, share, way], point, **AGAIN)
    keep.click(lambda: cards.KEEPING, None, kept, **QUIET).then(keep_it, [tuned, share, way], [kept, tuned], **QUIET)
