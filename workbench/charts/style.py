"""What every chart has in common: the house style of a Plotly figure."""

import plotly.graph_objects as go

from workbench.theme import BASE_COLOUR, TUNED_COLOUR

GREY = "#8b959e"
GRID = "rgba(139,149,158,.22)"
BETTER, WORSE = "#2c8a57", "#c8493c"


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
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": TUNED_COLOUR},
        colorway=[BASE_COLOUR, TUNED_COLOUR],
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, showline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, showline=False, automargin=True)
    figure.update_layout(**layout)
    # the default template is 7 kB of settings that the lines above replace
    figure.layout.template = None
    return figure.to_json()


def empty(height: int = 230) -> str:
    """A chart with nothing in it yet that keeps its place on the page."""
    figure = go.Figure()
    return styled(figure, height=height, keep="empty", xaxis={"visible": False}, yaxis={"visible": False})
