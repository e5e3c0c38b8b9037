"""The cards that try an endpoint and show programs that use it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr
import numpy as np

from core.errors import WorkbenchError
from workbench import snippets, trial
from workbench.aws import AwsRoom
from workbench.cards import endpoints as cards
from workbench.deployments import Deployments
from workbench.view import QUIET, html_view
from workbench.words import notice, said

_HEADING = '<h3 class="tight">Use it in a program <span>{}</span></h3>'
_HERE = f"each reads the token from {snippets.TOKEN_VARIABLE}"
_AWS = "boto3 finds your credentials; pip install boto3"


class UseCards:
    """Lays the cards out where they are made: ``trial`` beside the deployment, ``programs`` below. Both follow ``tried``."""

    def __init__(self, deployments: Deployments, room: AwsRoom, tried: gr.Textbox):
        self.deployments, self.room, self.tried = deployments, room, tried

    def trial(self) -> None:
        """One text or two, or a file of texts."""
        with gr.Column(elem_classes="card"):
            self._trying = html_view(cards.no_trial_card(), elem_id="trying")
            with gr.Column(visible=False) as self._form:
                one = gr.Textbox("", label="One text", lines=1, max_lines=4, elem_id="try-one")
                two = gr.Textbox("", label="Another, to compare (may stay empty)", lines=1, max_lines=4, elem_id="try-two")
                with gr.Row():
                    ask = gr.Button("Get the vectors", size="md", elem_id="try")
                    clock = gr.Button(f"Time {trial.CALLS} calls", size="md", elem_id="time-calls")
                self._answer = html_view("", elem_id="answer")
                html_view(
                    f'<p class="soft small">Or a file: each line of a .txt, or the column “text” of a .csv, {trial.MOST_TEXTS:,}'
                    " texts at most.</p>"
                )
                file = gr.UploadButton(
                    "Choose a file of texts", file_types=[".csv", ".txt"], elem_id="texts-file", size="md"
                )
                self._made = html_view("", elem_id="vectors")
        gr.on([ask.click, one.submit, two.submit], self._vectors, [self.tried, one, two], self._answer, **QUIET)
        clock.click(self._timed, [self.tried, one], self._answer, **QUIET)
        file.upload(self._vectors_of_file, [file, self.tried], self._made, **QUIET)

    def programs(self) -> None:
        """Programs to copy, and the token that those for this machine need."""
        with gr.Column(elem_classes="card", visible=False, elem_id="use") as self._use:
            self._title = html_view(_HEADING.format(_HERE))
            self._kind = gr.Radio(
                ["Python", "curl", "LangChain", "LlamaIndex"], value="Python", show_label=False, container=False,
                elem_classes="segmented", elem_id="snippet-kind", interactive=True,
            )
            self._code = html_view("", elem_id="snippet")
            self._token = html_view(cards.hidden_token_card(), elem_id="token")
        shown = [self._form, self._use, self._token, self._answer, self._made, self._trying, self._code, self._title, self._kind]
        self.tried.change(self._show, [self.tried, self._kind], shown, **QUIET)
        self._kind.change(self._program, [self.tried, self._kind], self._code, **QUIET)
        self._token.click(self._show_token, self.tried, self._token, **QUIET)

    def _show(self, name: str, kind: str):
        """The cards of the endpoint that is tried; empty where there is none."""
        endpoint = self.deployments.known(name)
        visible = gr.update(visible=endpoint is not None)
        changes = {self._form: visible, self._use: visible, self._answer: "", self._made: ""}
        if endpoint is None:
            return changes | {self._trying: cards.no_trial_card()}
        offered = snippets.kinds(endpoint)
        kind = kind if kind in offered else offered[0]
        here = endpoint.on == "here"
        return changes | {
            self._trying: cards.trial_card(name), self._kind: gr.update(choices=offered, value=kind),
            self._code: self._program(name, kind), self._title: _HEADING.format(_HERE if here else _AWS),
            self._token: cards.hidden_token_card() if here else "",
        }

    def _program(self, name: str, kind: str) -> str:
        endpoint = self.deployments.known(name)
        if endpoint is None or kind not in snippets.kinds(endpoint):
            return ""
        account = self.room.account()
        place = (account.connection.region, account.connection.profile) if account else ()
        return cards.program_card(snippets.snippet(kind, endpoint, *place))

    def _embed(self, name: str) -> Callable[[Sequence[str]], np.ndarray]:
        """A function from texts to the vectors of a listed endpoint."""
        found = self.deployments.find(name)
        return lambda texts: self.deployments.host.embed(found.name, texts)

    def _vectors(self, name: str, one: str, two: str) -> str:
        texts = [text for text in (one, two) if text.strip()]
        if not texts:
            return notice("There is no text yet.", "", "Write one above.", tone="warn")
        try:
            ask = self._embed(name)
            start = time.perf_counter()
            found = ask(texts)
            took = time.perf_counter() - start
        except WorkbenchError as error:
            return said(error)
        return cards.vectors_card(found, took, trial.cosine(*found) if len(texts) == 2 else None)

    def _timed(self, name: str, one: str) -> str:
        try:
            return cards.latency_card(trial.measure(self._embed(name), one.strip() or "How long does an answer take?"))
        except WorkbenchError as error:
            return said(error)

    def _vectors_of_file(self, path: str, name: str) -> str:
        try:
            texts = trial.read_texts(Path(path), Path(path).name)
            return cards.file_card(trial.vectors_file(self._embed(name), texts, self.deployments.workspace), len(texts))
        except WorkbenchError as error:
            return said(error)

    def _show_token(self, event: gr.EventData, name: str) -> str:
        if event.do != "show":
            return cards.hidden_token_card()
        try:
            return cards.token_card(self.deployments.token(name), snippets.TOKEN_VARIABLE)
        except WorkbenchError as error:
            return said(error)
