"""The Compare tab: did the model get better, by how much, and where."""

import json
from dataclasses import dataclass

import gradio as gr
import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison, Example, compare, example_pairs, pairs_table
from core.evaluation.report import report
from core.evaluation.seen import rows_seen
from core.maps.projection import Map, project
from core.models import BASE_MODEL, ModelRef, embed, resolve
from core.pairs.store import open_set
from core.runs.run import Run, trained_runs
from core.workspace import Workspace
from workbench import charts
from workbench.cards import compare as cards
from workbench.once import computed_once
from workbench.plotly_view import plotly_view
from workbench.search import rows_with
from workbench.tabs.pairs import version_of
from workbench.view import QUIET, heading, hidden_number, hidden_text, html_view
from workbench.words import notice

#: A list to choose from in which a folder or a Hub name can be typed as well.
_FREE = {"allow_custom_value": True, "interactive": True}

#: Puts the example of the models into the two texts, unless somebody has written texts of their own: decided in the
#: browser, where nothing can be typed meanwhile.
_OFFER = """(one, two, offered, example, base, tuned) => {
  const own = (one || two) && JSON.stringify([one, two]) !== offered;
  const texts = own || !example ? [one, two] : JSON.parse(example);
  return [...texts, own ? offered : JSON.stringify(texts), `${base} ${tuned}`];
}"""


@dataclass(frozen=True)
class Shown:
    """All that the tab draws of two models."""

    comparison: Comparison
    report: dict
    table: pd.DataFrame
    examples: list[Example]
    map: Map


def rows_for(workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to ask about (neither model trained on them) and all rows of the data.

    The data is the one that ``tuned``, or else ``base``, was trained on; for two models from elsewhere the set in use.
    """
    for model in (tuned, base):
        run = Run(model.path.parent)
        if run.train_file.exists():
            held_out = pd.read_parquet(run.heldout_file)
            everything = pd.concat([pd.read_parquet(run.train_file), held_out], ignore_index=True)
            other = base if model is tuned else tuned
            return held_out[~rows_seen(other.path, held_out)], everything
    if not set_id:
        raise WorkbenchError("There are no pairs to compare these models on.", "", "Bring pairs on the Pairs tab.")
    everything = open_set(workspace, set_id).used_pairs().frame
    return everything, everything


@computed_once(kept=4)
def _shown(workspace: Workspace, base: ModelRef, tuned: ModelRef, set_id: str, stamp: str) -> Shown:
    del stamp
    held_out, everything = rows_for(workspace, base, tuned, set_id)
    comparison = compare(base, tuned, held_out, everything, workspace)
    texts = [*comparison.pool.queries, *comparison.pool.corpus]
    return Shown(
        comparison,
        report(comparison),
        pairs_table(comparison),
        example_pairs(comparison),
        project(embed(base, texts, workspace), embed(tuned, texts, workspace)),
    )


def build(workspace: Workspace, set_id: gr.Textbox, run_id: gr.Textbox, tab: gr.Tab) -> None:
    """Lay out the tab and wire it. ``set_id`` and ``run_id`` are what the link names ("" for none)."""
    page = hidden_number("Page of the pairs table")
    followed = gr.State("")
    shown_models = hidden_text("Models that are shown", elem_id="shown-models")
    example, offered = hidden_text("Example of these models"), hidden_text("Example in the two texts")
    models = [BASE_MODEL]
    with gr.Row(elem_classes="grid-half"):
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card"):
                verdict = html_view(cards.first_card(), elem_id="verdict")
                with gr.Row():
                    base = gr.Dropdown(models, value=BASE_MODEL, label="Base", **_FREE, elem_id="base-model")
                    tuned = gr.Dropdown(models, value=None, label="Tuned", **_FREE, elem_id="tuned-model")
            with gr.Column(elem_classes="card", visible=False) as ranks_card:
                heading("Rank of the right answer", "1st is best")
                ranks = plotly_view(
                    charts.empty(330), label="Rank of the right answer before and after", elem_id="ranks"
                )
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card"):
                heading("Two texts", "how alike each model finds them: 1 is the same, about 0 unrelated")
                first = gr.Textbox("", label="One text", lines=1, max_lines=4, elem_id="text-one")
                second = gr.Textbox("", label="Another", lines=1, max_lines=4, elem_id="text-two")
                cosines = html_view(cards.two_texts_card(None, None), elem_id="cosines")
                examples = html_view("", elem_id="examples")
            with gr.Column(elem_classes="card", visible=False) as similarity_card:
                heading("Similarity of matched pairs", "grey, hatched: mismatched")
                similarity = plotly_view(
                    charts.empty(330), label="Similarity of matched and mismatched texts", elem_id="similarity"
                )
                similarity_words = html_view("")
    with gr.Column(elem_classes="card", visible=False) as table_card:
        heading("Pairs", "those that lost places first; click a text to read all of it")
        search = gr.Textbox(
            "",
            placeholder="Search questions and answers",
            show_label=False,
            container=False,
            elem_id="search-pairs",
            elem_classes="search",
        )
        table = html_view("", elem_id="pairs-table")
    with gr.Column(elem_classes="card", visible=False) as map_card:
        heading("Map of both spaces", "○ before &nbsp; ◆ after; a line joins the same text")
        space = plotly_view(charts.empty(480), label="Map of both embedding spaces", elem_id="map")
        map_words = html_view("")
    evidence = [ranks_card, similarity_card, table_card, map_card]

    def names() -> list[str]:
        return [BASE_MODEL, *(run.id for run in trained_runs(workspace))]

    def resolved(base: str, tuned: str) -> tuple[ModelRef, ModelRef]:
        return resolve(base, workspace), resolve(tuned, workspace)

    def look(base: str, tuned: str, set_id: str) -> Shown:
        one, other = resolved(base, tuned)
        return _shown(workspace, one, other, set_id, _stamp(set_id))

    def _stamp(set_id: str) -> str:
        """Changes when the rows in use do."""
        try:
            return version_of(open_set(workspace, set_id)) if set_id else ""
        except WorkbenchError:
            return ""

    def choose(run_id: str, last_followed: str):
        """The page's run, once it has a model, is the tuned one, and what it started from the base; afterwards the
        person may choose others."""
        run = next((one for one in trained_runs(workspace) if one.id == run_id), None)
        if run is None or run.id == last_followed:
            return {base: gr.update(choices=names()), tuned: gr.update(choices=names())}
        started_from = run.settings().get("base", {}).get("name", BASE_MODEL)
        return {
            base: gr.update(choices=names(), value=started_from),
            tuned: gr.update(choices=names(), value=run.id),
            followed: run.id,
        }

    def _visible(shown: bool) -> dict:
        return {card: gr.update(visible=shown) for card in evidence}

    def start(tuned: str | None):
        return cards.waiting_card("Reading the texts with both models.") if tuned else cards.first_card()

    def draw(base: str, tuned: str | None, set_id: str):
        """Everything that follows from the two models."""
        if not tuned or not base:
            return {verdict: cards.first_card(), **_visible(False)}
        try:
            shown = look(base, tuned, set_id)
        except WorkbenchError as error:
            return {verdict: notice(error.what, error.why, error.what_to_do), **_visible(False)}
        keep = f"{base} {tuned}"
        comparison, pool = shown.comparison, shown.comparison.pool
        texts = [*pool.queries, *pool.corpus]
        return {
            verdict: cards.verdict_card(shown.report),
            **_visible(True),
            ranks: charts.ranks(comparison.base.pair_rank, comparison.tuned.pair_rank, keep),
            similarity: charts.similarity(
                [
                    ("base", comparison.base.matched, comparison.base.mismatched),
                    ("tuned", comparison.tuned.matched, comparison.tuned.mismatched),
                ],
                keep,
            ),
            similarity_words: cards.similarity_words(shown.report),
            space: charts.space_map(
                shown.map.base_xy,
                shown.map.tuned_xy,
                [texts[at] for at in shown.map.shown],
                shown.map.shown.tolist(),
                keep,
            ),
            map_words: cards.map_words(shown.map),
            examples: cards.examples_card(shown.examples),
            example: json.dumps([shown.examples[0].question, shown.examples[0].answer] if shown.examples else ["", ""]),
            page: 0,
        }

    def similar(one: str, two: str, base: str, tuned: str | None, set_id: str):
        """The cosine of both texts under both models, beside their floors."""
        if not one.strip() or not two.strip() or not tuned:
            return cards.two_texts_card(None, None)
        try:
            refs = resolved(base, tuned)
            values = []
            for ref in refs:
                vectors = embed(ref, [one, two], workspace)
                values.append(float(np.dot(vectors[0], vectors[1])))
            comparison = look(base, tuned, set_id).comparison
            floors = (comparison.base.floor, comparison.tuned.floor)
        except WorkbenchError as error:
            return notice(error.what, error.why, error.what_to_do)
        return cards.two_texts_card((values[0], values[1]), floors)

    def rows(base: str, tuned: str | None, set_id: str, search: str, page: int):
        if not tuned:
            return ""
        try:
            everything = look(base, tuned, set_id).table
        except WorkbenchError:
            return ""
        everything = everything[rows_with(search, everything, ("question", "answer"))]
        page = min(max(0, page), max(0, (len(everything) - 1) // cards.ROWS_A_PAGE))
        return cards.table_card(
            everything.iloc[page * cards.ROWS_A_PAGE : (page + 1) * cards.ROWS_A_PAGE], page, len(everything), search.strip()
        )

    def fill(event: gr.EventData, base: str, tuned: str, set_id: str):
        one = look(base, tuned, set_id).examples[int(event.at)]
        return one.question, one.answer

    def turn_page(event: gr.EventData):
        return int(event.page)

    both = [base, tuned, set_id]
    drawn = [verdict, *evidence, ranks, similarity, similarity_words, space, map_words, examples, example, page]
    gr.on([run_id.change, tab.select], choose, [run_id, followed], [base, tuned, followed], **QUIET)
    for box in (base, tuned):
        box.change(start, tuned, verdict, **QUIET).then(draw, both, drawn, **QUIET).then(
            None, [first, second, offered, example, base, tuned], [first, second, offered, shown_models], js=_OFFER, **QUIET
        ).then(rows, [*both, search, page], table, **QUIET)
    gr.on(
        [first.change, second.change, shown_models.change], similar, [first, second, *both], cosines,
        trigger_mode="always_last", **QUIET,
    )
    gr.on([search.change, page.change], rows, [*both, search, page], table, trigger_mode="always_last", **QUIET)
    examples.click(fill, both, [first, second], **QUIET)
    table.click(turn_page, None, page, **QUIET)
