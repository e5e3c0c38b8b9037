"""The one chart component: a Plotly figure that keeps its zoom when the figure changes and gives selections back.

``gr.Plot`` mounts a chart anew for every value; here the node lives on and ``Plotly.react`` updates it. plotly.js comes
from the installed plotly package, so nothing is fetched from elsewhere.

    view = plotly_view(charts.loss([]), label="Training loss")
    view.select(handler)      # lasso or box: event.index = the customdata of the chosen points
    view.click(handler)       # one point:    event.index likewise

``map_view`` is the same with a slider and a button that move the points from one place to another in the browser.
"""

from pathlib import Path

import gradio as gr
import plotly

ASSETS = Path(plotly.__file__).parent / "package_data"

_JS = """
const host = element.querySelector('.plotly-view');
let gd = null, drawn = 0, ready = () => {}, save = null;
// by itself Plotly draws points at twice the screen's own resolution, which takes twice as long and looks the same
const quiet = {responsive: true, displaylogo: false, showSendToCloud: false, plotGlPixelRatio: Math.max(1, devicePixelRatio),
               modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d', 'zoomIn2d', 'zoomOut2d']};
const ids = event => (event.points || []).map(point => point.customdata ?? point.pointIndex);
let pick = index => trigger('select', {index});
const draw = () => {
  const figure = JSON.parse(props.value || '{}');
  const lib = window.__workbenchPlotly || window.Plotly;      // Gradio's own bundle may replace window.Plotly later
  if (!figure.data) return;
  if (!lib) { setTimeout(draw, 100); return; }
  window.__workbenchPlotly = lib;
  if (!host.clientWidth) { drawn = 0; return; }               // in a hidden tab: drawn when it is shown
  ready(figure);
  // made once: with another function in its settings Plotly draws the whole chart anew, and loses the zoom
  save = save || {
    modeBarButtonsToAdd: [{name: 'svg', title: 'Save as SVG', icon: lib.Icons.disk,
                           click: one => lib.downloadImage(one, {format: 'svg', filename: 'chart'})}],
    toImageButtonOptions: {filename: 'chart', scale: 2},
  };
  const config = {...quiet, ...save, ...(figure.config || {})};
  host.style.height = (figure.layout.height || 320) + 'px';
  // on a page with a base Plotly writes the page's whole address of now into every hatching and clipping; ours changes
  const base = document.querySelector('base'), href = base && base.getAttribute('href');
  if (base) base.removeAttribute('href');
  const done = lib.react(host, figure.data, figure.layout, config);
  if (base) base.setAttribute('href', href);
  done.then(node => {
    if (figure.frames) lib.addFrames(node, figure.frames);
    drawn = 1;
    if (gd) return;
    gd = node;
    gd.on('plotly_selected', event => event && pick(ids(event)));
    gd.on('plotly_deselect', () => pick([]));
    gd.on('plotly_click', event => trigger('click', {index: ids(event)}));
  });
};
/* more */
draw();
watch('value', draw);
new ResizeObserver(() => { if (!drawn) draw(); }).observe(host);
"""

_MOVE = (Path(__file__).parent / "map_view.js").read_text(encoding="utf-8")

#: A script that gives up the choice on the map called "map" where its argument, the choice that the page holds, is "".
FORGET = """(chosen) => {
  if (!chosen) document.querySelector('#map .map-controls')?.dispatchEvent(new Event('forget', {bubbles: true}));
}"""


def serve_assets() -> None:
    """Let the browser load plotly.js from the installed package. Called once, before the app is mounted."""
    gr.set_static_paths([str(ASSETS)])


def plotly_view(figure_json: str, *, label: str, **options) -> gr.HTML:
    """A chart showing ``figure_json`` (``figure.to_json()``; may hold ``config`` beside ``data`` and ``layout``).

    Args:
        label: what the chart shows, for people who cannot see it; a fixed text of ours, never a user's.
    """
    return _view(figure_json, f'<div class="plotly-view" role="img" aria-label="{label}"></div>', _JS, options)


def map_view(figure_json: str, *, label: str, **options) -> gr.HTML:
    """``plotly_view`` for a map: traces with ``meta.from`` (two lists, x and y) move from there to where they are.

    The browser moves them, with a slider or a button, and keeps its zoom; with "Choose points" dragging draws a lasso.
    ``view.select`` then gets the ids in it, none where the choice is given up; ``FORGET`` gives it up from the page.
    """
    template = (
        '<div class="map-controls"><button type="button" class="play">Play</button><label><span>before</span>'
        '<input type="range" min="0" max="1" step="any" value="1" aria-label="From before to after"><span>after</span></label>'
        '<button type="button" class="choose" aria-pressed="false">Choose points</button>'
        '<span class="chosen" role="status"></span><button type="button" class="forget" hidden>Choose none</button></div>'
        f'<div class="map-frame"><div class="plotly-view" role="img" aria-label="{label}"></div>'
        '<canvas class="still" aria-hidden="true"></canvas><canvas class="points" aria-hidden="true"></canvas></div>'
    )
    return _view(figure_json, template, _JS.replace("/* more */", _MOVE), options)


def _view(figure_json: str, template: str, script: str, options: dict) -> gr.HTML:
    return gr.HTML(
        figure_json,
        html_template=template,
        js_on_load=script,
        head=f'<script src="./gradio_api/file={ASSETS}/plotly.min.js"></script>',
        apply_default_css=False,
        **options,
    )
