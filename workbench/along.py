"""What can be taken along of the comparison on the page: its report and its pairs, as files.

The page offers what it shows and gets a ticket for it, which a link names. So a link makes nothing be computed, loaded or
downloaded that nobody has looked at.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison, pairs_table
from core.evaluation.likeness import Likeness
from core.maps.projection import Map
from core.models import BASE_MODEL, ModelRef
from core.report import about, html_report, write_report, write_table
from core.runs.run import trained_runs
from core.workspace import Workspace

#: Comparisons whose links work; as many as the page keeps computed.
_KEPT = 4
FILES = ("report.html", "pairs.csv", "pairs.parquet")


@dataclass(frozen=True)
class _Offer:
    base: ModelRef
    tuned: ModelRef
    comparison: Comparison
    map: Map
    data: str
    general: Mapping[str, Any] | None
    alike: Likeness | None


_offers: "OrderedDict[str, _Offer]" = OrderedDict()
_changing = threading.Lock()


def offer(
    base: ModelRef, tuned: ModelRef, comparison: Comparison, shown: Map, data: str = "",
    general: Mapping[str, Any] | None = None, alike: Likeness | None = None,
) -> str:
    """The ticket under which a comparison can be fetched for as long as it is among the last few.

    Args:
        data: the name of the pairs that were asked about.
        general: what became of general language, where that was asked.
        alike: what the heat-map shows.
    """
    content = "|".join((base.name, base.digest, tuned.name, tuned.digest, comparison.pool.digest(), comparison.evidence, data))
    ticket = hashlib.sha256(content.encode("utf-8", errors="replace")).hexdigest()[:32]
    with _changing:
        _offers[ticket] = _Offer(base, tuned, comparison, shown, data, general, alike)
        _offers.move_to_end(ticket)
        while len(_offers) > _KEPT:
            _offers.popitem(last=False)
    return ticket


def write(ticket: str, name: str, folder: Path) -> Path:
    """Write the file called ``name`` (one of ``FILES``) of an offered comparison into ``folder``.

    Raises:
        WorkbenchError: the ticket or the name is not one of ours, or the comparison is no longer kept.
    """
    with _changing:
        one = _offers.get(ticket)
    if one is None or name not in FILES:
        raise WorkbenchError("This comparison is no longer here.", "The last few are kept.", "Open it on the Compare tab again.")
    stem = re.sub(r"[^A-Za-z0-9]+", "-", one.tuned.name).strip("-")[-60:] or "tuned"
    path = folder / f"{stem}-{name}"
    if name == "report.html":
        write_report(html_report(one.comparison, about(one.base, one.tuned, one.data), one.map, one.general, one.alike), path)
    else:
        write_table(pairs_table(one.comparison), path)
    return path


def title_of(ticket: str) -> str:
    """What an offered comparison compares, in words; "a comparison" where it is no longer kept."""
    with _changing:
        one = _offers.get(ticket)
    return f"{one.base.name} → {one.tuned.name}" if one else "a comparison"


def data_of(base: ModelRef, tuned: ModelRef) -> str:
    """The name of the data that ``tuned``, or else ``base``, was trained on; "" where neither is a run's model."""
    return about(base, tuned).data or about(tuned, base).data


def link(base: str, tuned: str, set_id: str) -> str:
    """The query of an address that opens this comparison; "" where a model is a folder or of the Hub, which no link opens."""
    if not _can_be_linked(base) or not _can_be_linked(tuned):
        return ""
    named = {"set": set_id, "base": base, "tuned": tuned}
    return "?" + urlencode({name: value for name, value in named.items() if value})


def linked_models(base: str, tuned: str, workspace: Workspace) -> tuple[str, str]:
    """The models that a link asks for, each "" unless it is the built-in one or a run that has a model: a link may come from
    anybody, and a folder or a Hub name in it would be read or downloaded without being asked."""
    there = {BASE_MODEL, *(run.id for run in trained_runs(workspace))}
    return (base if base in there else ""), (tuned if tuned in there else "")


def _can_be_linked(name: str) -> bool:
    return name == BASE_MODEL or re.fullmatch(r"[a-z0-9-]+", name) is not None
