"""The line before the one place at which a shared machine trains."""

from collections.abc import Sequence

from core.runs.line import Turn
from core.workspace import Workspace
from workbench.words import duration, esc


def line_card(turns: Sequence[Turn], workspace: Workspace) -> str:
    """Who trains and who waits, with estimates; of other people's trainings the person's name and the time alone."""
    if not turns:
        return ""
    rows, waits = [], 0
    for turn in turns:
        mine = turn.owner == workspace
        works = turn.starts_in == 0 and turn.run.status().state != "queued"
        waits += not works
        place = "trains now" if works else f"{waits}."
        who = f"you: {turn.run.id}" if mine else turn.owner.root.name
        begins = "" if works else "in " + duration(turn.starts_in) if turn.starts_in else "next" if waits == 1 else "not known"
        takes = duration(turn.takes) if turn.takes is not None else "not known"
        tag = ' class="b"' if mine else ""
        rows.append(
            f'<tr><td>{place}</td><td{tag}>{esc(who)}</td><td class="n">{esc(begins)}</td><td class="n">{esc(takes)}</td></tr>'
        )
    return (
        '<h3>Trainings on this machine <span>one at a time, turn by turn between people</span></h3><div class="scroll" data-scroll="line">'
        '<table><thead><tr><th>Place</th><th>Whose</th><th class="n">Begins, estimated</th><th class="n">Takes at most, estimated</th></tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div>'
    )


def moving(turns: Sequence[Turn], workspace: Workspace) -> list:
    """What decides whether the card has to be drawn again, of other people no more than it shows; estimates are looked at in
    steps of half a minute."""
    def step(seconds: float | None) -> int | None:
        return None if seconds is None else int(seconds // 30)

    return [
        [turn.owner.root.name, turn.run.id if turn.owner == workspace else "", step(turn.starts_in), step(turn.takes)] for turn in turns
    ]
