"""Composes the tabs into one page and the page into a web app, with the few routes that are not Gradio's."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by gradio when it is imported

import gradio as gr
from fastapi import FastAPI

from core.endpoints.hosts import Hosts
from core.pairs.store import damaged_sets, list_sets
from core.runs.run import all_runs
from core.runs.trainers import Trainers
from core.search.remote import SageMakerSearches
from core.search.search import all_searches
from core.workspace import Workspace, person
from workbench import background, downloads, plotly_view
from workbench.along import linked_models
from workbench.arriving import PAGE, arrived, arriving_text
from workbench.aws import AwsRoom
from workbench.cards import pairs as pair_cards
from workbench.cards.banner import banner
from workbench.deployments import Deployments
from workbench.page import Page
from workbench.sessions import remember_little
from workbench.tabs import compare, endpoints, pairs, train
from workbench.theme import STYLE, theme
from workbench.view import QUIET, change_of, hidden_text, html_view
from workbench.words import esc, notice

#: The largest file that an upload may be.
MAX_UPLOAD = "2gb"

_LINK = """(set_id, run_id) => {
  const url = new URL(location);
  for (const [name, id] of [['set', set_id], ['run', run_id]]) id ? url.searchParams.set(name, id) : url.searchParams.delete(name);
  history.replaceState(null, '', url);
}"""

#: The tab in front lies in the address, so that a refresh comes back to it. An address that names two models and no tab is a
#: link to their comparison. Answered in the browser, for a tab that came with the server's answer could replace one chosen
#: meanwhile; and asked of the address that was opened, for the first tab puts itself into the one of now.
_FIRST_TAB = """() => {
  const asked = new URL(performance.getEntriesByType('navigation')[0].name).searchParams, named = asked.get('tab');
  const tab = ['train', 'compare', 'endpoints'].find(one => one === named)
    || (!named && asked.get('base') && asked.get('tuned') && 'compare');
  const now = new URL(location).searchParams.get('tab');
  const chosen = now && now !== named && now !== 'pairs';
  return tab && !chosen ? {__type__: 'update', selected: tab} : {__type__: 'update'};
}"""

#: Asked of the page once it has drawn, not of the event: that of the first tab comes late when another is opened at once.
_TAB = """() => setTimeout(() => {
  const front = document.querySelector('#tabs [role=tab][aria-selected=true]'), url = new URL(location);
  if (front) url.searchParams.set('tab', front.textContent.trim().toLowerCase());
  history.replaceState(null, '', url);
})"""

_SWITCH_THEME = """() => {
  const dark = !document.body.classList.contains('dark');
  document.body.classList.toggle('dark', dark);
  document.documentElement.classList.toggle('dark', dark);
  try { localStorage.setItem('workbench-theme', dark ? 'dark' : 'light'); } catch (error) { }
  const url = new URL(location);
  url.searchParams.set('__theme', dark ? 'dark' : 'light');
  history.replaceState(null, '', url);
}"""


def masthead(set_name: str | None, model_name: str | None, running: str = "") -> str:
    """The line above the tabs: whose page this is, what is being worked on, and which endpoints run (as HTML)."""
    parts = [f"{label} <b>{esc(name)}</b>" for label, name in (("Pairs", set_name), ("Model", model_name)) if name]
    who = (
        f'<form class="who" method="post" action="sign-out"><span>Signed in as <b>{esc(person())}</b></span>'
        '<button class="switch" data-key="sign-out">Sign out</button></form>'
    ) if person() else ""
    return (
        '<div class="brand"><i></i><i></i>Embedding Workbench</div>'
        f'<div class="context">{" &nbsp;·&nbsp; ".join(parts)}</div>{running}{who}'
        '<button class="switch" data-do="theme" data-key="theme">Light or dark</button>'
    )


def from_link(asked: str, there: Sequence[str], what: str) -> tuple[str, str]:
    """Which id the page opens, and a notice where the link asks for one that is not there.

    Args:
        asked: the id in the link, "" for none.
        there: the ids of the workspace, newest first.
        what: what they are the ids of, in a word.
    """
    newest = next(iter(there), "")
    if not asked or asked in there:
        return asked or newest, ""
    why = f"“{asked[:80]}” was deleted, or the link belongs to another workspace."
    instead = f"You see “{newest}” instead, the newest {what}." if newest else ""
    return newest, notice(f"This workspace does not hold the {what} of your link.", why, instead, tone="warn")


def models_of_link(asked: Mapping[str, str], workspace: Workspace) -> tuple[str, str]:
    """The two models that the link names, as JSON ("" for none), and a notice where one of them is not there."""
    names = asked.get("base", ""), asked.get("tuned", "")
    if not all(names):
        return "", ""
    models = linked_models(*names, workspace)
    if all(models):
        return json.dumps(models), ""
    missing = next(name for name, there in zip(names, models, strict=True) if not there)
    why = f"“{missing[:80]}” is not a run of this workspace that has a model."
    return "", notice("The comparison of your link cannot be opened.", why, "Choose two models on the Compare tab.", tone="warn")


def build_page(workspace: Workspace, trainer: Trainers, deployments: Deployments, room: AwsRoom) -> gr.Blocks:
    """The page: masthead and tabs around two ids that live in the link, the pair set and the run."""
    with Page(title="Embedding Workbench", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        # Text boxes, not gr.State: the link's script has to read them. What they hold is checked wherever it is used.
        set_id = hidden_text("Pair set", elem_id="set-id")
        run_id = hidden_text("Run", elem_id="run-id")
        top = html_view(masthead(None, None), elem_classes="masthead")
        absent = html_view("", elem_id="absent")
        arriving = arriving_text()
        linked = hidden_text("Models that the link names", elem_id="linked")
        first = gr.State([])  # the ids that the page was opened with
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Pairs", id="pairs"):
                pairs_tab = pairs.build(workspace, set_id, arriving)
            with gr.Tab("Train", id="train"):
                train.build(workspace, trainer, room, set_id, run_id, pairs_tab)
            with gr.Tab("Compare", id="compare") as on_compare:
                compare.build(workspace, set_id, run_id, linked, on_compare)
            with gr.Tab("Endpoints", id="endpoints") as on_endpoints:
                endpoints.build(workspace, deployments, room, on_endpoints)
        look = gr.Timer(5.0)

        def opened(request: gr.Request) -> tuple[str, str, str, list[str], str, str]:
            """The set and run of the link, else the newest ones: a refresh or a restart never shows an empty desk."""
            background.warm_up()
            background.after_the_page(room.wake)
            sets = [stored.id for stored in list_sets(workspace)]
            runs = [*(run.id for run in all_runs(workspace)), *(search.id for search in all_searches(workspace))]
            set_id, no_set = from_link(request.query_params.get("set", ""), sets, "pair set")
            run_id, no_run = from_link(request.query_params.get("run", ""), runs, "run")
            models, no_models = models_of_link(request.query_params, workspace)
            damaged = damaged_sets(workspace)
            if asked := next((one for one in damaged if one.set_id == request.query_params.get("set")), None):
                no_set = notice(asked.what, "See under File on the Pairs tab what can be done.")
            words = no_set + no_run + no_models
            return set_id, run_id, words, [set_id, run_id], models, pair_cards.damaged_card(damaged)

        def named(set_id: str, run_id: str, opened_with: list[str]) -> tuple[str, Any]:
            """The masthead; what was missing when the page opened matters until something else is chosen."""
            return titled(set_id, run_id), gr.skip() if [set_id, run_id] == opened_with else ""

        def titled(set_id: str, run_id: str, shown: str = "") -> Any:
            names = {stored.id: stored.name for stored in list_sets(workspace)}
            unseen = deployments.trouble or room.trouble()
            trainings = trainer.running_costs()
            costs = banner(deployments.endpoints(), deployments.leftovers(), unseen, trainings, deployments.heard)
            now = masthead(names.get(set_id), run_id or None, costs)
            return gr.skip() if now == shown else now

        page.load(None, None, tabs, js=_FIRST_TAB, **QUIET)
        gr.on([tabs.change, tabs.select], None, None, None, js=_TAB, **QUIET)
        told = [set_id, run_id, absent, first, linked, pairs_tab.damaged]
        arrived(arriving, PAGE, page.load(opened, None, told, **QUIET))
        change_of(set_id, run_id)(named, [set_id, run_id, first], [top, absent], **QUIET)
        gr.on([look.tick, on_endpoints.select], titled, [set_id, run_id, top], top, **QUIET)
        gr.on([set_id.change, run_id.change], None, [set_id, run_id], None, js=_LINK, **QUIET)
        top.click(None, None, None, js=_SWITCH_THEME, **QUIET)
    return page


def build_app(workspace: Workspace, *, root_path: str = "") -> FastAPI:
    """The whole web app over one workspace; starts the threads that move the queue and end endpoints in time."""
    room = AwsRoom(workspace)
    trainer = Trainers(workspace, room.account)
    background.keep_queue_moving(trainer)
    background.keep_remote_runs_fresh(trainer, SageMakerSearches(workspace, room.account))
    host = Hosts(workspace, room.account_to_look_at)
    deployments = Deployments(workspace, host)
    background.keep_endpoints_swept(host, renew=room.look)
    background.keep_uploads_swept(workspace.uploads)
    app = FastAPI(title="Embedding Workbench", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    downloads.add_routes(app, workspace)
    plotly_view.serve_assets()
    page = build_page(workspace, trainer, deployments, room)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name="127.0.0.1",
        root_path=root_path or None,
        max_file_size=MAX_UPLOAD,
        ssr_mode=False,
        footer_links=[],
        run_history=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        theme=theme(),
        css_paths=STYLE,
    )
    remember_little(app, page)
    return app
