"""What can be taken along of a comparison, as links."""

from workbench.words import esc

_FILES = (("report.html", "Report (HTML)"), ("pairs.csv", "Pairs (CSV)"), ("pairs.parquet", "Pairs (Parquet)"))


def along_card(ticket: str, address: str) -> str:
    """The files of an offered comparison, and the address that opens it.

    Args:
        address: the query of the link, "" where there is none.
    """
    files = "".join(f'<a class="button" href="comparisons/{esc(ticket)}/{name}" download>{words}</a>' for name, words in _FILES)
    open_again = f'<a class="button" href="{esc(address)}">Link to this comparison</a>' if address else ""
    return (
        f'<div class="actions">{files}{open_again}</div><p class="soft small" style="margin-top:8px">The report is one file that holds everything and'
        " fetches nothing. Charts are saved with the buttons that appear on them.</p>"
    )
