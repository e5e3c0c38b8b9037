"""The one chart component: a Plotly figure that keeps its zoom when the figure changes and gives selections back.

``gr.Plot`` mounts a chart anew for every value; here the node lives on and ``Plotly.react`` updates it. plotly.js comes
from the installed plotly package, so nothing is fetched from elsewhere.

    view = plotly_view(charts.loss([]), label="Training loss")
    view.select(handler)      # lasso or box: event.index = the customdata of the chosen points
    view.click(handler)       # one point:    event.index likewise
"""

from pathlib import Path

import gradio as gr
import plotly

ASSETS = Path(plotly.__file__).parent / "package_data"

_JS = """
const host = element.querySelector('.plotly-view');
let gd = null, drawn = 0;
const quiet = {responsive: true, displaylogo: false, showSendToCloud: false,
               modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d', 'zoomIn2d', 'zoomOut2d']};
const ids = event => (event.points || []).map(point => point.customdata ?? point.pointIndex);
const draw = () => {
  const figure = JSON.parse(props.value || '{}');
  const lib = window.__workbenchPlotly || window.Plotly;      // Gradio's own bundle may replace window.Plotly later
  if (!figure.data) return;
  if (!lib) { setTimeout(draw, 100); return; }
  window.__workbenchPlotly = lib;
  if (!host.clientWidth) { drawn = 0; return; }               // in a hidden tab: drawn when it is shown
  const config = {...quiet, ...(figure.config || {})};
  host.style.height = (figure.layout.height || 320) + 'px';
  lib.react(host, figure.data, figure.layout, config).then(node => {
    if (figure.frames) lib.addFrames(node, figure.frames);
    drawn = 1;
    if (gd) return;
    gd = node;
    gd.on('plotly_selected', event => event && trigger('select', {index: ids(event)}));
    gd.on('plotly_click', event => trigger('click', {index: ids(event)}));
  });
};
draw();
watch('value', draw);
new ResizeObserver(() => { if (!drawn) draw(); }).observe(host);
"""


def serve_assets() -> None:
    """Let the browser load plotly.js from the installed package. Called once, before the app is mounted."""
    gr.set_static_paths([str(ASSETS)])


def plotly_view(figure_json: str, *, label: str, **options) -> gr.HTML:
    """A chart showing ``figure_json`` (``figure.to_json()``; may hold ``config`` beside ``data`` and ``layout``).

    Args:
        label: what the chart shows, for people who cannot see it; a fixed text of ours, never a user's.
    """
    return gr.HTML(
        figure_json,
        html_template=f'<div class="plotly-view" role="img" aria-label="{label}"></div>',
        js_on_load=_JS,
        head=f'<script src="./gradio_api/file={ASSETS}/plotly.min.js"></script>',
        apply_default_css=False,
        **options,
    )
