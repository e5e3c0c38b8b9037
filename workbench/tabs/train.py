"""The Train tab: settings, the run in front with its live course, and all runs.

Training goes on in a process of its own; this page only reads the run's folder, so it can be closed, refreshed or opened
twice at any time.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.pairs.store import StoredSet, open_set
from core.plan import LOSSES, Plan, make_plan
from core.recipe import Recipe, form_fields, make_recipe
from core.runs.create import create_run
from core.runs.explain import explain_end
from core.runs.job import Record, read_record
from core.runs.line import own_places
from core.runs.overlay import differences
from core.runs.run import Run, all_runs, find_run, run_called, trained_runs
from core.runs.target import Target
from core.runs.trainers import Trainers
from core.search.search import for_trials
from core.workspace import Workspace
from workbench import charts, curves
from workbench.arriving import require_pairs
from workbench.aws import AwsRoom
from workbench.cards import line as line_cards
from workbench.cards import train as cards
from workbench.cards import where as where_cards
from workbench.once import computed_once
from workbench.plotly_view import plotly_view
from workbench.states import RunStates
from workbench.tabs.fields import CHOOSE, form_component, typed
from workbench.tabs.near import opened_set
from workbench.tabs.pairs import PairsTab, near_duplicates
from workbench.tabs.search import SearchPart
from workbench.tabs.where import WherePart
from workbench.told import told_in
from workbench.view import AGAIN, QUIET, change_of, heading, html_view
from workbench.words import esc, notice, said

_OPENING, _NO_PAIRS = '<p class="soft" role="status">The pairs are being opened.</p>', '<p class="soft">Bring pairs first.</p>'
#: Said in the browser and not by an event of its own: such an answer could come after the plan's, and stay for ever.
_BEFORE_THE_PLAN = f"""(chosen, arriving, outlook) =>
  chosen ? '<p class="soft" role="status">Working out what it takes.</p>' : arriving ? `{_OPENING}` : `{_NO_PAIRS}`"""
_WITHOUT_PAIRS = f"(chosen, arriving, outlook) => chosen ? outlook : arriving ? `{_OPENING}` : `{_NO_PAIRS}`"
#: What hindered the last start was said of the pairs that were open then.
_ARRIVED = f"(chosen, arriving, outlook, trouble) => [({_WITHOUT_PAIRS})(chosen, arriving, outlook), arriving ? trouble : '']"


def asked(values: dict[str, Any]) -> Recipe:
    """The recipe that a filled form asks for; an empty field is left to the workbench."""
    return make_recipe({name: value for name, value in values.items() if value is not None and value != ""})


def _said(run: Run | None) -> tuple[int, int]:
    """How much the run's worker has said so far, and when: the cheap way to know that there is something new."""
    try:
        facts = run.events_file.stat() if run else None
    except FileNotFoundError:
        facts = None
    return (facts.st_size, facts.st_mtime_ns) if facts else (0, 0)


@computed_once(kept=8)
def _drawn(runs: tuple[Run, ...], _said: tuple[tuple[int, int], ...]) -> tuple[str, str]:
    """The charts of loss and held-out checks, the first run in front. Drawn once for all who look, as long as no worker
    has said more."""
    own, *rest = (curves.look(run)[0] for run in runs)
    return charts.loss(own, rest), charts.held_out(own, rest)


def _moving(job: Record | None) -> list:
    """What of a job on SageMaker shows on the page; time and cost go on while it is at work."""
    if job is None:
        return []
    return [job.words, job.trouble, job.phase, None if job.phase == "over" else int(time.time() / 5)]


def build(
    workspace: Workspace, trainer: Trainers, room: AwsRoom, set_id: gr.Textbox, run_id: gr.Textbox, pairs_tab: PairsTab
) -> None:
    """Lay out the tab and wire it. ``set_id`` and ``run_id`` are what the link names ("" for none)."""
    fields = form_fields()
    laid_over = gr.State([])
    seen = gr.State([])
    reading_log = gr.State(False)
    page, runs_sent = gr.State(0), gr.State("")
    known = RunStates(workspace)
    timer = gr.Timer(1.0)
    where = WherePart(room)
    search = SearchPart(workspace, trainer, where, room.account)
    lead = html_view(where_cards.lead("here"))
    with gr.Row(elem_classes="grid-two"):
        with gr.Column(elem_classes="stack"):
            with gr.Column(elem_classes="card"):
                heading("Settings")
                form = {field.name: form_component(field) for field in fields if not field.advanced}
                where.lay_out()
                with gr.Accordion("Advanced", open=False):
                    form |= {field.name: form_component(field) for field in fields if field.advanced}
                costs = html_view("", elem_id="train-cost")
                start = gr.Button("Start training", variant="primary", elem_id="start")
                trouble = html_view("", elem_id="train-trouble")
                search.lay_out_form()
            with gr.Column(elem_classes="card"):
                heading("What will happen")
                outlook = html_view(_OPENING, elem_id="plan")
        with gr.Column(elem_classes="stack"):
            search.lay_out_table()
            with gr.Column(elem_classes="card"):
                front = html_view(cards.no_run_card(False), elem_id="run")
                confirm = html_view("")
            with gr.Column(elem_classes="card", visible=False) as loss_card:
                heading("Loss", "lower is better; the thin line is each step")
                loss = plotly_view(charts.empty(330), label="Training loss and learning rate by step", elem_id="loss")
            with gr.Column(elem_classes="card", visible=False) as held_card:
                heading("Right answers near the top, on pairs it never saw", "nDCG@10, higher is better")
                held = plotly_view(charts.empty(270), label="Held-out nDCG@10 and MRR@10 by step", elem_id="held-out")
            with gr.Column(elem_classes="card", visible=False) as home_card:
                home = html_view("")
                with gr.Accordion("Push to a Hugging Face Hub repository", open=False):
                    repository = gr.Textbox("", label="Repository", placeholder="your-name/model-name")
                    token = gr.Textbox(
                        "", label="Token", info="Needs write access. It is used once and never kept.", type="password"
                    )
                    push = gr.Button("Push the model", size="sm")
                    pushed = html_view("")
            with gr.Column(elem_classes="card", visible=False) as line_card:
                line = html_view("", elem_id="line")
            with gr.Column(elem_classes="card", visible=False) as runs_card:
                runs = html_view("", elem_id="runs")
            with gr.Column(elem_classes="card", visible=False) as log_card:
                with gr.Accordion("Log of the worker", open=False) as log_fold:
                    log = html_view("")

    # ---- handlers -------------------------------------------------------------------------------------------------
    def sorted_out(values: Sequence[Any]) -> tuple[Recipe, Target, Sequence[Any]]:
        """What the boxes ask for: what to train, where, and what to search."""
        middle, end = len(form), len(form) + len(where.form)
        recipe = asked(dict(zip(form, values[:middle], strict=True)))
        return recipe, where.asked(values[middle:end]), values[end:]

    def planned(set_id: str, recipe: Recipe) -> tuple[StoredSet, Plan]:
        stored = open_set(workspace, set_id)
        return stored, make_plan(recipe, stored.pairs_to_train_on(), workspace, near_duplicates(workspace, stored))

    def planned_search(set_id: str, recipe: Recipe) -> tuple[StoredSet, Plan]:
        return planned(set_id, for_trials(recipe))

    def foresee(set_id: str, *values: Any):
        """The plan of the form as it stands."""
        if not set_id:
            return {costs: ""}
        try:
            recipe, target, searched = sorted_out(values)
            stored, plan = planned(set_id, recipe)
            of_trials = plan if plan.recipe.evidence == "held-out" else planned_search(set_id, recipe)[1]
            cost = where.outlook(target, plan)
        except WorkbenchError as error:
            return {outlook: said(error), costs: "", search.outlook: ""}
        chosen = {
            form[field.name]: gr.update(placeholder=f"{typed(getattr(plan.recipe, field.name))}, {CHOOSE}")
            for field in fields
            if field.default is None and field.type in (int, float)
        }
        return {
            costs: cost,
            outlook: cards.plan_card(plan, len(stored.used_pairs()), here=target.on == "here"), **chosen,
            **search.foreseen(of_trials, target, searched),
        }

    def begin(arriving: str, set_id: str, *values: Any):
        """Make a run of the form and have it trained."""
        return begun(
            arriving, set_id, values,
            lambda stored, plan, source, target, _: submitted(
                create_run(workspace, stored.used_pairs(), plan.recipe, plan=plan, source=source, target=target)
            ),
            planned,
        )

    def begin_search(arriving: str, set_id: str, *values: Any):
        """Make a search of the form and have its trials trained."""
        return begun(arriving, set_id, values, search.begin, planned_search)

    @told_in(trouble)
    def begun(
        arriving: str, set_id: str, values: Sequence[Any], make: Callable[..., str],
        planned: Callable[..., tuple[StoredSet, Plan]],
    ):
        """What is new on the page once ``make`` has started something as ``planned``; it gives the id of the run to show."""
        require_pairs(arriving, set_id)
        recipe, target, searched = sorted_out(values)
        where.require(target)
        stored, plan = planned(set_id, recipe)
        digest, rows = stored.facts["digest"], len(stored.used_pairs())
        source = {"name": stored.name, "digest": digest, "rows": rows, "set": stored.id}
        new = make(stored, plan, source, target, searched)
        trainer.launch_next()
        return {run_id: new, trouble: "", seen: []}

    def submitted(run: Run) -> str:
        trainer.submit(run)
        return run.id

    def poll(
        set_id: str, shown_run: str, laid_over: list[str], last_seen: list, log_is_open: bool, page: int = 0, last_runs: str = "",
    ):
        """What is new since the last look; nothing is drawn again that did not change."""
        states = known.look()
        run = run_called(workspace, shown_run)
        status = run.status() if run else None
        searches = search.look()
        job = read_record(run) if run else None
        turns = trainer.line() if workspace.house != workspace.root else []  # alone, the runs below say it all
        now = [set_id, shown_run, laid_over, _said(run), [[one.id, status.state] for one, status in states]]
        now += [_moving(job), search.moving(searches), log_is_open, line_cards.moving(turns, workspace), page]
        now += [status and status.state]
        if now == last_seen:
            return {seen: gr.skip()}
        instead = search.cells(searches, shown_run)
        changes: dict[Any, Any] = {seen: now, runs_card: gr.update(visible=bool(states or searches))}
        changes |= {line: line_cards.line_card(turns, workspace), line_card: gr.update(visible=bool(turns))}
        changes |= search.drawn(searches, shown_run, laid_over)
        def listed(front: str, below: str = "") -> dict[Any, Any]:
            """The list of runs, where it is not as it was sent last: it is the largest part, and rarely changes."""
            html = cards.runs_card(states, front, laid_over, instead, page) + below
            return {} if html == last_runs else {runs: html, runs_sent: html}

        if run is None or status is None:
            first = search.first_trial(searches, shown_run)
            return changes | dict.fromkeys((loss_card, held_card, home_card, log_card), gr.update(visible=False)) | {
                front: cards.no_run_card(bool(set_id), searching=shown_run in instead), **listed(""),
                **({run_id: first} if first else {}),
            }
        others = [one for one, _ in states if one.id in laid_over and one.id != shown_run]
        front_and_others = (run, *others)
        loss_chart, held_chart = _drawn(front_and_others, tuple(map(_said, front_and_others)))
        own, figures = curves.look(run)
        waits = status.state == "queued"
        queue = enumerate(trainer.queue(), 1) if waits and not turns else ()
        places = own_places(turns, workspace) if turns else {one.id: place for place, one in queue}
        finished = run.model.exists() and status.state not in ("running", "stopping", "queued")
        return changes | {
            front: cards.run_card(
                run, status, figures, places.get(run.id, 0), explain_end(run, status), job
            ),
            loss: loss_chart,
            held: held_chart,
            **listed(
                shown_run, cards.differences_card([one.id for one in front_and_others], differences(front_and_others))
            ),
            home: cards.take_home_card(run) if finished else "",
            log: f"<pre>{esc(run.log_tail())}</pre>" if log_is_open else "",
            loss_card: gr.update(visible=True),
            held_card: gr.update(visible=own.base_ndcg is not None or bool(others)),
            home_card: gr.update(visible=finished),
            log_card: gr.update(visible=True),
        }

    @told_in(trouble)
    def act(event: gr.EventData):
        """A button of the run's card."""
        run = find_run(workspace, event.run)
        match event.do:
            case "stop":
                trainer.stop(run)
            case "resume":
                trainer.resume(run)
                trainer.launch_next()
            case "half":
                return {run_id: trainer.restart_with(run, {"batch_size": int(event.batch)}).id, seen: []}
            case "delete":
                return {confirm: cards.confirm_delete(run)}
            case "again":
                return {trouble: "", **refill(run)}
        return {seen: [], trouble: ""}

    def refill(run: Run) -> dict[Any, Any]:
        """The form as it was for ``run``."""
        recipe = {"evidence": "held-out", **run.settings().get("recipe", {})}  # from before there were folds
        return {
            **{form[field.name]: typed(recipe.get(field.name, field.default)) for field in fields}, **where.refill(run)
        }

    @told_in(confirm)
    def confirmed(event: gr.EventData, shown_run: str):
        if event.do != "delete-now":
            return {confirm: ""}
        trainer.delete(find_run(workspace, event.run))
        return {
            confirm: "",
            run_id: next((one.id for one in all_runs(workspace)), "") if event.run == shown_run else shown_run,
            seen: [],
        }

    @told_in(search.confirm)
    def act_on_search(event: gr.EventData, shown_run: str):
        """A button of the search's table or of its question."""
        if event.do == "again":
            return refill(find_run(workspace, event.run))
        changes = search.act(event, shown_run)
        new_front = {run_id: changes.pop("front")} if "front" in changes else {}
        return {**changes, **new_front, seen: []}

    def act_on_list(event: gr.EventData):
        """A button of the list of runs: one to bring to the front, or another page."""
        return {page: int(event.page)} if event.do == "page" else {run_id: event.run}

    def lay_over(event: gr.EventData, laid_over: list[str]):
        return [*laid_over, event.run] if event.checked else [one for one in laid_over if one != event.run]

    def push_model(run_id: str, repository: str, token: str):
        from core.runs.take_home import push_to_hub

        try:
            address = push_to_hub(find_run(workspace, run_id), repository, token)
        except WorkbenchError as error:
            return said(error), ""
        return notice("The model is on the Hub.", address, tone="good"), ""

    def losses_for(set_id: str):
        """Only the losses that the data allows, and the models that can be started from."""
        stored = opened_set(workspace, set_id)
        kind = stored.facts["kind"] if stored else "pairs"
        models = [BASE_MODEL, *(run.id for run in trained_runs(workspace))]
        return gr.update(choices=[(CHOOSE, ""), *((one, one) for one in LOSSES[kind])], value=""), gr.update(
            choices=models
        )

    # ---- wiring ---------------------------------------------------------------------------------------------------
    inputs = [set_id, *form.values(), *where.form.values(), *search.inputs]
    boxes = [*form.values(), *where.form.values()]
    live = [front, loss, held, runs, home, log, loss_card, held_card, home_card, runs_card, log_card, line, line_card, seen]
    live += [search.card, search.table, search.confirm, run_id, runs_sent]
    watched = [set_id, run_id, laid_over, seen, reading_log, page, runs_sent]
    gr.on([timer.tick, run_id.change], poll, watched, live, **QUIET)
    log_fold.expand(lambda: True, None, reading_log, **QUIET).then(poll, watched, live, **QUIET)
    log_fold.collapse(lambda: False, None, reading_log, **QUIET)
    without_pairs = [set_id, pairs_tab.arriving, outlook]
    set_id.change(None, without_pairs, outlook, js=_BEFORE_THE_PLAN, **QUIET)
    pairs_tab.arriving.change(None, [*without_pairs, trouble], [outlook, trouble], js=_ARRIVED, **QUIET)
    change_of(set_id)(losses_for, set_id, [form["loss"], form["base_model"]], **QUIET)
    change_of(pairs_tab.changed, *inputs)(
        foresee, inputs, [outlook, costs, *form.values(), search.outlook, *search.boxes.values()], **AGAIN
    ).then(None, without_pairs, outlook, js=_WITHOUT_PAIRS, **QUIET)
    where.wire(timer, lead, [start, search.start])
    pairs_tab.held_out.release(typed, pairs_tab.held_out, form["held_out"], **QUIET)
    start.click(begin, [pairs_tab.arriving, *inputs], [run_id, trouble, seen], **QUIET)
    search.start.click(begin_search, [pairs_tab.arriving, *inputs], [run_id, trouble, seen], **QUIET)
    for view in (search.table, search.confirm):
        view.click(act_on_search, run_id, [run_id, seen, search.confirm, *boxes], **QUIET)
    search.table.input(lay_over, laid_over, laid_over, **QUIET).then(poll, watched, live, **QUIET)
    front.click(act, None, [run_id, seen, confirm, trouble, *boxes], **QUIET)
    confirm.click(confirmed, run_id, [run_id, seen, confirm], **QUIET)
    runs.click(act_on_list, None, [run_id, page], **QUIET).then(poll, watched, live, **QUIET)
    runs.input(lay_over, laid_over, laid_over, **QUIET).then(poll, watched, live, **QUIET)
    push.click(
        push_model, [run_id, repository, token], [pushed, token],
        **{**QUIET, "show_progress": "minimal", "show_progress_on": pushed},
    )
