"""The map on the Compare tab: what its colours say, and how the texts are laid out on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from core.maps.pacmap import installed, kept_pacmap, pacmap
from core.maps.projection import Map
from core.models import ModelRef, embed
from core.workspace import Workspace
from workbench import charts
from workbench.cards import compare as cards
from workbench.charts import Kind
from workbench.plotly_view import map_view
from workbench.search import rows_with
from workbench.shown import Shown
from workbench.view import AGAIN, QUIET, change_of, heading, html_view
from workbench.words import said

#: What the colours of the map can say.
_CHANGE, _SIDE, _GROUP, _FOUND = "Change in rank", "Question or answer", "Group", "Found by the search above"
#: How the texts can be laid out.
_PCA, _PACMAP = "PCA", "PaCMAP"


@dataclass(frozen=True)
class MapCard:
    """The card's parts: ``outputs`` is what ``drawn`` may change, ``inputs`` what it is asked with."""

    workspace: Workspace
    card: gr.Column
    view: gr.HTML
    words: gr.HTML
    point: gr.HTML
    colour: gr.Radio
    layout: gr.Radio

    @property
    def outputs(self) -> list:
        """What changes with another comparison."""
        return [self.view, self.words, self.point, self.colour]

    @property
    def inputs(self) -> list:
        """What the person has chosen on the card."""
        return [self.colour, self.layout]

    def drawn(
        self, shown: Shown, models: tuple[ModelRef, ModelRef], colour: str, layout: str, search: str
    ) -> Mapping[Any, Any]:
        """The map of another comparison."""
        return {
            **self._laid_out(shown, models, colour, layout, search),
            self.colour: gr.update(choices=[_CHANGE, _SIDE, *([_GROUP] if shown.groups else []), _FOUND]),
            self.point: "",
        }

    def _laid_out(self, shown: Shown, models: tuple[ModelRef, ModelRef], colour: str, layout: str, search: str):
        """The picture and its words; in PCA for as long as PaCMAP has not been asked for with these models."""
        laid_out = (layout == _PACMAP and kept_pacmap(shown.map, key_of(models, shown), self.workspace)) or shown.map
        searched = rows_with(search, shown.table, ("question", "answer")) & bool(search.strip())
        kinds: list[Kind] = {
            _SIDE: shown.side_kinds, _GROUP: shown.group_kinds, _FOUND: lambda: shown.found_kinds(searched),
        }.get(colour, shown.change_kinds)()
        keep = f"{models[0].name} {models[1].name} {laid_out.layout}"
        words = cards.map_words(laid_out, shown.folds is not None) + ("" if installed() else cards.PACMAP_WORDS)
        return {self.view: figure(shown, laid_out, kinds, keep), self.words: words}

    def wire(self, look: Callable, resolved: Callable, both: list, search: gr.Textbox, drawn: gr.Textbox) -> None:
        """Draw the map again when its colours or its layout are chosen, or the search that colours it.

        Args:
            look: ``look(base, tuned, set_id)``: what the tab shows.
            resolved: ``resolved(base, tuned)``: the models of these names.
            both: the inputs of ``look``.
            drawn: changes when another comparison has been drawn.
        """

        def again(base: str, tuned: str | None, set_id: str, colour: str, layout: str, search: str):
            if not tuned:
                return {self.view: gr.skip()}
            try:
                return self._laid_out(look(base, tuned, set_id), resolved(base, tuned), colour, layout, search)
            except WorkbenchError:
                return {self.view: gr.skip()}

        def searched(base: str, tuned: str | None, set_id: str, colour: str, layout: str, search: str):
            if colour != _FOUND:
                return {self.view: gr.skip()}
            return again(base, tuned, set_id, colour, layout, search)

        def again_in_pacmap(base: str, tuned: str | None, set_id: str, colour: str, layout: str, search: str):
            if layout != _PACMAP:
                return {self.view: gr.skip()}
            return again(base, tuned, set_id, colour, layout, search)

        def begin(base: str, tuned: str | None, set_id: str, layout: str):
            if not tuned or layout != _PACMAP:
                return gr.skip()
            try:
                shown, models = look(base, tuned, set_id), resolved(base, tuned)
            except WorkbenchError:
                return gr.skip()
            return gr.skip() if kept_pacmap(shown.map, key_of(models, shown), self.workspace) else cards.laying_out(shown.map)

        def work(base: str, tuned: str | None, set_id: str, layout: str):
            """Lay the map out; what comes of it is read from the workspace, so that a layout chosen meanwhile stays."""
            if not tuned or layout != _PACMAP:
                return gr.skip()
            try:
                shown, models = look(base, tuned, set_id), resolved(base, tuned)
                texts = [shown.texts[at] for at in shown.map.shown]
                pacmap(
                    shown.map, lambda: tuple(embed(model, texts, self.workspace) for model in models),
                    key_of(models, shown), self.workspace,
                )
            except WorkbenchError as error:
                return said(error)
            return gr.skip()

        of_map, of_layout, redrawn = [*both, *self.inputs, search], [*both, self.layout], [self.view, self.words]
        self.colour.change(again, of_map, redrawn, **QUIET)
        change_of(search)(searched, of_map, redrawn, **AGAIN)
        for asked, draw in ((self.layout.change, again), (change_of(drawn), again_in_pacmap)):
            asked(begin, of_layout, self.words, **QUIET).then(work, of_layout, self.point, **QUIET).then(
                draw, of_map, redrawn, **QUIET
            )


def build(workspace: Workspace) -> MapCard:
    """Lay out the card."""
    with gr.Column(elem_classes="card", visible=False, elem_id="show-map") as card:
        heading("Map of both spaces", "the same texts before and after; click one to see its company")
        with gr.Row(elem_classes="not-shown"):
            colour = gr.Radio(
                [_CHANGE, _SIDE, _FOUND], value=_CHANGE, label="Colour", container=False, show_label=False,
                elem_classes="segmented", elem_id="map-colour",
            )
            layout = gr.Radio(
                [_PCA, _PACMAP], value=_PCA, label="Layout", container=False, show_label=False, visible=installed(),
                elem_classes="segmented", elem_id="map-layout",
            )
        view = map_view(charts.empty(480), label="Map of both embedding spaces", elem_id="map")
        with gr.Column(elem_classes="not-shown"):
            words = html_view("", elem_id="map-words")
            point = html_view("", elem_id="point")
    return MapCard(workspace, card, view, words, point, colour, layout)


def figure(shown: Shown, laid_out: Map, kinds: list[Kind], keep: str) -> str:
    """The chart of ``laid_out``, a layout of ``shown.map``."""
    at = laid_out.shown.tolist()
    texts = [shown.texts[one] for one in at]
    return charts.space_map(laid_out.base_xy, laid_out.tuned_xy, texts, at, laid_out.kept, kinds, keep)


def key_of(models: tuple[ModelRef, ModelRef], shown: Shown) -> str:
    """Names two models and the texts that they are compared on."""
    return "-".join(one[:32] for one in (models[0].digest, models[1].digest, shown.comparison.pool.digest()))
