"""More than one tuned model beside the base, on the Compare tab."""

import gradio as gr

from core.errors import WorkbenchError
from core.evaluation.several import MOST, compare_several
from core.models import resolve
from core.runs.folds import compare_several_folds
from core.runs.run import trained_runs
from core.workspace import Workspace
from workbench.cards.several import several_card
from workbench.shown import rows_for
from workbench.view import QUIET, heading, html_view
from workbench.words import said


def build(workspace: Workspace, base: gr.Dropdown, set_id: gr.Textbox, tab: gr.Tab) -> None:
    """Lay out the card and wire it. ``base`` holds the name of the model that all are compared with."""
    with gr.Column(elem_classes="card", elem_id="several"):
        heading("Several models", f"up to {MOST} beside the base, on questions that none of them was trained on")
        with gr.Row(elem_classes="ask"):
            chosen = gr.Dropdown(
                [], value=[], multiselect=True, max_choices=MOST, label="Runs", interactive=True, elem_id="several-runs", scale=4
            )
            go = gr.Button("Put side by side", size="md", elem_id="side-by-side", scale=1)
        table = html_view("", elem_id="several-table")

    def put(base: str, names: list[str], set_id: str) -> str:
        try:
            models = [resolve(name, workspace) for name in names]
            start = resolve(base, workspace)
            if not models:
                return said(WorkbenchError("No model is chosen.", "", "Choose one or more runs."))
            folded = compare_several_folds(start, models, workspace)
            if folded is not None:
                return several_card(base, names, folded)
            held_out, everything = rows_for(workspace, start, models[0], set_id)
            return several_card(base, names, compare_several(start, models, held_out, everything, workspace))
        except WorkbenchError as error:
            return said(error)

    tab.select(lambda: gr.update(choices=[run.id for run in trained_runs(workspace)]), None, chosen, **QUIET)
    go.click(lambda: '<p class="soft" role="status">Asking every model the same questions.</p>', None, table, **QUIET).then(
        put, [base, chosen, set_id], table, **QUIET
    )
