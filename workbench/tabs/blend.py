"""Blending on the Compare tab: what a mix of base and tuned model gains on own data and keeps of general language."""

import gradio as gr

from core.blending import SHARES, keep_blend, trade_off
from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.runs.run import Run, trained_runs
from core.workspace import Workspace
from workbench import charts
from workbench.cards import blend as cards
from workbench.plotly_view import plotly_view
from workbench.view import QUIET, heading, html_view
from workbench.words import notice, said


def build(workspace: Workspace, tuned: gr.Dropdown, drawn: gr.Textbox) -> None:
    """Lay out the card and wire it.

    Args:
        tuned: what the tuned model is called; the card is there where it is a run.
        drawn: changes when another comparison has been drawn.
    """
    with gr.Column(elem_classes="card", visible=False, elem_id="blend") as card:
        heading("Blend with the base", "a mix keeps most of what was learned and may forget less")
        ask = gr.Button("Ask the mixes", size="md", elem_id="ask-mixes")
        words = html_view(cards.FIRST)
        with gr.Column(visible=False) as found:
            curve = plotly_view(charts.empty(300), label="What each mix gains and keeps", elem_id="trade-off")
            share = gr.Slider(
                SHARES[1], SHARES[-2], value=SHARES[-2], step=0.2, label="Share of the tuned model", elem_id="share"
            )
            keep = gr.Button("Keep this blend as a model", size="md", elem_id="keep-blend")
        kept = html_view("")

    def run_of(tuned: str | None) -> Run | None:
        return next((run for run in trained_runs(workspace) if run.id == tuned), None)

    def another(tuned: str | None):
        return gr.update(visible=run_of(tuned) is not None), cards.FIRST, gr.update(visible=False), ""

    def ask_mixes(tuned: str | None):
        run = run_of(tuned)
        if run is None:
            return gr.skip(), gr.skip(), gr.skip()
        try:
            answer = trade_off(run, workspace)
        except WorkbenchError as error:
            return said(error), gr.update(visible=False), gr.skip()
        return cards.curve_words(answer), gr.update(visible=True), charts.trade_off(answer, run.id)

    def keep_it(tuned: str | None, share: float):
        run = run_of(tuned)
        if run is None:
            return gr.skip(), gr.skip()
        try:
            made = keep_blend(run, round(float(share), 2), workspace)
        except WorkbenchError as error:
            return said(error), gr.skip()
        where = "Choose it above as the tuned model, or deploy it like any other run."
        names = [BASE_MODEL, *(one.id for one in trained_runs(workspace))]
        return notice(f"Kept as {made.id}.", "", where, tone="good"), gr.update(choices=names)

    drawn.change(another, tuned, [card, words, found, kept], **QUIET)
    ask.click(lambda: cards.ASKING, None, words, **QUIET).then(ask_mixes, tuned, [words, found, curve], **QUIET)
    keep.click(keep_it, [tuned, share], [kept, tuned], **QUIET)
