"""The card that deploys a model: which one, where, on what and for how long, with its cost before the button."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from core.aws.prices import HOSTING_TYPES
from core.endpoints.host import DeploySpec, Scaling
from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.runs.run import trained_runs
from core.workspace import Workspace
from workbench.aws import AwsRoom, Seen
from workbench.cards import deploy as cards
from workbench.cards.endpoints import tasks_card
from workbench.deployments import Deployments
from workbench.view import AGAIN, QUIET, change_of, heading, hidden_number, html_view
from workbench.words import said

#: How long an endpoint lives unless it is extended, in hours; 0 is "until I delete it" (a box cannot hold None).
LIFETIMES = [("1 hour", 1), ("8 hours", 8), ("24 hours", 24), ("Until I delete it", 0)]
DEFAULT_HOURS = 8
_MEMORY = [(f"{gb} GB", gb * 1024) for gb in range(1, 7)]


class DeployCard:
    """The card's parts: ``outputs`` is what ``drawn`` may change, ``deploying`` shows the steps of what goes on."""

    def __init__(self, workspace: Workspace, deployments: Deployments, room: AwsRoom, tab: gr.Tab, seen: gr.State):
        usual = DeploySpec("here", DEFAULT_HOURS)
        with gr.Column(elem_classes="card"):
            heading("Deploy a model")
            model = gr.Dropdown([BASE_MODEL], value=BASE_MODEL, label="Model", interactive=True, elem_id="deploy-model")
            where = gr.Radio(
                cards.PLACES, value="here", label="Where", elem_classes="segmented", elem_id="deploy-where", interactive=True
            )
            about = html_view(cards.about("here", ""), elem_id="deploy-about")
            with gr.Column(visible=False, elem_classes="apart") as machines:
                with gr.Row():
                    instance = gr.Dropdown(
                        list(HOSTING_TYPES), value=usual.instance_type, label="Machine", interactive=True, scale=3, min_width=250,
                        elem_id="deploy-instance",
                    )
                    number = gr.Number(
                        usual.count, label="How many", precision=0, minimum=1, scale=1, min_width=90, elem_id="deploy-count"
                    )
                with gr.Accordion("More machines when more calls come", open=False):
                    grow = gr.Checkbox(
                        False, label="Change their number with the calls that each gets", elem_id="deploy-grow"
                    )
                    with gr.Row():
                        least = gr.Number(1, label="At least", precision=0, minimum=1, min_width=90, elem_id="deploy-least")
                        most = gr.Number(2, label="At most", precision=0, minimum=1, min_width=90, elem_id="deploy-most")
                        calls = gr.Number(
                            600, label="Calls a minute", precision=0, minimum=1, min_width=90, elem_id="deploy-calls"
                        )
            with gr.Row(visible=False) as serverless:
                memory = gr.Dropdown(_MEMORY, value=usual.memory_mb, label="Memory", interactive=True, elem_id="deploy-memory")
                at_once = gr.Number(
                    usual.concurrency, label="Calls at a time", precision=0, minimum=1, maximum=200, elem_id="deploy-at-once"
                )
            hours = gr.Radio(
                LIFETIMES, value=DEFAULT_HOURS, label="Deletes itself after", elem_classes="segmented", elem_id="deploy-hours",
                interactive=True,
            )
            cost = html_view("", elem_id="deploy-cost")
            keep = gr.Checkbox(False, label="Yes, keep it until I delete it", visible=False, elem_id="deploy-keep")
            deploy = gr.Button("Deploy", variant="primary", elem_id="deploy")
            self.deploying = html_view("", elem_id="deploying")
        newest = gr.State("")
        self._known = hidden_number("What is known of the prices")
        self._instance = instance
        self._room = room
        self.outputs = [self._known, instance]
        form = [where, hours, instance, number, grow, least, most, calls, memory, at_once]

        def models(newest: str):
            """The models that can be deployed; the newest run is chosen when there is a new one."""
            choices = [*(run.id for run in trained_runs(workspace)), BASE_MODEL]
            if choices[0] == newest:
                return gr.update(choices=choices), newest
            return gr.update(choices=choices, value=choices[0]), choices[0]

        def reckon(*values):
            """What the chosen place is and asks for, and what it costs."""
            on, known = values[0], room.seen()
            why_not = "" if on == "here" else known.why_not
            changes = {
                about: cards.about(on, why_not), machines: gr.update(visible=on in ("sagemaker", "tei") and not why_not),
                serverless: gr.update(visible=on == "serverless" and not why_not), deploy: gr.update(interactive=not why_not),
                cost: "", keep: gr.update(visible=False),
            }
            if why_not:
                return changes
            try:
                spec = spec_of(*values)
            except WorkbenchError as error:
                return changes | {cost: said(error)}
            price = room.price(spec.instance_type, "hosting")
            forever = spec.hours is None and spec.on in ("sagemaker", "tei")
            return changes | {
                cost: cards.cost_card(spec, price) + cards.quota_note(spec, known.quotas),
                keep: gr.update(visible=forever, label=cards.keep_label(spec, price)) if forever else gr.update(visible=False),
            }

        def begin(model: str, keep: bool, *values):
            """Have the chosen model deployed."""
            try:
                spec = spec_of(*values)
                if spec.on != "here" and (why_not := room.seen().why_not):
                    raise WorkbenchError("Nothing was deployed.", why_not, "Look at the connection below.")
                if spec.hours is None and spec.on in ("sagemaker", "tei") and not keep:
                    raise WorkbenchError(
                        "Nothing was deployed.", "This endpoint would cost money until you delete it.",
                        "Say yes to that above the button, or choose after how long it deletes itself.",
                    )
                deployments.deploy(model or "", spec)
            except WorkbenchError as error:
                return {self.deploying: said(error), seen: []}
            return {self.deploying: tasks_card(deployments.recent("deploy")), seen: []}

        tab.select(models, newest, [model, newest], **QUIET)
        change_of(self._known, *form)(reckon, form, [about, machines, serverless, deploy, cost, keep], **AGAIN)
        deploy.click(begin, [model, keep, *form], [self.deploying, seen], **QUIET)

    def drawn(self, known: Seen, last: list) -> Mapping[Any, Any]:
        """What changes with what is known of the connection: prices and quotas, and whether SageMaker can be used."""
        if last and known.version == last[0]:
            return {}
        labels = [
            (cards.type_label(one, self._room.price(one, "hosting"), known.quotas), one) for one in HOSTING_TYPES
        ]
        return {self._known: known.version, self._instance: gr.update(choices=labels)}


def spec_of(
    on: str, hours: float, instance_type: str, count: float | None, grow: bool, least: float | None, most: float | None,
    calls: float | None, memory_mb: int, concurrency: float | None,
) -> DeploySpec:
    """What a filled form asks for.

    Raises:
        WorkbenchError: a number is missing or cannot be meant.
    """
    if on not in [value for _, value in cards.PLACES]:
        raise WorkbenchError("No such place.", "", "Choose one of the four.")
    lifetime = hours or None
    if on == "here":
        return DeploySpec("here", lifetime)
    if on == "serverless":
        return DeploySpec("serverless", lifetime, memory_mb=int(memory_mb), concurrency=_whole(concurrency, "Calls at a time", 200))
    if instance_type not in HOSTING_TYPES:
        raise WorkbenchError("No such machine.", "", "Choose one of the list.")
    number, scaling = _whole(count, "How many"), None
    if grow:
        scaling = Scaling(_whole(least, "At least"), _whole(most, "At most"), _whole(calls, "Calls a minute", 10**6))
        if scaling.most < scaling.least:
            raise WorkbenchError("“At most” is below “At least”.", "", "Change one of them.")
        number = min(max(number, scaling.least), scaling.most)
    return DeploySpec(on, lifetime, instance_type=instance_type, count=number, scaling=scaling)


def _whole(value: float | None, label: str, most: int = 100) -> int:
    if value is None or not 1 <= value <= most or value != int(value):
        raise WorkbenchError(f"“{label}” is not a number that can be used.", f"It goes from 1 to {most:,}.", "Change it.")
    return int(value)
