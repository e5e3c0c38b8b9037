"""The Compare tab: did the model get better, by how much, and where."""

import json

import gradio as gr
import numpy as np

from core.errors import WorkbenchError
from core.models import BASE_MODEL, ModelRef, embed, resolve
from core.pairs.store import open_set
from core.runs.run import trained_runs
from core.workspace import Workspace
from workbench import charts, closeup
from workbench.along import data_of
from workbench.cards import compare as cards
from workbench.plotly_view import FORGET, plotly_view
from workbench.search import rows_with
from workbench.show import SHOW
from workbench.shown import Shown, general_of, shown_of, trained_one, vectors_of
from workbench.tabs import along, blend, playground, several, space
from workbench.tabs.pairs import version_of
from workbench.told import told_in
from workbench.view import AGAIN, QUIET, change_of, heading, hidden_number, hidden_text, html_view
from workbench.words import said

#: A list to choose from in which a folder or a Hub name can be typed as well.
_FREE = {"allow_custom_value": True, "interactive": True}

#: Puts the example of the models into the two texts, unless somebody has written texts of their own, or is about to: decided
#: in the browser. What stays as it is is not written again (undefined), as it would be over what is typed in that moment.
_OFFER = """(one, two, offered, example, drawn) => {
  const typing = document.activeElement?.closest('#text-one, #text-two');
  const own = typing || ((one || two) && JSON.stringify([one, two]) !== offered);
  const texts = own || !example ? [one, two] : JSON.parse(example);
  const written = [one, two].map((text, at) => texts[at] === text ? undefined : texts[at]);
  return [...written, own ? undefined : JSON.stringify(texts), drawn];
}"""


#: In place of what was drawn last, while something else is to be drawn.
_UNDER_WAY = "under way"


def chosen_ids(chosen: str) -> list[int] | None:
    """The ids of texts chosen on the map, from what the page sent; None where none are chosen."""
    try:
        ids = json.loads(chosen) if chosen else None
    except ValueError:
        return None
    if not isinstance(ids, list):
        return None
    return [one for one in ids if isinstance(one, int) and 0 <= one < 2**31]


def build(workspace: Workspace, set_id: gr.Textbox, run_id: gr.Textbox, linked: gr.Textbox, tab: gr.Tab) -> None:
    """Lay out the tab and wire it. ``set_id`` and ``run_id`` are what the link names ("" for none), ``linked`` the two models
    that it names (JSON, checked; "" for none)."""
    page = hidden_number("Page of the pairs table")
    opened = gr.Number(-1, precision=0, visible="hidden", label="Row of the pairs table that is open")
    chosen = hidden_text("Texts chosen on the map")
    followed = gr.State("")
    visits = hidden_number("Visits of the tab")
    last = hidden_text("Models and rows that were drawn last")
    shown_models = hidden_text("Models that are shown", elem_id="shown-models")
    example, offered = hidden_text("Example of these models"), hidden_text("Example in the two texts")
    models = [BASE_MODEL]
    with gr.Row(elem_classes="grid-half"):
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card", elem_id="show-verdict"):
                verdict = html_view(cards.first_card(), elem_id="verdict")
                forgotten = html_view("", elem_id="forgotten")
                with gr.Row(elem_classes="not-shown"):
                    base = gr.Dropdown(models, value=BASE_MODEL, label="Base", **_FREE, elem_id="base-model")
                    tuned = gr.Dropdown(models, value=None, label="Tuned", **_FREE, elem_id="tuned-model")
                with gr.Row(elem_classes="not-shown", visible=False) as show_row:
                    show = gr.Button("Show to a room", size="md", elem_id="show")
            with gr.Column(elem_classes="card", visible=False) as ranks_card:
                heading("Rank of the right answer", "1st is best")
                ranks = plotly_view(
                    charts.empty(330), label="Rank of the right answer before and after", elem_id="ranks"
                )
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card", elem_id="show-texts"):
                heading("Two texts", "how alike each model finds them: 1 is the same, about 0 unrelated")
                first = gr.Textbox("", label="One text", lines=1, max_lines=4, elem_id="text-one")
                second = gr.Textbox("", label="Another", lines=1, max_lines=4, elem_id="text-two")
                cosines = html_view(cards.two_texts_card(None, None), elem_id="cosines")
                examples = html_view("", elem_id="examples", elem_classes="not-shown")
            with gr.Column(elem_classes="card", visible=False) as similarity_card:
                heading("Similarity of matched pairs", "grey, hatched: mismatched")
                similarity = plotly_view(
                    charts.empty(330), label="Similarity of matched and mismatched texts", elem_id="similarity"
                )
                similarity_words = html_view("")
    with gr.Column(elem_classes="card", visible=False) as table_card:
        heading("Pairs", "those that lost places first; click a text to read all of it, open a row to see why")
        search = gr.Textbox(
            "",
            placeholder="Search questions and answers",
            show_label=False,
            container=False,
            elem_id="search-pairs",
            elem_classes="search",
        )
        table = html_view("", elem_id="pairs-table")
    with gr.Column(elem_classes="card", visible=False) as likeness_card:
        heading("Every question against every answer", "left before, right after")
        likeness = plotly_view(charts.empty(460), label="Rank of every answer for every question", elem_id="likeness")
        likeness_words = html_view("")
    on_map = space.build(workspace)
    with gr.Column(elem_classes="card", visible=False) as figures_card:
        heading("Every figure", "with how sure each change is")
        figures = html_view("", elem_id="figures")
    with gr.Column(elem_classes="card", visible=False) as health_card:
        heading("Health of each space", "before → after")
        health = html_view("", elem_id="health")
    with gr.Column(elem_classes="card", visible=False) as sizes_card:
        heading("Smaller vectors", "what fewer numbers, or fewer bits a number, would cost in quality")
        sizes = html_view("", elem_id="sizes")
    evidence = [
        ranks_card, similarity_card, table_card, likeness_card, on_map.card, figures_card, health_card, sizes_card,
        show_row,
    ]

    def names() -> list[str]:
        return [BASE_MODEL, *(run.id for run in trained_runs(workspace))]

    def resolved(base: str, tuned: str) -> tuple[ModelRef, ModelRef]:
        return resolve(base, workspace), resolve(tuned, workspace)

    def look(base: str, tuned: str, set_id: str) -> Shown:
        one, other = resolved(base, tuned)
        asked = _asked(one, other, set_id)
        return shown_of(workspace, one, other, asked, _stamp(asked))

    def found(shown: Shown, search: str) -> np.ndarray:
        return rows_with(search, shown.table, ("question", "answer"))

    def _asked(base: ModelRef, tuned: ModelRef, set_id: str) -> str:
        """The set that is asked about; "" where it is the data of a run, whatever set is in use."""
        return "" if trained_one(base, tuned) else set_id

    def _stamp(set_id: str) -> str:
        """Changes when the rows in use do."""
        try:
            return version_of(open_set(workspace, set_id)) if set_id else ""
        except WorkbenchError:
            return ""

    def choose(run_id: str, last_followed: str, linked: str):
        """The models of the link; else the page's run, once it has a model, is the tuned one, and what it started from the
        base; afterwards the person may choose others."""
        if linked and not last_followed:
            asked_base, asked_tuned = json.loads(linked)
            return {
                base: gr.update(choices=names(), value=asked_base),
                tuned: gr.update(choices=names(), value=asked_tuned),
                followed: run_id or asked_tuned,
            }
        run = next((one for one in trained_runs(workspace) if one.id == run_id), None)
        if run is None or run.id == last_followed:
            return {base: gr.update(choices=names()), tuned: gr.update(choices=names())}
        started_from = run.settings().get("base", {}).get("name", BASE_MODEL)
        return {
            base: gr.update(choices=names(), value=started_from),
            tuned: gr.update(choices=names(), value=run.id),
            followed: run.id,
        }

    def asked_about(models: tuple[ModelRef, ModelRef], set_id: str) -> str:
        """Whose questions these are."""
        if trained_one(*models):
            return cards.data_words(data_of(*models), "the pairs of the training, whatever pairs are in use now")
        return cards.data_words(open_set(workspace, set_id).name, "the pairs in use")

    def _visible(shown: bool) -> dict:
        return {card: gr.update(visible=shown) for card in evidence}

    def to_draw(base: str, tuned: str | None, set_id: str) -> str:
        """The models, and what changes when other rows are to be asked about, where any of the page's are; "" for no models."""
        if not base or not tuned:
            return ""
        try:
            asked = _asked(*resolved(base, tuned), set_id)
        except WorkbenchError:
            asked = ""
        return f"{base} {tuned} {asked} {_stamp(asked)}".strip()

    def start(base: str, tuned: str | None, set_id: str, drawn_last: str):
        """Say that something else than what the page shows is about to be drawn, where it is; which has to follow then, even if
        it was drawn while this was on its way."""
        # Of other models nothing is looked up before the words are there: one of the Hub may have to be fetched.
        same_models = not tuned or drawn_last.startswith(f"{base} {tuned}")
        if same_models and to_draw(base, tuned, set_id) == drawn_last:
            return {verdict: gr.skip()}
        words = cards.waiting_card("Reading the texts with both models.") if tuned else cards.first_card()
        return {verdict: words, forgotten: "", last: _UNDER_WAY}

    def draw(base: str, tuned: str | None, set_id: str, colour: str, layout: str, search: str, drawn_last: str):
        """Everything that follows from the two models and the rows that they are asked about, where it is not shown yet."""
        wanted = to_draw(base, tuned, set_id)
        if wanted == drawn_last:
            return {verdict: gr.skip()}
        if not tuned or not base:
            return {verdict: cards.first_card(), last: wanted, **_visible(False)}
        try:
            shown, models = look(base, tuned, set_id), resolved(base, tuned)
            whose = asked_about(models, set_id)
        except WorkbenchError as error:
            return {verdict: said(error), last: wanted, **_visible(False)}
        keep = f"{base} {tuned}"
        comparison = shown.comparison
        alike = shown.likeness
        return {
            verdict: cards.verdict_card(shown.report, comparison) + whose,
            last: wanted,
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
            likeness: charts.likeness(
                [("base", alike.base), ("tuned", alike.tuned)], alike.questions, alike.answers, keep
            ),
            likeness_words: cards.likeness_words(len(alike.questions), len(shown.table)),
            **on_map.drawn(shown, models, colour, layout, search),
            figures: cards.figures_card(shown.report),
            health: cards.health_card(comparison),
            sizes: cards.sizes_card(comparison),
            examples: cards.examples_card(shown.examples),
            example: json.dumps([shown.examples[0].question, shown.examples[0].answer] if shown.examples else ["", ""]),
            page: 0,
            opened: -1,
            chosen: "",
        }

    def everyday(base: str, tuned: str | None, set_id: str):
        """What became of general language: asked after all else is drawn, as it takes a few seconds the first time."""
        if not tuned or not base:
            return ""
        try:
            look(base, tuned, set_id)  # where there is no comparison there is nothing to add to it
            can_blend = any(run.id == tuned for run in trained_runs(workspace))
            return cards.forgetting_words(general_of(workspace, *resolved(base, tuned)), can_blend)
        except WorkbenchError:
            return ""  # the verdict says what is the matter

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
            return said(error)
        return cards.two_texts_card((values[0], values[1]), floors)

    def pair_card(shown: Shown, base: str, tuned: str, at: int) -> str:
        """The card of row ``at`` of the table."""
        pool, pair = shown.comparison.pool, int(shown.table.at[at, "pair"])
        question = int(pool.pairs["query"].iloc[pair])
        vectors = vectors_of(workspace, *resolved(base, tuned), shown, question)
        sides = tuple(closeup.side(pool, one, pair) for one in vectors)
        company = closeup.company(shown.texts, *vectors, question)
        return cards.pair_card(shown.table.at[at, "question"], shown.table.at[at, "answer"], sides, company)

    def rows(base: str, tuned: str | None, set_id: str, search: str, page: int, opened: int, chosen: str):
        if not tuned:
            return ""
        try:
            shown = look(base, tuned, set_id)
            ids = chosen_ids(chosen)
            here = found(shown, search) if ids is None else found(shown, search) & shown.rows_touching(ids)
            some = shown.table[here]
            page = min(max(0, page), max(0, (len(some) - 1) // cards.ROWS_A_PAGE))
            some, total = some.iloc[page * cards.ROWS_A_PAGE : (page + 1) * cards.ROWS_A_PAGE], len(some)
            card = pair_card(shown, base, tuned, opened) if opened in some.index else ""
        except WorkbenchError:
            return ""
        return cards.table_card(some, page, total, search.strip(), opened, card, -1 if ids is None else len(ids))

    @told_in(on_map.point)
    def look_at_point(event: gr.EventData, base: str, tuned: str, set_id: str):
        """What belongs to a text that was clicked on the map: its pair, of several the one that lost most."""
        shown = look(base, tuned, set_id)
        ids = chosen_ids(json.dumps(event.index[:1]))
        if not ids or ids[0] >= len(shown.texts):
            return {on_map.point: gr.skip()}
        pairs = np.flatnonzero(shown.rows_touching(ids))
        if len(pairs):
            return {on_map.point: pair_card(shown, base, tuned, int(pairs[0]))}
        vectors = vectors_of(workspace, *resolved(base, tuned), shown, ids[0])
        return {on_map.point: cards.text_card(shown.texts[ids[0]], closeup.company(shown.texts, *vectors, ids[0]))}

    @told_in(cosines)
    def fill(event: gr.EventData, base: str, tuned: str, set_id: str):
        """An example into the two texts; of a comparison that has others by now, nothing."""
        one = dict(enumerate(look(base, tuned, set_id).examples)).get(int(event.at))
        return {first: one.question, second: one.answer} if one else {first: gr.skip()}

    def act(event: gr.EventData, was_open: int):
        """A button of the table: another page, a row to open or close, or all pairs again."""
        if event.do == "open":
            at = int(event.at)
            return {opened: -1 if at == was_open else at}
        if event.do == "all":
            return {chosen: "", page: 0}
        return {page: int(event.page), opened: -1}

    def choose_points(event: gr.EventData):
        ids = sorted({one for one in event.index if isinstance(one, int)})
        return {chosen: json.dumps(ids) if ids else "", page: 0, opened: -1}

    blend.build(workspace, tuned, shown_models)
    playground.build(workspace, base, tuned, set_id, tab)
    several.build(workspace, base, set_id, tab)
    along.build(workspace, look, base, tuned, set_id, shown_models)

    both = [base, tuned, set_id]
    drawn = [
        verdict, *evidence, ranks, similarity, similarity_words, likeness, likeness_words, *on_map.outputs,
        figures, health, sizes, examples, example, page, opened, chosen, last,
    ]
    of_table, of_map = [*both, search, page, opened, chosen], [*both, *on_map.inputs, search]
    gr.on([change_of(run_id), tab.select], choose, [run_id, followed, linked], [base, tuned, followed], **QUIET)
    # One event for all that may lead to another drawing: of two that draw at once the older answer could come last, and stay.
    tab.select(None, visits, visits, js="(visits) => visits + 1", **QUIET)
    change_of(base, tuned, set_id, visits)(start, [*both, last], [verdict, forgotten, last], **AGAIN).then(
        draw, [*of_map, last], drawn, **AGAIN
    ).then(
        None, [first, second, offered, example, last], [first, second, offered, shown_models], js=_OFFER, **QUIET
    ).then(rows, of_table, table, **AGAIN).then(everyday, both, forgotten, **AGAIN)
    change_of(first, second, shown_models)(similar, [first, second, *both], cosines, **AGAIN)
    change_of(search, page, opened, chosen)(rows, of_table, table, **AGAIN)
    on_map.wire(look, resolved, both, search, shown_models)
    on_map.view.select(choose_points, None, [chosen, page, opened], **QUIET)
    chosen.change(None, chosen, None, js=FORGET, **QUIET)
    on_map.view.click(look_at_point, both, on_map.point, **QUIET)
    examples.click(fill, both, [first, second, cosines], **QUIET)
    table.click(act, opened, [page, opened, chosen], **QUIET)
    show.click(None, None, None, js=SHOW, **QUIET)
