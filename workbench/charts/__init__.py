"""Every chart of the app: pure functions from data to a Plotly figure as JSON.

Paper is transparent and ink is grey, so that a figure is right in both themes; blue is the base model, orange the tuned
one, with dash or marker shape as the second sign. No user text goes into a figure unescaped: Plotly reads a little HTML.
"""

from workbench.charts.blend import trade_off
from workbench.charts.comparison import MOST_CELLS, MOST_LINES, likeness, ranks, similarity
from workbench.charts.space import STAYED, Kind, space_map
from workbench.charts.style import empty, styled
from workbench.charts.training import held_out, loss, token_lengths

__all__ = [
    "MOST_CELLS", "MOST_LINES", "STAYED", "Kind", "empty", "held_out", "likeness", "loss", "ranks", "similarity",
    "space_map", "styled", "token_lengths", "trade_off",
]
