"""Every chart of the app: pure functions from data to a Plotly figure as JSON.

Paper is transparent and ink is grey, so that a figure is right in both themes; blue is the base model, orange the tuned
one, with dash or marker shape as the second sign. No user text goes into a figure unescaped: Plotly reads a little HTML.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from workbench.curves import Curve, smoothed, thinned
from workbench.theme import BASE_COLOUR, TUNED_COLOUR
from workbench.words import esc

GREY = "#8b959e"
GRID = "rgba(139,149,158,.22)"


def styled(figure: go.Figure, *, height: int, keep: str, **layout) -> str:
    """The figure's JSON in the house style. ``keep``: zoom survives updates for as long as this text stays the same."""
    figure.update_layout(
        height=height,
        uirevision=keep,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 12, "color": GREY},
        margin={"l": 48, "r": 12, "t": 8, "b": 40},
        showlegend=False,
        hovermode="closest",
        dragmode="zoom",
        hoverlabel={"font": {"family": "Inter, system-ui, sans-serif"}},
        colorway=[BASE_COLOUR, TUNED_COLOUR],
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, showline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, showline=False, automargin=True)
    figure.update_layout(**layout)
    # the default template is 7 kB of settings that the lines above replace
    figure.layout.template = None
    return figure.to_json()


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


def empty(height: int = 230) -> str:
    """A chart with nothing in it yet that keeps its place on the page."""
    figure = go.Figure()
    return styled(figure, height=height, keep="empty", xaxis={"visible": False}, yaxis={"visible": False})


#: How the runs that are laid over the one in front are told apart, beside their name at the line's end.
_DASHES = ("dot", "dash", "dashdot", "longdash", "longdashdot")


def loss(front: Curve, others: Sequence[Curve] = ()) -> str:
    """Training loss of each step (thin) and smoothed, with the learning rate in a strip below; other runs in grey."""
    figure = go.Figure()
    for index, other in enumerate(others):
        steps, values = thinned(other.steps, smoothed(other.loss))
        figure.add_scatter(
            x=steps,
            y=values,
            mode="lines",
            name=esc(other.name),
            line={"color": GREY, "width": 1.6, "dash": _DASHES[index % len(_DASHES)]},
            hovertemplate=f"{esc(other.name)}<br>step %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    steps, raw, smooth, rate = thinned(front.steps, front.loss, smoothed(front.loss), front.rate)
    marks = "lines+markers" if len(steps) < 25 else "lines"
    figure.add_scatter(
        x=steps,
        y=raw,
        mode=marks,
        name="each step",
        line={"color": TUNED_COLOUR, "width": 1.2},
        marker={"size": 4},
        opacity=0.35,
        hovertemplate="step %{x}: %{y:.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=steps,
        y=smooth,
        mode="lines",
        name=esc(front.name),
        line={"color": TUNED_COLOUR, "width": 2.4},
        hovertemplate="step %{x}: %{y:.3f} smoothed<extra></extra>",
    )
    figure.add_scatter(
        x=steps,
        y=rate,
        mode=marks,
        name="learning rate",
        yaxis="y2",
        marker={"size": 3},
        line={"color": GREY, "width": 1.4},
        hovertemplate="step %{x}: learning rate %{y:.1e}<extra></extra>",
    )
    end = max([front.total, *(other.total for other in others), *front.steps[-1:]], default=0) or 1
    return styled(
        figure,
        height=330,
        keep=f"loss {front.name}",
        xaxis={"title": {"text": "step"}, "range": [0, end * 1.01], "anchor": "y2"},
        yaxis={"domain": [0.34, 1], "rangemode": "tozero", "title": {"text": "loss"}},
        yaxis2={
            "domain": [0, 0.2],
            "rangemode": "tozero",
            "gridcolor": GRID,
            "nticks": 3,
            "tickformat": ".0e",
            "title": {"text": "rate"},
            "zeroline": False,
            "automargin": True,
            "anchor": "x",
        },
        showlegend=bool(others),
        legend={"orientation": "h", "y": 1.12, "x": 0},
    )


def held_out(front: Curve, others: Sequence[Curve] = ()) -> str:
    """nDCG@10 (line) and MRR@10 (thin) on the held-out questions after each check, with the base model's as a line."""
    figure = go.Figure()
    for index, other in enumerate(others):
        figure.add_scatter(
            x=[0, *other.checked],
            y=[other.base_ndcg, *other.ndcg],
            mode="lines",
            name=esc(other.name),
            line={"color": GREY, "width": 1.6, "dash": _DASHES[index % len(_DASHES)]},
            hovertemplate=f"{esc(other.name)}<br>step %{{x}}: nDCG@10 %{{y:.3f}}<extra></extra>",
        )
    for name, values, base, width in (
        ("MRR@10", front.mrr, front.base_mrr, 1.2),
        ("nDCG@10", front.ndcg, front.base_ndcg, 2.4),
    ):
        start = [] if base is None else [base]
        figure.add_scatter(
            x=[0][: len(start)] + front.checked,
            y=start + values,
            mode="lines+markers",
            name=name,
            line={"color": TUNED_COLOUR, "width": width},
            opacity=1 if width > 2 else 0.5,
            marker={"size": 7 if width > 2 else 4, "symbol": "diamond"},
            hovertemplate="step %{x}: " + name + " %{y:.3f}<extra></extra>",
        )
    values = [
        value
        for one in (front, *others)
        for value in (one.base_ndcg, one.base_mrr, *one.ndcg, *one.mrr)
        if value is not None
    ]
    low, high = (min(values), max(values)) if values else (0, 1)
    room = max(0.02, (high - low) * 0.15)
    end = max([front.total, *(other.total for other in others), *front.checked[-1:]], default=0) or 1
    if front.base_ndcg is not None:
        figure.add_hline(y=front.base_ndcg, line={"color": BASE_COLOUR, "width": 1.8, "dash": "dash"})
        figure.add_annotation(
            x=1,
            xref="paper",
            y=front.base_ndcg,
            text=f"base model {front.base_ndcg:.3f}",
            showarrow=False,
            xanchor="right",
            yanchor="top",
            font={"color": BASE_COLOUR},
        )
    return styled(
        figure,
        height=270,
        keep=f"held out {front.name}",
        xaxis={"title": {"text": "step"}, "range": [0, end * 1.01]},
        yaxis={"range": [low - room, min(1.01, high + room)], "tickformat": ".2f"},
        showlegend=True,
        legend={"orientation": "h", "y": 1.14, "x": 0},
    )


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
        colour = "#2c8a57" if last < first else "#c8493c" if last > first else GREY
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


def space_map(base: np.ndarray, tuned: np.ndarray, texts: Sequence[str], ids: Sequence[int], keep: str) -> str:
    """Both spaces in one frame: circles before, diamonds after, a hairline from one to the other.

    Args:
        base, tuned: places [n, 2].
        texts: what each point says (cut short here); ids: given back on click and lasso.
    """
    hover = [esc(text[:120] + ("…" if len(text) > 120 else "")) for text in texts]
    figure = go.Figure()
    if len(base) <= 300:
        gap = np.full((len(base), 1), np.nan)
        xs, ys = (np.hstack([base[:, [axis]], tuned[:, [axis]], gap]).ravel().round(4) for axis in (0, 1))
        figure.add_scatter(
            x=[None if np.isnan(x) else x for x in xs.tolist()],
            y=[None if np.isnan(y) else y for y in ys.tolist()],
            mode="lines",
            line={"color": GREY, "width": 0.7},
            opacity=0.45,
            hoverinfo="skip",
        )
    kind = go.Scatter if len(base) <= 1500 else go.Scattergl
    for name, places, colour, symbol in (
        ("before", base, BASE_COLOUR, "circle-open"),
        ("after", tuned, TUNED_COLOUR, "diamond"),
    ):
        figure.add_trace(
            kind(
                x=places[:, 0].round(4).tolist(),
                y=places[:, 1].round(4).tolist(),
                mode="markers",
                name=name,
                customdata=list(ids),
                text=hover,
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": 8,
                    "line": {"width": 1.6 if "open" in symbol else 0},
                },
                hovertemplate="%{text}<extra>" + name + "</extra>",
            )
        )
    blank = {"showticklabels": False, "showgrid": False, "title": {"text": ""}}
    return styled(figure, height=480, keep=keep, xaxis=blank, yaxis={**blank, "scaleanchor": "x"}, showlegend=False)
