"""Every chart of the app: pure functions from data to a Plotly figure as JSON, in the style of ``core.charts``."""

from core.charts import MOST_LINES, empty, likeness, ranks, similarity, styled
from workbench.charts.blend import trade_off
from workbench.charts.space import MOST_TRAILS, STAYED, Kind, space_map
from workbench.charts.training import held_out, loss, token_lengths

__all__ = [
    "MOST_LINES", "MOST_TRAILS", "STAYED", "Kind", "empty", "held_out", "likeness", "loss", "ranks", "similarity",
    "space_map", "styled", "token_lengths", "trade_off",
]
