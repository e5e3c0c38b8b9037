"""The log of what was done that costs or cannot be undone."""

import time
from collections.abc import Sequence
from typing import Any

from workbench.words import esc

_OUTCOMES = {"begun": "begun", "done": "done", "failed": "failed"}


def audit_card(entries: Sequence[dict[str, Any]]) -> str:
    """The entries, the newest first; of what has ended only how it ended."""
    ended = {_of(entry) for entry in entries if entry.get("outcome") != "begun"}
    rows = []
    for entry in reversed(entries):
        if entry.get("outcome") == "begun" and _of(entry) in ended:
            continue
        when = entry.get("time")
        at = time.strftime("%d %b %Y, %H:%M", time.localtime(when)) if isinstance(when, (int, float)) else ""
        price = entry.get("dollars_an_hour")
        cost = f"${price:,.2f} an hour" if isinstance(price, (int, float)) and price else ""
        cells = (at, entry.get("who"), f"{entry.get('action')} {entry.get('subject')}", entry.get("where"), cost,
                 _OUTCOMES.get(str(entry.get("outcome")), ""))
        rows.append("<tr>" + "".join(f"<td>{esc(cell or '')}</td>" for cell in cells) + "</tr>")
    if not rows:
        return '<p class="soft small">Nothing yet: what is deployed, trained on AWS, deleted or shared is listed here.</p>'
    titles = "".join(f"<th>{title}</th>" for title in ("When", "Who", "What", "Where", "Costs", "How it ended"))
    return f'<div class="scroll" data-scroll="audit"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _of(entry: dict[str, Any]) -> tuple:
    return tuple(str(entry.get(name)) for name in ("time", "who", "action", "subject"))
