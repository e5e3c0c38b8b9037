"""The charts of the report, as plain plotly.js figures: pure functions of a comparison.

Paper is transparent and ink is grey, so that a chart is right in both themes; blue is the base model, orange the tuned
one, with pattern, dash or marker shape as the second sign. Plotly reads a little HTML in texts, so they are escaped.
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation.comparison import Comparison
from core.maps.projection import Map

BASE, TUNED, GREY, GRID = "#0072B2", "#D55E00", "#8b959e", "rgba(139,149,158,.22)"
#: Ranks in groups: (name, first rank, last rank).
_BUCKETS = (("1st", 1, 1), ("2 to 3", 2, 3), ("4 to 10", 4, 10), ("11 to 100", 11, 100), ("over 100", 101, 10**9))

Figure = dict[str, Any]


def _figure(data: list[Figure], height: int, **layout: Any) -> Figure:
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    for name in ("xaxis", "yaxis", *(name for name in layout if name.startswith(("xaxis", "yaxis")))):
        layout[name] = {**axis, **layout.get(name, {})}
    return {"data": data, "layout": {
        "height": height, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "hovermode": "closest",
        "font": {"family": "Inter, system-ui, sans-serif", "size": 12, "color": GREY}, "dragmode": "zoom",
        "margin": {"l": 48, "r": 12, "t": 28, "b": 40}, "legend": {"orientation": "h", "y": 1.14, "x": 0}, **layout,
    }}


def changes(comparison: Comparison) -> Figure:
    """How much each figure changed, with its 95 % interval as a bar and no change as a line."""
    found = list(comparison.changes.items())[::-1]
    points = {
        "type": "scatter", "mode": "markers", "showlegend": False,
        "x": [change.mean for _, change in found], "y": [name for name, _ in found],
        "marker": {"color": TUNED, "symbol": "diamond", "size": 10},
        "error_x": {
            "type": "data", "symmetric": False, "color": TUNED, "thickness": 2,
            "array": [0 if change.high is None else change.high - change.mean for _, change in found],
            "arrayminus": [0 if change.low is None else change.mean - change.low for _, change in found],
        },
        "text": [f"{name}: {change.mean:+.3f}" for name, change in found], "hovertemplate": "%{text}<extra></extra>",
    }
    zero = {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": BASE, "width": 1.5, "dash": "dash"}}
    return _figure(
        [points], 110 + 34 * len(found), shapes=[zero],
        xaxis={"title": {"text": "tuned minus base; the dashed line is no change"}, "tickformat": ".2f"},
    )


def ranks(comparison: Comparison) -> Figure:
    """How many pairs have their right answer at which rank, before and after."""
    bars = []
    for name, values, colour, pattern in (
        ("base", comparison.base.pair_rank, BASE, "/"), ("tuned", comparison.tuned.pair_rank, TUNED, ""),
    ):
        heights = [int(((values >= low) & (values <= high)).sum()) for _, low, high in _BUCKETS]
        bars.append({
            "type": "bar", "name": name, "x": [bucket for bucket, *_ in _BUCKETS], "y": heights,
            "text": [f"{height:,}" for height in heights], "textposition": "outside", "cliponaxis": False,
            "marker": {"color": colour, "pattern": {"shape": pattern, "size": 5}},
            "hovertemplate": "%{x}: %{y:,} pairs<extra>" + name + "</extra>",
        })
    return _figure(
        bars, 320, barmode="group", xaxis={"title": {"text": "rank of the right answer"}, "type": "category"},
        yaxis={"title": {"text": "pairs"}},
    )


def similarity(comparison: Comparison) -> Figure:
    """Cosines of matched pairs (colour) and of mismatched ones (grey, hatched) on one axis, a strip a model."""
    sides = (("base", comparison.base, BASE, "y", 1.0), ("tuned", comparison.tuned, TUNED, "y2", 0.46))
    values = np.concatenate([part for _, side, *_ in sides for part in (side.matched, side.mismatched)])
    low = float(np.floor(min(0.0, np.quantile(values, 0.001)) * 10) / 10)
    edges = np.linspace(low, 1, 46)
    bars, names = [], []
    for name, side, colour, axis, top in sides:
        for kind, cosines, fill, pattern in (("mismatched", side.mismatched, GREY, "/"), ("matched", side.matched, colour, "")):
            heights, _ = np.histogram(np.clip(cosines, low, 1), edges)
            bars.append({
                "type": "bar", "name": f"{name}, {kind}", "yaxis": axis, "opacity": 0.75,
                "x": ((edges[:-1] + edges[1:]) / 2).round(3).tolist(),
                "y": (heights / max(1, heights.sum()) * 100).round(2).tolist(),
                "width": float(edges[1] - edges[0]) * 0.9,
                "marker": {"color": fill, "pattern": {"shape": pattern, "size": 4}},
                "hovertemplate": f"{name}, {kind}<br>cosine about %{{x:.2f}}: %{{y:.1f}} %<extra></extra>",
            })
        names.append({"text": name, "x": low, "y": top, "xanchor": "left", "yanchor": "top", "yref": "paper",
                      "showarrow": False, "font": {"color": colour, "size": 13}})
    return _figure(
        bars, 340, barmode="overlay", showlegend=False, annotations=names,
        xaxis={"title": {"text": "cosine similarity"}, "range": [low, 1], "anchor": "y2"},
        yaxis={"domain": [0.54, 1], "visible": False}, yaxis2={"domain": [0, 0.46], "visible": False},
    )


def space(shown: Map, texts: Sequence[str]) -> Figure:
    """Both spaces in one frame: circles before, diamonds after.

    Args:
        texts: what the points of ``shown`` stand for, in their order; cut short here.
    """
    hover = [html.escape(text[:120] + ("…" if len(text) > 120 else "")) for text in texts]
    points = [
        {
            "type": "scatter", "mode": "markers", "name": name, "text": hover,
            "x": places[:, 0].round(4).tolist(), "y": places[:, 1].round(4).tolist(),
            "marker": {"color": colour, "symbol": symbol, "size": 7},
            "hovertemplate": "%{text}<extra>" + name + "</extra>",
        }
        for name, places, colour, symbol in (
            ("before", shown.base_xy, BASE, "circle-open"), ("after", shown.tuned_xy, TUNED, "diamond"),
        )
    ]
    blank = {"showticklabels": False, "showgrid": False}
    return _figure(points, 480, xaxis=blank, yaxis={**blank, "scaleanchor": "x"})
