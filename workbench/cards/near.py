"""The card that offers to look at all questions of a large set, and says how far that is."""

from core.plan import duration
from workbench.cards.check import check
from workbench.looking import Look
from workbench.words import count, esc, said

_STAGES = {
    "waiting": "Getting ready",
    "reading": "Reading the questions",
    "comparing": "Comparing each with each",
}


def at_work_card(look: Look) -> str:
    """How far a look at all questions is, and a way to stop it."""
    far = f": {look.done:,} of {look.total:,}" if look.total else ""
    left = f", about {duration(look.seconds_left)} left" if look.seconds_left is not None else ""
    return _block(
        f"{_STAGES[look.stage]}{far}{left}", "You can go on meanwhile, or close the page.", ("stop", "Stop"), "At work", "…"
    )


def near_card(questions: int, sample: int, known: bool, seconds: float, look: Look | None) -> str:
    """What is known of the whole set; "" where the checks look at all of it anyway.

    Args:
        questions: how many different ones the set has; sample: how many rows the checks look at.
        known: whether all were looked at; seconds: an estimate of how long that takes.
        look: the last one, where it is over.
    """
    if known:
        return _block(
            f"All {count(questions, 'question')} were compared with each other", "What was found is among the checks above.",
            None, "Done", "✓",
        )
    if questions <= sample:
        return ""
    trouble = said(look.trouble) if look is not None and look.trouble else ""
    stopped = "Stopped; what was read so far is kept. " if look is not None and look.stage == "stopped" else ""
    return trouble + _block(
        f"Of {count(questions, 'question')} only those of {sample:,} rows were looked at",
        f"{stopped}Questions that ask nearly the same spoil training and make the figures look better than they are. Looking at all"
        f" of them takes about {duration(seconds)}.",
        ("look", "Look at all"), "Open", "○",
    )


def _block(title: str, words: str, button: tuple[str, str] | None, state: str, sign: str) -> str:
    pressed = f'<button data-do="{button[0]}" data-key="near-{button[0]}">{button[1]}</button>' if button else ""
    said = f'<b role="status">{esc(title)}</b><p>{esc(words)}</p>'
    return check("ok" if state == "Done" else "", sign, state, said, pressed)
