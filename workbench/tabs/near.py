"""Looking at all questions of a large set, on the Pairs tab."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from core.pairs.context import SAMPLE
from core.pairs.near import known_groups
from core.pairs.store import StoredSet, open_set
from core.plan import TOKENS_A_SECOND
from core.workspace import Workspace
from workbench.cards.near import at_work_card, near_card
from workbench.looking import Looking
from workbench.told import told_in
from workbench.view import QUIET, change_of, hidden_number, html_view

#: Reading texts takes about a third of training on them; products of float32 matrices a second on two processor cores, for
#: comparing each question with each.
_READING_SHARE, _PRODUCTS_A_SECOND = 1 / 3, 3e10


def opened_set(workspace: Workspace, set_id: str) -> StoredSet | None:
    """The set in use; None where there is none, or it cannot be opened."""
    try:
        return open_set(workspace, set_id) if set_id else None
    except WorkbenchError:
        return None


def build(
    workspace: Workspace, set_id: gr.Textbox, changed: gr.Number, tokens: Callable[[StoredSet], float]
) -> None:
    """Lay out the card and wire it.

    Args:
        set_id, changed: the set in use, and what grows with each change of its rows; it grows when something was found.
        tokens: how many tokens a question has on average.
    """
    looking = Looking(workspace)
    timer = gr.Timer(1.0, active=False)
    at_work = hidden_number("Whether all questions are being looked at")
    card = html_view("", elem_id="near")
    shown = [card, timer, at_work, changed]

    @told_in(card)
    def show(set_id: str, was_at_work: int, changes: int) -> dict[Any, Any]:
        stored = opened_set(workspace, set_id)
        if stored is None:
            return {card: "", timer: gr.update(active=False), at_work: 0}
        look = looking.look(stored.id)
        if look is not None and look.at_work:  # asked every second: nothing of the set is read for it
            return {card: at_work_card(look), timer: gr.update(active=True), at_work: 1}
        questions = stored.pairs().frame["anchor"].nunique()
        seconds = 0.0
        if questions > SAMPLE:
            read = tokens(stored) * questions * _READING_SHARE / TOKENS_A_SECOND
            seconds = read + questions**2 / 2 * 384 / _PRODUCTS_A_SECOND
        words = near_card(questions, SAMPLE, known_groups(stored) is not None, seconds, look)
        found = was_at_work and look is not None and look.stage == "done"
        return {card: words, timer: gr.update(active=False), at_work: 0, **({changed: changes + 1} if found else {})}

    def act(event: gr.EventData, set_id: str, changes: int) -> dict[Any, Any]:
        stored = opened_set(workspace, set_id)
        look = looking.look(set_id)
        if stored is not None and event.do == "look":
            looking.begin(stored)
        elif look is not None and event.do == "stop":
            look.stop.set()
        return show(set_id, 1, changes)

    gr.on([change_of(set_id, changed), timer.tick], show, [set_id, at_work, changed], shown, **QUIET)
    card.click(act, [set_id, changed], shown, **QUIET)
