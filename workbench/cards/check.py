"""One line of a list of checks: a sign, words, and buttons."""


def check(tone: str, sign: str, state: str, words: str, buttons: str = "") -> str:
    """
    Args:
        tone: the sign's colour, a class of the style; state: what it means, in a word.
        words, buttons: HTML whose texts are escaped.
    """
    actions = f'<div class="actions">{buttons}</div>' if buttons else ""
    return (
        f'<div class="check"><span class="dot {tone}" role="img" aria-label="{state}">{sign}</span>'
        f'<div class="words">{words}</div>{actions}</div>'
    )
