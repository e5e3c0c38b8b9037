"""What mixes of two models trade own data against general language for."""

import plotly.graph_objects as go

from core.blending import Curve
from core.charts.style import GREY, TUNED_COLOUR, styled


def trade_off(curve: Curve, keep: str) -> str:
    """nDCG@10 on own questions (orange diamonds) and everyday ones (grey squares) of each mix, from base to tuned."""
    figure = go.Figure()
    for way in dict.fromkeys(point.way for point in curve.points):
        points = [point for point in curve.points if point.way == way]
        for name, colour, symbol in (("own", TUNED_COLOUR, "diamond"), ("general", GREY, "square")):
            words = {"own": "own data", "general": "general language"}[name] + ("" if way == "linear" else ", spherical")
            figure.add_scatter(
                x=[point.share for point in points],
                y=[getattr(point, name) for point in points],
                mode="lines+markers",
                name=words,
                line={"color": colour, "width": 2.2, "dash": "solid" if way == "linear" else "dot"},
                marker={"symbol": symbol, "size": 9},
                hovertemplate=f"{words}<br>%{{x:.0%}} tuned: nDCG@10 %{{y:.3f}}<extra></extra>",
            )
    return styled(
        figure,
        height=300,
        keep=keep,
        showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": {"text": "share of the tuned model"}, "tickformat": ".0%"},
        yaxis={"title": {"text": "nDCG@10"}, "tickformat": ".2f"},
    )
