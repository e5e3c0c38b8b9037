"""The charts of the Pairs and Train tabs: how long texts are, and how a training goes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.charts.style import BASE_COLOUR, GREY, TUNED_COLOUR, live, styled
from workbench.curves import Curve
from workbench.words import esc


def token_lengths(questions: np.ndarray, answers: np.ndarray, limit: int, keep: str) -> str:
    """How long both sides are, in tokens, with a line where the model stops reading."""
    top = max(float(np.quantile(np.concatenate([questions, answers]), 0.995)), limit * 1.1)
    edges = np.linspace(0, top, 41)
    figure = go.Figure()
    for name, values, colour, pattern in (("questions", questions, GREY, "/"), ("answers", answers, "#6f7c86", "")):
        heights, _ = np.histogram(np.minimum(values, top), edges)
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).round(1).tolist(),
            y=heights.tolist(),
            name=name,
            width=top / 40 * 0.92,
            marker={"color": colour, "opacity": 0.75, "pattern": {"shape": pattern, "size": 5}, "line": {"width": 0}},
            hovertemplate="%{y} " + name + "<br>about %{x:.0f} tokens<extra></extra>",
        )
    figure.add_vline(x=limit, line={"color": "#b7791f", "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=limit,
        y=1,
        yref="paper",
        text=f"reads {limit}",
        showarrow=False,
        xanchor="right",
        xshift=-5,
        font={"color": "#b7791f"},
    )
    return styled(
        figure,
        height=230,
        keep=keep,
        barmode="overlay",
        showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": {"text": "tokens"}, "range": [0, top]},
        yaxis={"title": {"text": "texts"}, "rangemode": "tozero"},
    )


def brief(values: Sequence[float | None]) -> list[float | None]:
    """The values to four digits, finer than a screen shows: a chart is sent with every step."""
    return [None if value is None else float(f"{value:.4g}") for value in values]


#: How the runs that are laid over the one in front are told apart, beside their name at the line's end.
_DASHES = ("dot", "dash", "dashdot", "longdash", "longdashdot")


def loss(front: Curve, others: Sequence[Curve] = ()) -> str:
    """Training loss of each step (thin) and smoothed, with the learning rate in a strip below; other runs in grey."""
    traces = [
        _line(
            other.steps, other.smooth, other.name, "step %{x}: %{y:.3f}", title=other.name,
            line={"color": GREY, "width": 1.6, "dash": _DASHES[index % len(_DASHES)]},
        )
        for index, other in enumerate(others)
    ]
    mode = "lines+markers" if len(front.steps) < 25 else "lines"
    own = front.steps
    traces += [
        _line(
            own, front.loss, "each step", "step %{x}: %{y:.3f}", mode=mode, opacity=0.35, marker={"size": 4},
            line={"color": TUNED_COLOUR, "width": 1.2},
        ),
        _line(
            own, front.smooth, front.name, "step %{x}: %{y:.3f} smoothed", line={"color": TUNED_COLOUR, "width": 2.4}
        ),
        _line(
            own, front.rate, "learning rate", "step %{x}: learning rate %{y:.1e}", mode=mode, yaxis="y2",
            marker={"size": 3}, line={"color": GREY, "width": 1.4},
        ),
    ]
    return live(
        traces,
        height=330,
        keep=f"loss {front.name}",
        xaxis={"title": {"text": "step"}, "range": [0, _end([front, *others], front.steps) * 1.01], "anchor": "y2"},
        yaxis={"domain": [0.34, 1], "rangemode": "tozero", "title": {"text": "loss"}},
        yaxis2={
            "domain": [0, 0.2], "rangemode": "tozero", "nticks": 3, "tickformat": ".0e", "title": {"text": "rate"},
            "anchor": "x",
        },
        showlegend=bool(others),
        legend={"orientation": "h", "y": 1.12, "x": 0},
    )


def held_out(front: Curve, others: Sequence[Curve] = ()) -> str:
    """nDCG@10 (line) and MRR@10 (thin) on the held-out questions after each check, with the base model's as a line."""
    traces = [
        _line(
            [0, *other.checked], [other.base_ndcg, *other.ndcg], other.name, "step %{x}: nDCG@10 %{y:.3f}",
            title=other.name, line={"color": GREY, "width": 1.6, "dash": _DASHES[index % len(_DASHES)]},
        )
        for index, other in enumerate(others)
    ]
    for name, values, base, width in (
        ("MRR@10", front.mrr, front.base_mrr, 1.2), ("nDCG@10", front.ndcg, front.base_ndcg, 2.4)
    ):
        start = [] if base is None else [base]
        name += ", mean of the folds so far" if front.number else ""
        traces.append(_line(
            [0][: len(start)] + front.checked, start + values, name, "step %{x}: " + name + " %{y:.3f}",
            mode="lines+markers", line={"color": TUNED_COLOUR, "width": width}, opacity=1 if width > 2 else 0.5,
            marker={"size": 7 if width > 2 else 4, "symbol": "diamond"},
        ))
    values = [
        value
        for one in (front, *others)
        for value in (one.base_ndcg, one.base_mrr, *one.ndcg, *one.mrr)
        if value is not None
    ]
    low, high = (min(values), max(values)) if values else (0, 1)
    room = max(0.02, (high - low) * 0.15)
    base = {}
    if front.base_ndcg is not None:
        base = {
            "shapes": [{
                "type": "line", "xref": "x domain", "yref": "y", "x0": 0, "x1": 1, "y0": front.base_ndcg,
                "y1": front.base_ndcg, "line": {"color": BASE_COLOUR, "width": 1.8, "dash": "dash"},
            }],
            "annotations": [{
                "x": 1, "xref": "paper", "y": front.base_ndcg, "text": f"base model {front.base_ndcg:.3f}",
                "showarrow": False, "xanchor": "right", "yanchor": "top", "font": {"color": BASE_COLOUR},
            }],
        }
    return live(
        traces,
        height=270,
        keep=f"held out {front.name}",
        xaxis={"title": {"text": "step"}, "range": [0, _end([front, *others], front.checked) * 1.01]},
        yaxis={"range": [low - room, min(1.01, high + room)], "tickformat": ".2f"},
        showlegend=True,
        legend={"orientation": "h", "y": 1.14, "x": 0},
        **base,
    )


def _line(
    x: list[int], y: Sequence[float | None], name: str, hover: str, *, title: str = "", mode: str = "lines", **more: Any
) -> dict[str, Any]:
    """One trace; ``name`` and ``title`` (above the words that appear under the pointer) may be a user's text."""
    above = f"{esc(title)}<br>" if title else ""
    return {
        "type": "scatter", "x": x, "y": brief(y), "mode": mode, "name": esc(name),
        "hovertemplate": f"{above}{hover}<extra></extra>", **more,
    }


def _end(all_shown: Sequence[Curve], own: list[int]) -> int:
    """The last step of the axis: what is planned, or was reached."""
    return max([*(one.total for one in all_shown), *own[-1:]], default=0) or 1
