"""The Endpoints tab: deploy a model, try it, use it elsewhere, and leave nothing behind."""

import time
from pathlib import Path

import gradio as gr

from core.endpoints.host import DeploySpec
from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.runs.run import trained_runs
from core.workspace import Workspace
from workbench import trial
from workbench.cards import endpoints as cards
from workbench.deployments import Deployments
from workbench.snippets import SNIPPETS, TOKEN_VARIABLE
from workbench.view import QUIET, heading, hidden_text, html_view
from workbench.words import notice

#: How long an endpoint lives unless it is extended, in hours; 0 is "until I delete it" (a box cannot hold None).
LIFETIMES = [("1 hour", 1), ("8 hours", 8), ("24 hours", 24), ("Until I delete it", 0)]
DEFAULT_HOURS = 8
#: What an endpoint gets more by "Extend", in hours.
EXTEND_HOURS = 8
#: Stands for all endpoints where a name is asked for (no name can hold a star), and what is typed to delete them all.
EVERYTHING, EVERYTHING_TYPED = "*", "delete all"
_WHERE = [("Here, on this machine", "here")]


#: After "Delete" was pressed, the keyboard is where the name is typed.
_TO_THE_QUESTION = "() => setTimeout(() => document.querySelector('#typed-name :is(input, textarea)')?.focus(), 150)"


def said(error: WorkbenchError) -> str:
    """The error as a message on the page."""
    return notice(error.what, error.why, error.what_to_do)


def build(workspace: Workspace, deployments: Deployments, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    timer = gr.Timer(1.0)
    seen = gr.State([])
    newest = gr.State("")
    tried = hidden_text("Endpoint that is tried")
    doomed = hidden_text("Endpoint that may be deleted")
    html_view(
        '<h2 class="title">Endpoints</h2><p class="lead">An endpoint lets other programs use your model. On this machine it is'
        " free, and unless you say otherwise it deletes itself.</p>"
    )
    with gr.Column(elem_classes="card"):
        so = html_view(cards.first_sentence([]), elem_id="endpoints-so")
        listed = html_view("", elem_id="endpoints")
        trouble = html_view("", elem_id="endpoints-trouble")
        with gr.Column(visible=False, elem_id="confirm-delete") as confirm:
            question = html_view("")
            typed = gr.Textbox("", label="Its name", max_lines=1, elem_id="typed-name")
            with gr.Row():
                sure = gr.Button("Delete for good", variant="stop", size="md", elem_id="delete-now")
                keep = gr.Button("Keep it", size="md", elem_id="keep")
        deleting = html_view("", elem_id="deleting")
    with gr.Row(elem_classes="grid-half"):
        with gr.Column(elem_classes="card"):
            heading("Deploy a model")
            model = gr.Dropdown([BASE_MODEL], value=BASE_MODEL, label="Model", interactive=True, elem_id="deploy-model")
            where = gr.Radio(
                _WHERE, value="here", label="Where", elem_classes="segmented", elem_id="deploy-where", interactive=True
            )
            html_view(
                '<p class="soft small">Amazon SageMaker adds an address that is reached from anywhere, and machines that grow'
                " with the calls. It costs money for as long as it runs.</p>"
            )
            hours = gr.Radio(
                LIFETIMES, value=DEFAULT_HOURS, label="Deletes itself after", elem_classes="segmented", elem_id="deploy-hours",
                interactive=True,
            )
            deploy = gr.Button("Deploy", variant="primary", elem_id="deploy")
            deploying = html_view("", elem_id="deploying")
        with gr.Column(elem_classes="card"):
            trying = html_view(cards.no_trial_card(), elem_id="trying")
            with gr.Column(visible=False) as trial_form:
                one = gr.Textbox("", label="One text", lines=1, max_lines=4, elem_id="try-one")
                two = gr.Textbox("", label="Another, to compare (may stay empty)", lines=1, max_lines=4, elem_id="try-two")
                with gr.Row():
                    ask = gr.Button("Get the vectors", size="md", elem_id="try")
                    clock = gr.Button(f"Time {trial.CALLS} calls", size="md", elem_id="time-calls")
                answer = html_view("", elem_id="answer")
                html_view(
                    f'<p class="soft small">Or a file: each line of a .txt, or the column “text” of a .csv, {trial.MOST_TEXTS:,}'
                    " texts at most.</p>"
                )
                file = gr.UploadButton(
                    "Choose a file of texts", file_types=[".csv", ".txt"], elem_id="texts-file", size="md"
                )
                made = html_view("", elem_id="vectors")
    with gr.Column(elem_classes="card", visible=False, elem_id="use") as use_card:
        heading("Use it in a program", f"each reads the token from {TOKEN_VARIABLE}")
        kind = gr.Radio(list(SNIPPETS), value="Python", show_label=False, container=False, elem_classes="segmented",
                        elem_id="snippet-kind", interactive=True)
        code = html_view("", elem_id="snippet")
        token = html_view(cards.hidden_token_card(), elem_id="token")

    # ---- handlers -------------------------------------------------------------------------------------------------
    def models(newest: str):
        """The models that can be deployed; the newest run is chosen when there is a new one."""
        runs = [run.id for run in trained_runs(workspace)]
        choices = [*runs, BASE_MODEL]
        if choices[0] == newest:
            return gr.update(choices=choices), newest
        return gr.update(choices=choices, value=choices[0]), choices[0]

    def poll(name: str, last: list):
        """What is new since the last look; nothing is drawn again that did not change."""
        endpoints = deployments.endpoints()
        drawn = {
            so: cards.first_sentence(endpoints),
            listed: cards.list_card(endpoints),
            deploying: cards.tasks_card(deployments.recent("deploy")),
            deleting: cards.tasks_card(deployments.recent("delete")),
        }
        ready = [endpoint.name for endpoint in endpoints if endpoint.state == "Ready"]
        now = [*drawn.values(), ready]
        if now == last:
            return {seen: gr.skip()}
        chosen = name if name in ready else next(iter(ready), "")
        return {seen: now, **drawn} | ({tried: chosen} if chosen != name else {})

    def begin(model: str, where: str, hours: int):
        """Have the chosen model deployed."""
        try:
            deployments.deploy(model or "", DeploySpec(where, hours or None))
        except WorkbenchError as error:
            return {deploying: said(error), seen: []}
        return {deploying: cards.tasks_card(deployments.recent("deploy")), seen: []}

    def act(event: gr.EventData):
        """A button of the list."""
        if event.do == "delete-all":
            return {doomed: EVERYTHING, trouble: "", **asking(cards.confirm_all(deployments.endpoints(), EVERYTHING_TYPED))}
        try:
            endpoint = deployments.find(event.name)
            if event.do == "try":
                return {tried: endpoint.name, trouble: ""}
            if event.do == "extend":
                deployments.extend(endpoint, EXTEND_HOURS)
                return {seen: [], trouble: ""}
            return {doomed: endpoint.name, trouble: "", **asking(cards.confirm_one(endpoint))}
        except WorkbenchError as error:
            return {trouble: said(error), seen: []}

    def asking(words: str) -> dict:
        return {confirm: gr.update(visible=bool(words)), question: words, typed: ""}

    def delete(doomed_name: str, typed_name: str):
        """Delete what was asked about, if its name was typed."""
        wanted = EVERYTHING_TYPED if doomed_name == EVERYTHING else doomed_name
        if not doomed_name or typed_name.strip() != wanted:
            return {trouble: notice("Nothing was deleted.", f"Type “{wanted}” to delete it.", tone="warn")}
        try:
            deployments.delete_all() if doomed_name == EVERYTHING else deployments.delete(doomed_name)
        except WorkbenchError as error:
            return {trouble: said(error), seen: [], **asking("")}
        return {trouble: "", seen: [], doomed: "", **asking("")}

    def forget():
        return {doomed: "", trouble: "", **asking("")}

    def show_trial(name: str, kind: str):
        """The card of the endpoint that is tried, and its programs."""
        visible = gr.update(visible=bool(name))
        shown = {trial_form: visible, use_card: visible, token: cards.hidden_token_card(), answer: "", made: ""}
        shown |= {trying: cards.trial_card(name) if name else cards.no_trial_card()}
        return shown | ({code: program(name, kind)} if name else {})

    def program(name: str, kind: str):
        try:
            address = deployments.find(name).address
        except WorkbenchError as error:
            return said(error)
        return cards.program_card(SNIPPETS[kind](address)) if kind in SNIPPETS else ""

    def embed(name: str):
        """A function from texts to the vectors of a listed endpoint."""
        found = deployments.find(name)
        return lambda texts: deployments.host.embed(found.name, texts)

    def vectors(name: str, one: str, two: str):
        texts = [text for text in (one, two) if text.strip()]
        if not texts:
            return notice("There is no text yet.", "", "Write one above.", tone="warn")
        try:
            ask = embed(name)
            start = time.perf_counter()
            found = ask(texts)
            took = time.perf_counter() - start
        except WorkbenchError as error:
            return said(error)
        return cards.vectors_card(found, took, trial.cosine(*found) if len(texts) == 2 else None)

    def timed(name: str, one: str):
        try:
            return cards.latency_card(trial.measure(embed(name), one.strip() or "How long does an answer take?"))
        except WorkbenchError as error:
            return said(error)

    def vectors_of_file(path: str, name: str):
        try:
            texts = trial.read_texts(Path(path), Path(path).name)
            return cards.file_card(trial.vectors_file(embed(name), texts, workspace), len(texts))
        except WorkbenchError as error:
            return said(error)

    def show_token(event: gr.EventData, name: str):
        if event.do != "show":
            return cards.hidden_token_card()
        try:
            return cards.token_card(deployments.token(name), TOKEN_VARIABLE)
        except WorkbenchError as error:
            return said(error)

    # ---- wiring ---------------------------------------------------------------------------------------------------
    live = [so, listed, deploying, deleting, tried, seen]
    asked = [confirm, question, typed, doomed, trouble, seen]
    gr.on([timer.tick, tab.select], poll, [tried, seen], live, **QUIET)
    tab.select(models, newest, [model, newest], **QUIET)
    deploy.click(begin, [model, where, hours], [deploying, seen], **QUIET)
    listed.click(act, None, [*asked, tried], **QUIET).then(None, None, None, js=_TO_THE_QUESTION, **QUIET)
    gr.on([sure.click, typed.submit], delete, [doomed, typed], asked, **QUIET)
    keep.click(forget, None, asked, **QUIET)
    tried.change(show_trial, [tried, kind], [trial_form, use_card, token, answer, made, trying, code], **QUIET)
    kind.change(program, [tried, kind], code, **QUIET)
    gr.on([ask.click, one.submit, two.submit], vectors, [tried, one, two], answer, **QUIET)
    clock.click(timed, [tried, one], answer, **QUIET)
    token.click(show_token, tried, token, **QUIET)
    file.upload(vectors_of_file, [file, tried], made, **QUIET)
