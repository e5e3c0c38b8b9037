"""Numbers, sizes and times as a person reads them, and text made safe to show."""

import html
import time

from core.errors import WorkbenchError

#: The kinds of endpoints by their names in ``core.endpoints.host``.
PLACE_IN_WORDS = {
    "here": "This machine", "sagemaker": "SageMaker", "serverless": "SageMaker serverless", "tei": "SageMaker, TEI",
}


def esc(text: object) -> str:
    """Text from a file, a name or a message, safe inside HTML and inside a quoted attribute."""
    return html.escape(str(text), quote=True)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 pair``, ``1,192 pairs``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number_of_bytes: float) -> str:
    """``38 kB``, ``1.4 GB`` (powers of 1000)."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number_of_bytes < 1000 or unit == "GB":
            return (
                f"{number_of_bytes:.0f} {unit}"
                if number_of_bytes >= 10 or unit == "bytes"
                else f"{number_of_bytes:.1f} {unit}"
            )
        number_of_bytes /= 1000
    raise AssertionError("unreachable")


def money(dollars: float) -> str:
    """``free`` for nothing, else dollars and cents."""
    return f"${dollars:,.2f}" if dollars else "free"


def duration(seconds: float) -> str:
    """An estimate in words: ``about 40 seconds``, ``about 12 minutes``, ``about 3 hours``."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} seconds"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.1f} hours"


def clock(seconds: float) -> str:
    """A running time: ``0:12``, ``1:02:33``."""
    seconds = max(0, round(seconds))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def ago(then: float) -> str:
    """How long since ``then`` (seconds since 1970): ``just now``, ``5 min ago``, ``3 days ago``."""
    passed = time.time() - then
    for limit, unit, name in ((60, 1, ""), (3600, 60, "min"), (86400, 3600, "h"), (float("inf"), 86400, "days")):
        if passed < limit:
            return "just now" if not name else f"{passed // unit:.0f} {name} ago"
    raise AssertionError("unreachable")


def notice(what: str, why: str = "", what_to_do: str = "", tone: str = "bad") -> str:
    """A message as HTML: what happened in bold, then why and what to do; ``tone`` is bad, warn or good."""
    rest = " ".join(esc(part) for part in (why, what_to_do) if part)
    return f'<div class="notice tone-{tone}" role="status"><b>{esc(what)}</b> {rest}</div>'


#: Seconds without a word from AWS after which it is said since when.
SILENT = 60.0


def span(seconds: float) -> str:
    """A length of time: ``40 s``, ``12 min``, ``2 h 18 min``, ``3 days``."""
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 86400} days"


def said(error: WorkbenchError) -> str:
    """The error as a message on the page."""
    return notice(error.what, error.why, error.what_to_do)
