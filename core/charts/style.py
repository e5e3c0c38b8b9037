"""What every chart has in common: the house style of a Plotly figure.

Paper is transparent and ink is grey, so that a figure is right in both themes; blue is the base model, orange the tuned
one, with pattern, dash or marker shape as the second sign. No user text goes into a figure unescaped: Plotly reads a
little HTML.
"""

import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

#: The two colours that carry the meaning, the same in both themes.
BASE_COLOUR, TUNED_COLOUR = "#0072B2", "#D55E00"
GREY = "#8b959e"
GRID = "rgba(139,149,158,.22)"
BETTER, WORSE = "#2c8a57", "#c8493c"


_FONT = {"family": "Inter, system-ui, sans-serif"}
_LAYOUT = {
    "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": {**_FONT, "size": 12, "color": GREY},
    "margin": {"l": 48, "r": 12, "t": 8, "b": 40}, "showlegend": False, "hovermode": "closest", "dragmode": "zoom",
    "hoverlabel": {"font": _FONT}, "colorway": [BASE_COLOUR, TUNED_COLOUR],
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": TUNED_COLOUR},
}
_AXIS = {"gridcolor": GRID, "zeroline": False, "showline": False, "automargin": True}


def styled(figure: go.Figure, *, height: int, keep: str, **layout: Any) -> str:
    """The figure's JSON in the house style. ``keep``: zoom survives updates for as long as this text stays the same."""
    figure.update_layout(height=height, uirevision=keep, **_LAYOUT)
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS)
    figure.update_layout(**layout)
    # the default template is 7 kB of settings that the lines above replace
    figure.layout.template = None
    return str(figure.to_json())


def live(traces: Sequence[dict[str, Any]], *, height: int, keep: str, **layout: Any) -> str:
    """``styled`` for a chart that is drawn again with every step: of plain traces, which takes a fortieth of the time, as
    Plotly's own objects check each value."""
    axes = {name: {**_AXIS, **settings} for name, settings in layout.items() if name[1:].startswith("axis")}
    whole = {**_LAYOUT, "height": height, "uirevision": keep, **layout, **axes}
    text = json.dumps({"data": list(traces), "layout": whole}, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e")  # as in Plotly's own JSON: it may stand in a page


def empty(height: int = 230) -> str:
    """A chart with nothing in it yet that keeps its place on the page."""
    figure = go.Figure()
    return styled(figure, height=height, keep="empty", xaxis={"visible": False}, yaxis={"visible": False})
