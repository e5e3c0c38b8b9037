"""The map of both spaces."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from workbench.charts.style import GREY, styled
from workbench.theme import BASE_COLOUR, TUNED_COLOUR
from workbench.words import esc


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
