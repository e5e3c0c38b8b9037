"""The charts of two models side by side, for the page and for the report: pure functions to a Plotly figure as JSON."""

from core.charts.comparison import MOST_LINES, changes, likeness, places, ranks, similarity
from core.charts.style import empty, styled

__all__ = ["MOST_LINES", "changes", "empty", "likeness", "places", "ranks", "similarity", "styled"]
