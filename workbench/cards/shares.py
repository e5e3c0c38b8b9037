"""Sharing a comparison with the others who use the workbench."""

from collections.abc import Sequence

from workbench.shares import Share
from workbench.words import ago, esc


def shares_card(ticket: str, shares: Sequence[Share], trouble: str = "") -> str:
    """The button that shares the comparison on the page, and what is shared, each with its link and a way to end it.

    Args:
        trouble: a message, as HTML.
    """
    rows = "".join(
        f'<tr><td><a href="shared/{esc(one.token)}" target="_blank" rel="noopener">{esc(one.title)}</a></td><td class="n soft">{ago(one.created)}</td>'
        f'<td><span class="actions"><button class="stop" data-do="unshare" data-token="{esc(one.token)}"'
        f' data-key="unshare-{esc(one.token)}">End</button></span></td></tr>'
        for one in shares
    )
    table = (
        f'<div class="scroll" data-scroll="shares"><table><thead><tr><th>Shared by you</th><th class="n">Since</th><th></th></tr></thead><tbody>{rows}</tbody></table></div>'
        if shares else ""
    )
    return (
        f'<div style="margin-top:12px"><div class="actions"><button data-do="share" data-ticket="{esc(ticket)}" data-key="share">Share this comparison</button></div>'
        '<p class="soft small" style="margin-top:8px">Makes a link to the report as it is now. It holds the questions and answers of the'
        " pairs that were asked. Everybody who can sign in to this workbench and has the link can read it, until you end it.</p>"
        f"{trouble}{table}</div>"
    )
