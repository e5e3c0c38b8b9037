"""The report: one HTML file with everything in it, which opens without the workbench and without a network.

The template escapes every text by itself (Jinja with autoescape), so that no file, name or setting can become markup. A
content security policy holds the rest: only the two scripts that this module put in run, and nothing is ever fetched.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.evaluation.comparison import Comparison, pairs_table
from core.evaluation.likeness import Likeness
from core.evaluation.metrics import MEANINGS
from core.evaluation.report import report
from core.maps.projection import Map
from core.models import ModelRef
from core.report.files import csv_text
from core.runs.run import Run

HERE = Path(__file__).parent
#: Rows of the pair table that the page shows; all of them are in the CSV that it carries.
ROWS = 200
#: The CSV is carried up to this size, so that a report can still be mailed; in characters.
LARGEST_CSV = 10_000_000

@dataclass(frozen=True)
class About:
    """What a report is about.

    Attributes:
        base, tuned: the models' names; data: the name of what they were asked about.
        settings: what the tuned model was trained with; versions: of the programs it was trained with.
        made: when, in words.
    """

    base: str
    tuned: str
    data: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    made: str = field(default_factory=lambda: f"{datetime.now():%d %B %Y, %H:%M}")


def about(base: ModelRef, tuned: ModelRef, data: str = "") -> About:
    """What is known of two models: settings and versions where ``tuned`` is a run's model, and its data's name where
    ``data`` is ""."""
    known = Run(tuned.path.parent).settings() if tuned.path.name == "model" else {}
    source = known.get("source") or {}
    recipe = {name: value for name, value in (known.get("recipe") or {}).items() if value not in (None, [], "")}
    return About(base.name, tuned.name, data or str(source.get("name") or ""), recipe, known.get("versions") or {})


def html_report(
    comparison: Comparison, what: About, shown: Map | None = None, general: Mapping[str, Any] | None = None,
    alike: Likeness | None = None,
) -> str:
    """The report as the text of an HTML file.

    Args:
        shown: the map of the queries and then the corpus of ``comparison.pool``, for a picture of it.
        alike: some of the pairs, each question with each answer, for the heat-map.
        general: what ``core.evaluation.general`` found of everyday questions; None where they were not asked.
    """
    import plotly  # for the one file in it that draws
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from core.charts import MOST_LINES

    plotly_js = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    script = (HERE / "report.js").read_text(encoding="utf-8")
    table = pairs_table(comparison)
    csv = csv_text(table)
    values = {
        "about": what, "report": report(comparison), "general": general,
        "measures": MEANINGS,
        "charts": _charts(comparison, shown, alike),
        "map": shown, "alike": alike, "most_lines": MOST_LINES,
        "rows": table.head(ROWS).to_dict("records"), "total": len(table),
        "csv": csv if len(csv) <= LARGEST_CSV else "",
        "plotly": Markup(plotly_js), "script": Markup(script), "hashes": [_hash(plotly_js), _hash(script)],
    }
    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return templates.get_template("report.html").render(values).encode("utf-8", errors="replace").decode()


def _charts(comparison: Comparison, shown: Map | None, alike: Likeness | None) -> dict[str, dict[str, Any]]:
    from core import charts

    drawn = {
        "change": charts.changes({
            name: (change.mean, change.low, change.high) for name, change in comparison.changes.items()
        }),
        "ranks": charts.ranks(comparison.base.pair_rank, comparison.tuned.pair_rank, "ranks"),
        "similarity": charts.similarity(
            [
                ("base", comparison.base.matched, comparison.base.mismatched),
                ("tuned", comparison.tuned.matched, comparison.tuned.mismatched),
            ],
            "similarity",
        ),
    }
    if alike is not None:
        drawn["likeness"] = charts.likeness(
            [("base", alike.base), ("tuned", alike.tuned)], alike.questions, alike.answers, "likeness"
        )
    if shown is not None:
        texts = [*comparison.pool.queries, *comparison.pool.corpus]
        drawn["map"] = charts.places(shown.base_xy, shown.tuned_xy, [texts[at] for at in shown.shown])
    return {name: json.loads(figure) for name, figure in drawn.items()}


def _hash(script: str) -> str:
    """How a content security policy names a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
