"""Taking a comparison along: its report, its pairs and a link, on the Compare tab."""

from collections.abc import Callable
from functools import partial

import gradio as gr

from core.errors import WorkbenchError
from core.models import resolve
from core.pairs.store import open_set
from core.workspace import Workspace, person
from workbench import along, shares
from workbench.cards.along import along_card
from workbench.cards.shares import shares_card
from workbench.shown import general_of
from workbench.view import QUIET, change_of, heading, hidden_text, html_view
from workbench.words import said

#: Puts the models into the page's address, so that it opens the same comparison again.
_ADDRESS = """(address) => {
  const url = new URL(location), asked = new URLSearchParams(address);
  for (const name of ['base', 'tuned'])
    asked.get(name) ? url.searchParams.set(name, asked.get(name)) : url.searchParams.delete(name);
  history.replaceState(null, '', url);
}"""


def build(
    workspace: Workspace, look: Callable, base: gr.Dropdown, tuned: gr.Dropdown, set_id: gr.Textbox, drawn: gr.Textbox
) -> None:
    """Lay out the card and wire it.

    Args:
        look: ``look(base, tuned, set_id)``: what the tab shows, with its ``comparison`` and ``map``.
        base, tuned, set_id: what is compared.
        drawn: changes when another comparison has been drawn.
    """
    with gr.Column(elem_classes="card", visible=False) as card:
        heading("Take it along", "report, pairs, link")
        files = html_view("", elem_id="along")
        shared = html_view("", elem_id="shares")
    ticket_now = hidden_text("Ticket of this comparison")
    address = gr.Textbox("", visible="hidden", label="Address of this comparison")

    def offered(base: str, tuned: str | None, set_id: str):
        try:
            shown = look(base, tuned or "", set_id)
            models = resolve(base, workspace), resolve(tuned or "", workspace)
            general = general_of(workspace, *models)
        except WorkbenchError:
            return gr.update(visible=False), "", "", "", ""
        try:
            data = open_set(workspace, set_id).name if set_id else ""
        except WorkbenchError:
            data = ""
        # the run knows what it was trained and asked on; the set in use only stands in where no run does
        known = along.data_of(*models) or data
        ticket = along.offer(*models, shown.comparison, shown.map, known, general, shown.likeness)
        link = along.link(base, tuned or "", set_id)
        return gr.update(visible=True), along_card(ticket, link), link, sharing(ticket), ticket

    def sharing(ticket: str, trouble: str = "") -> str:
        """What is shared; nothing where nobody shares the machine."""
        return shares_card(ticket, shares.shares_of(workspace), trouble) if person() else ""

    def share(event: gr.EventData, ticket: str):
        if not person():
            return ""
        try:
            if event.do == "share":
                title, report = along.title_of(event.ticket), partial(along.write, event.ticket, "report.html")
                shares.share(workspace, title, report)
            elif event.do == "unshare":
                shares.end(workspace, event.token)
        except WorkbenchError as error:
            return sharing(ticket, said(error))
        return sharing(ticket)

    change_of(drawn)(offered, [base, tuned, set_id], [card, files, address, shared, ticket_now], **QUIET)
    shared.click(share, ticket_now, shared, **QUIET)
    address.change(None, address, None, js=_ADDRESS, **QUIET)
