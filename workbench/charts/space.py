"""The map of both spaces, whose points the browser moves from their place before to their place after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.charts.style import BASE_COLOUR, BETTER, GREY, WORSE, styled
from workbench.words import esc

#: Above this many points a chart is drawn by the graphics processor.
_MANY = 1500
#: A line is drawn where fewer than this share of a text's neighbours stayed.
STAYED = 0.5
#: The most lines: more can neither be told apart nor drawn fast.
MOST_TRAILS = 1000


@dataclass(frozen=True)
class Kind:
    """What a colour on the map says: a name in the legend, and a shape as the second sign."""

    name: str
    colour: str
    symbol: str


WENT_UP = Kind("right answer went up", BETTER, "triangle-up")
WENT_DOWN = Kind("went down", WORSE, "triangle-down")
AS_BEFORE = Kind("as before", "#c9a227", "square")
NOT_ASKED = Kind("not asked about", GREY, "circle")
QUESTION, ANSWER = Kind("question", "#009E73", "circle"), Kind("answer", "#CC79A7", "square")
FOUND, OTHER = Kind("found", "#c9a227", "star"), Kind("other texts", GREY, "circle")
#: For groups that the data names: colours that those who see few can tell apart, each with a shape of its own.
GROUP_KINDS = (
    ("#009E73", "circle"), ("#CC79A7", "square"), ("#56B4E9", "triangle-up"), ("#E69F00", "diamond"),
    ("#7a6bd1", "cross"), ("#c9a227", "star"), ("#a0522d", "pentagon"),
)


def space_map(
    base: np.ndarray, tuned: np.ndarray, texts: Sequence[str], ids: Sequence[int], kept: np.ndarray,
    kinds: Sequence[Kind], keep: str,
) -> str:
    """Every text where the tuned model puts it, with its place under the base model beside it in ``meta``.

    A line leads from before to after only where the neighbours in the full space changed (``with_line``): the picture
    alone cannot tell what moved. Both axes hold both places, so that nothing leaves the frame while the points move.

    Args:
        base, tuned: places [n, 2].
        texts: what each point says (cut short here); ids: given back on click and lasso.
        kept: the share (0..1) of each text's neighbours that stayed.
        kinds: what each point's colour says.
    """
    base, tuned = base.round(4), tuned.round(4)
    line, mark = (go.Scatter, go.Scatter) if len(base) <= _MANY else (go.Scattergl, go.Scattergl)
    figure = go.Figure()
    moved = with_line(kept)
    if len(moved):
        xs, ys = ([v for at in moved for v in (float(base[at, axis]), float(tuned[at, axis]), None)] for axis in (0, 1))
        figure.add_trace(
            line(
                x=xs, y=ys, mode="lines", name="other neighbours than before", line={"color": GREY, "width": 0.8},
                opacity=0.6, hoverinfo="skip",
            )
        )
        figure.add_trace(
            mark(
                x=base[moved, 0].tolist(), y=base[moved, 1].tolist(), mode="markers", name="its place before",
                customdata=[int(ids[at]) for at in moved],
                marker={"color": BASE_COLOUR, "symbol": "circle-open", "size": 5}, hoverinfo="skip",
            )
        )
    for kind in dict.fromkeys(kinds):
        at = [place for place, one in enumerate(kinds) if one == kind]
        figure.add_trace(
            mark(
                x=tuned[at, 0].tolist(),
                y=tuned[at, 1].tolist(),
                mode="markers",
                name=esc(kind.name),
                meta={"from": [base[at, 0].tolist(), base[at, 1].tolist()]},
                customdata=[int(ids[place]) for place in at],
                text=[_short(texts[place]) for place in at],
                marker={"color": kind.colour, "symbol": kind.symbol, "size": 8 if len(base) <= _MANY else 5},
                hovertemplate=f"%{{text}}<extra>{esc(kind.name)}</extra>",
            )
        )
    both = np.concatenate([base, tuned])
    edge = max(1e-3, float(np.ptp(both, axis=0).max()) * 0.05)
    (left, bottom), (right, top) = both.min(axis=0) - edge, both.max(axis=0) + edge
    blank = {"showticklabels": False, "showgrid": False, "title": {"text": ""}}
    return styled(
        figure, height=480, keep=keep,
        xaxis={**blank, "range": [float(left), float(right)]},
        yaxis={**blank, "range": [float(bottom), float(top)], "scaleanchor": "x"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=True, legend={"orientation": "h", "y": -0.02, "x": 0},
    )


def with_line(kept: np.ndarray) -> np.ndarray:
    """Which points have a line (ascending): those that kept fewer than ``STAYED`` of their neighbours, and of more than
    ``MOST_TRAILS`` those that kept fewest."""
    moved = np.flatnonzero(kept < STAYED)
    return np.sort(moved[np.argsort(kept[moved], kind="stable")[:MOST_TRAILS]])


def _short(text: str) -> str:
    return esc(text[:120] + ("…" if len(text) > 120 else ""))
