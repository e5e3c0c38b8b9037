"""The charts of two models side by side: changes, ranks, similarities, likeness of all questions to all answers, places."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.charts.style import BASE_COLOUR, BETTER, GREY, TUNED_COLOUR, WORSE, styled

#: Ranks are put into these buckets where there are too many pairs for a line each: (name, first rank, last rank).
_BUCKETS = (("1st", 1, 1), ("2 to 3", 2, 3), ("4 to 10", 4, 10), ("11 to 100", 11, 100), ("over 100", 101, 10**9))
#: The second sign of a cell's colour.
_SIGNS = {"better": " ▲", "worse": " ▼", "as before": ""}
#: The most pairs that are drawn as a line each.
MOST_LINES = 40


def ranks(before: np.ndarray, after: np.ndarray, keep: str) -> str:
    """The rank of the right answer before and after: a line a pair up to 40 pairs, a matrix of buckets above."""
    return _slopes(before, after, keep) if len(before) <= MOST_LINES else _buckets(before, after, keep)


def _slopes(before: np.ndarray, after: np.ndarray, keep: str) -> str:
    figure = go.Figure()
    worst = int(max(before.max(initial=1), after.max(initial=1)))
    lines: dict[tuple[int, int], int] = {}
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
    """How many pairs went from which ranks to which: on the diagonal nothing changed, above it they got better."""
    names = [name for name, *_ in _BUCKETS]
    places = [np.searchsorted([last for *_, last in _BUCKETS], ranks) for ranks in (before, after)]
    numbers = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(numbers, (places[1], places[0]), 1)
    side = np.sign(np.subtract.outer(np.arange(len(names)), np.arange(len(names))))  # after minus before: 1 is worse
    strength = np.sqrt(numbers / max(1, numbers.max())) * np.where(side == 0, 0, -side)
    words = np.array(["as before", "worse", "better"])[side]
    figure = go.Figure(
        go.Heatmap(
            x=names, y=names, z=strength.round(3).tolist(), zmin=-1, zmax=1, showscale=False, xgap=2, ygap=2,
            colorscale=[[0, WORSE], [0.5, "rgba(139,149,158,.18)"], [1, BETTER]],
            text=[[f"{number:,}{_SIGNS[word]}" if number else "" for number, word in zip(*row, strict=True)]
                  for row in zip(numbers.tolist(), words.tolist(), strict=True)],
            texttemplate="%{text}",
            textfont={"size": 14},
            customdata=[[f"{number:,} pairs, {word}" for number, word in zip(*row, strict=True)]
                        for row in zip(numbers.tolist(), words.tolist(), strict=True)],
            hovertemplate="before %{x}, after %{y}: %{customdata}<extra></extra>",
        )
    )
    return styled(
        figure,
        height=330,
        keep=keep,
        xaxis={"title": {"text": "rank before"}, "side": "bottom", "showgrid": False, "fixedrange": True},
        yaxis={"title": {"text": "rank after"}, "autorange": "reversed", "showgrid": False, "fixedrange": True},
    )


def likeness(
    sides: Sequence[tuple[str, np.ndarray]], questions: Sequence[str], answers: Sequence[str], keep: str
) -> str:
    """Every question against every answer, one square a model, coloured by the rank within the row; 1 is strongest.

    Args:
        sides: (name, cosines [n, n]) of base and tuned; the right answer of row i is column i.
    """
    figure = go.Figure()
    size = len(questions)
    short = [[_short(text, 80) for text in texts] for texts in (questions, answers)]
    for index, (name, cosines) in enumerate(sides):
        ranks = 1 + np.argsort(np.argsort(-cosines, axis=1, kind="stable"), axis=1)
        colour = (BASE_COLOUR, TUNED_COLOUR)[index]
        axes = {"xaxis": ("x", "x2")[index], "yaxis": ("y", "y2")[index]}
        figure.add_heatmap(
            z=np.log(ranks).round(3).tolist(), zmin=0, zmax=float(np.log(max(2, size))), showscale=False,
            colorscale=[[0, colour], [0.45, "rgba(139,149,158,.30)"], [1, "rgba(139,149,158,.05)"]],
            x=list(range(1, size + 1)), y=list(range(1, size + 1)),
            customdata=np.dstack([ranks, cosines.round(2)]).tolist(), text=[short[1]] * size,
            hovertemplate="question %{y}, answer %{x}: rank %{customdata[0]}, cosine %{customdata[1]}"
            f"<br>%{{text}}<extra>{name}</extra>", **axes,
        )
        own = ranks.diagonal()
        figure.add_scatter(
            x=list(range(1, size + 1)), y=list(range(1, size + 1)), mode="markers", text=short[0],
            marker={
                "size": 6 if size <= 25 else 4, "color": "#ffffff", "line": {"width": 1, "color": "#1d2329"},
                "symbol": ["circle" if rank == 1 else "x" for rank in own],
            },
            customdata=own.tolist(), hovertemplate="%{text}<br>its right answer: rank %{customdata} in this row"
            f"<extra>{name}</extra>", **axes,
        )
        figure.add_annotation(
            text=name, x=(0, 0.54)[index], xref="paper", xanchor="left", y=1.0, yref="paper", yanchor="bottom",
            showarrow=False, font={"color": colour, "size": 13},
        )
    across = {"showgrid": False, "zeroline": False, "title": {"text": "answer"}, "fixedrange": True, "nticks": 6}
    down = {"showgrid": False, "zeroline": False, "autorange": "reversed", "fixedrange": True, "nticks": 6}
    return styled(
        figure, height=460, keep=keep, margin={"l": 48, "r": 12, "t": 26, "b": 40},
        xaxis={**across, "domain": [0, 0.46]}, xaxis2={**across, "domain": [0.54, 1], "anchor": "y2"},
        yaxis={**down, "title": {"text": "question"}}, yaxis2={**down, "anchor": "x2", "showticklabels": False},
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


def changes(found: Mapping[str, tuple[float, float | None, float | None]]) -> str:
    """How much each figure changed, with its 95 % interval as a bar and no change as a line.

    Args:
        found: the name of each figure, with tuned minus base and the interval's ends (None where it has none).
    """
    names = list(found)[::-1]
    means, ends = [found[name][0] for name in names], [found[name][1:] for name in names]
    figure = go.Figure(
        go.Scatter(
            x=means, y=names, mode="markers", marker={"color": TUNED_COLOUR, "symbol": "diamond", "size": 10},
            error_x={
                "type": "data", "symmetric": False, "color": TUNED_COLOUR, "thickness": 2,
                "array": [0 if high is None else high - mean for mean, (_, high) in zip(means, ends, strict=True)],
                "arrayminus": [0 if low is None else mean - low for mean, (low, _) in zip(means, ends, strict=True)],
            },
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
    )
    figure.add_vline(0, line={"color": BASE_COLOUR, "width": 1.5, "dash": "dash"})
    return styled(
        figure, height=110 + 34 * len(names), keep="changes", margin={"l": 48, "r": 12, "t": 8, "b": 40},
        xaxis={"title": {"text": "tuned minus base"}, "tickformat": ".2f"},
    )


def places(base: np.ndarray, tuned: np.ndarray, texts: Sequence[str]) -> str:
    """Both spaces in one frame, standing still: circles before, diamonds after.

    Args:
        base, tuned: places [n, 2] of ``texts``, which are cut short here.
    """
    figure = go.Figure()
    hover = [_short(text, 120) for text in texts]
    for name, points, colour, symbol in (
        ("before", base, BASE_COLOUR, "circle-open"), ("after", tuned, TUNED_COLOUR, "diamond"),
    ):
        figure.add_scatter(
            x=points[:, 0].round(4).tolist(), y=points[:, 1].round(4).tolist(), mode="markers", name=name, text=hover,
            marker={"color": colour, "symbol": symbol, "size": 7},
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )
    blank = {"showticklabels": False, "showgrid": False}
    return styled(
        figure, height=480, keep="places", xaxis=blank, yaxis={**blank, "scaleanchor": "x"}, showlegend=True,
        legend={"orientation": "h", "y": 1.08, "x": 0}, margin={"l": 12, "r": 12, "t": 28, "b": 12},
    )


def _short(text: str, length: int) -> str:
    return html.escape(text[:length] + ("…" if len(text) > length else ""))
