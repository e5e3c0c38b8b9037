"""A page with the map and nothing else, for its benchmark: ``python -m benchmarks.map_page PORT``.

A button a size draws the map of so many texts from vectors that lie ready, on the way that the Compare tab takes.
"""

import sys
from functools import lru_cache
from itertools import count

import gradio as gr
import numpy as np

from core.maps.projection import project
from workbench import charts, plotly_view
from workbench.charts import space
from workbench.theme import STYLE

SIZES = (10_000, 100_000)
#: As long as the vectors of the built-in model.
WIDTH = 384
#: A figure that is like the last one would not be drawn.
_times = count()


@lru_cache(1)
def vectors(texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Two spaces [texts, WIDTH] of 60 topics, the second with some noise and a shift of the topics against each other."""
    draw = np.random.default_rng(0)
    topic = draw.integers(60, size=texts)
    base = draw.normal(size=(60, WIDTH))[topic] + 1.2 * draw.normal(size=(texts, WIDTH))
    tuned = base + 0.6 * draw.normal(size=(60, WIDTH))[topic] + 0.5 * draw.normal(size=(texts, WIDTH))
    return tuple((one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in (base, tuned))


def figure(texts: int) -> str:
    """The map as the Compare tab sends it."""
    shown = project(*vectors(texts))
    kinds = [(space.WENT_UP, space.AS_BEFORE, space.WENT_DOWN)[at % 3] for at in shown.shown.tolist()]
    words = [f"Text number {at} of all, about as long as a question that somebody asks." for at in shown.shown.tolist()]
    return charts.space_map(shown.base_xy, shown.tuned_xy, words, shown.shown.tolist(), shown.kept, kinds, str(next(_times)))


if __name__ == "__main__":
    import torch  # noqa: F401  # as in the app, where a model has made the vectors

    plotly_view.serve_assets()
    with gr.Blocks() as page:
        view = plotly_view.map_view(charts.empty(480), label="Map", elem_id="map")
        for size in SIZES:
            ready = gr.Button(f"Make {size}", elem_id=f"make-{size}")
            ready.click(lambda size=size: vectors(size) and None, None, None, queue=False)
            gr.Button(f"Draw {size}", elem_id=f"draw-{size}").click(lambda size=size: figure(size), None, view, queue=False)
    page.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False, css_paths=STYLE)
