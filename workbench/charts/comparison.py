"""The charts of two models side by side: ranks, similarities, likeness of every question to every answer."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from workbench.charts.style import BETTER, GREY, WORSE, styled
from workbench.theme import BASE_COLOUR, TUNED_COLOUR

#: Ranks are put into these buckets where there are too many pairs for a line each: (name, first rank, last rank).
_BUCKETS = (("1st", 1, 1), ("2 to 3", 2, 3), ("4 to 10", 4, 10), ("11 to 100", 11, 100), ("over 100", 101, 10**9))
#: The most pairs that are drawn as a line each.
MOST_LINES = 40


def ranks(before: np.ndarray, after: np.ndarray, keep: str) -> str:
    """The rank of the right answer before and after: a line a pair up to 40 pairs, buckets above."""
    return _slopes(before, after, keep) if len(before) <= MOST_LINES else _buckets(before, after, keep)


def _slopes(before: np.ndarray, after: np.ndarray, keep: str) -> str:
    figure = go.Figure()
    worst = int(max(before.max(initial=1), after.max(initial=1)))
    lines = {}
    for first, last in zip(before.tolist(), after.tolist(), strict=True):
        lines[first, last] = lines.get((first, last), 0) + 1
    for (first, last), number in sorted(lines.items()):
        colour = BETTER if last < first else WORSE if last > first else GREY
        words = "better" if last < first else "worse" if last > first else "as before"
        figure.add_scatter(
            x=[0, 1],
            y=[first, last],
            mode="lines+markers",
            line={"color": colour, "width": min(9, 1.2 + number * 0.6), "dash": "solid" if last <= first else "dash"},
            opacity=0.75,
            marker={"color": [BASE_COLOUR, TUNED_COLOUR], "symbol": ["circle", "diamond"], "size": 8, "opacity": 1},
            hovertemplate=f"{first} → {last}: {number} pair{'s' if number != 1 else ''}, {words}<extra></extra>",
        )
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= worst] or [1]
    return styled(
        figure,
        height=330,
        keep=keep,
        xaxis={
            "tickvals": [0, 1],
            "ticktext": ["before", "after"],
            "range": [-0.15, 1.15],
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={
            "type": "log",
            "autorange": False,
            "range": [float(np.log10(worst * 1.25)), -0.12],
            "tickvals": ticks,
            "ticktext": ["1st", *map(str, ticks[1:])],
            "fixedrange": True,
        },
    )


def _buckets(before: np.ndarray, after: np.ndarray, keep: str) -> str:
    figure = go.Figure()
    for name, values, colour, pattern in (("base", before, BASE_COLOUR, "/"), ("tuned", after, TUNED_COLOUR, "")):
        heights = [int(((values >= low) & (values <= high)).sum()) for _, low, high in _BUCKETS]
        figure.add_bar(
            x=[bucket for bucket, *_ in _BUCKETS],
            y=heights,
            name=name,
            text=[f"{height:,}" for height in heights],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colour, "pattern": {"shape": pattern, "size": 5}},
            hovertemplate="%{x}: %{y:,} pairs<extra>" + name + "</extra>",
        )
    return styled(
        figure,
        height=330,
        keep=keep,
        barmode="group",
        showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": {"text": "rank of the right answer"}},
        yaxis={"title": {"text": "pairs"}},
    )


def similarity(sides: Sequence[tuple[str, np.ndarray, np.ndarray]], keep: str) -> str:
    """Cosines of matched pairs (colour) and mismatched ones (grey) on one axis, a strip a model.

    Args:
        sides: (name, matched cosines, mismatched cosines) of base and tuned.
    """
    figure = go.Figure()
    values = np.concatenate(
        [part for _, matched, mismatched in sides for part in (matched, mismatched)] or [np.zeros(1)]
    )
    low = float(np.floor(min(0.0, np.quantile(values, 0.001)) * 10) / 10)
    edges = np.linspace(low, 1, 46)
    middle = ((edges[:-1] + edges[1:]) / 2).round(3)
    width = float(edges[1] - edges[0]) * 0.9
    for index, (name, matched, mismatched) in enumerate(sides):
        axis = "y" if index == 0 else "y2"
        for words, cosines, colour, pattern in (
            ("mismatched", mismatched, GREY, "/"),
            ("matched", matched, (BASE_COLOUR, TUNED_COLOUR)[index], ""),
        ):
            heights, _ = np.histogram(np.clip(cosines, low, 1), edges)
            share = (heights / max(1, heights.sum()) * 100).round(2)
            figure.add_bar(
                x=middle.tolist(),
                y=share.tolist(),
                width=width,
                yaxis=axis,
                opacity=0.75,
                name=f"{name}, {words}",
                marker={"color": colour, "line": {"width": 0}, "pattern": {"shape": pattern, "size": 4}},
                hovertemplate=f"{name}, {words}<br>cosine about %{{x:.2f}}: %{{y:.1f}} %<extra></extra>",
            )
        figure.add_annotation(
            x=low,
            xanchor="left",
            y=(1.0, 0.46)[index],
            yref="paper",
            yanchor="top",
            showarrow=False,
            text=name,
            font={"color": (BASE_COLOUR, TUNED_COLOUR)[index], "size": 13},
        )
    return styled(
        figure,
        height=330,
        keep=keep,
        barmode="overlay",
        xaxis={"title": {"text": "cosine similarity"}, "range": [low, 1], "anchor": "y2"},
        yaxis={"domain": [0.54, 1], "visible": False},
        yaxis2={"domain": [0, 0.46], "visible": False},
    )
