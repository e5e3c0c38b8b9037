"""The card of the connection to AWS, on the Endpoints tab: who you are, what will be used, what is missing."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from core.aws.choices import Choices
from core.errors import WorkbenchError
from workbench.aws import AwsRoom, Seen
from workbench.cards import connection as cards
from workbench.view import QUIET, html_view
from workbench.words import said

#: What the boxes say where nothing is chosen.
_BY_BOTO3, _BY_PROFILE, _LIKELIEST, _OWN = "As AWS's tools find it", "As the profile says", "The likeliest", "The workbench's own"


class ConnectionCard:
    """The card's parts: ``outputs`` is what ``drawn`` may change."""

    def __init__(self, room: AwsRoom):
        self.room = room
        with gr.Column(elem_classes="card", elem_id="connection"):
            first = Seen(room.seen().choices, doing="Looking at your AWS account …")  # opening the tab begins that
            self.summary = html_view(cards.summary(first), elem_id="connection-so")
            with gr.Accordion("How it is connected", open=False) as self.fold:
                self.facts = html_view(cards.facts(first), elem_id="connection-facts")
                with gr.Row():
                    self.profile = _box("Profile", _BY_BOTO3, "connection-profile")
                    self.region = _box("Region", _BY_PROFILE, "connection-region")
                with gr.Row():
                    self.role = _box("Role that SageMaker acts in", _LIKELIEST, "connection-role")
                    self.bucket = _box("Bucket for data and models", _OWN, "connection-bucket")
                with gr.Row():
                    look = gr.Button("Use these and look again", size="md", scale=0, min_width=220, elem_id="connection-look")
                self.policies = html_view("", elem_id="connection-policies")
        boxes = [self.profile, self.region, self.role, self.bucket]
        self.outputs = [self.summary, self.fold, self.facts, *boxes, self.policies]

        def choose(*values: str) -> str:
            """Look with what the boxes hold; an empty one, or one that was typed with blanks alone, is no choice."""
            room.choose(Choices(*((value or "").strip() or None for value in values)))
            return cards.summary(room.seen())

        def act(event: gr.EventData) -> str:
            if event.do == "make-bucket":
                try:
                    room.make_bucket()
                except WorkbenchError as error:
                    return cards.summary(room.seen()) + said(error)
            return cards.summary(room.seen())

        look.click(choose, boxes, self.summary, **QUIET)
        self.summary.click(act, None, self.summary, **QUIET)

    def drawn(self, seen: Seen, last: list) -> Mapping[Any, Any]:
        """What changes on a page that shows ``last`` (see ``shown``); the boxes keep what is being chosen in them."""
        now = shown(seen)
        if last and now[0] == last[0]:
            return {}
        changes: dict[Any, Any] = {self.summary: cards.summary(seen)}
        if last and now[1] == last[1]:
            return changes
        found, choices = seen.found, seen.choices
        new_choices = not last or now[2] != last[2]
        for box, nothing, offered, chosen in (
            (self.profile, _BY_BOTO3, seen.profiles, choices.profile),
            (self.region, _BY_PROFILE, seen.regions, choices.region),
            (self.role, _LIKELIEST, found.roles if found else (), choices.role),
            (self.bucket, _OWN, (found.bucket,) if found and found.bucket else (), choices.bucket),
        ):
            names = dict.fromkeys([*offered, *([chosen] if chosen else [])])
            value = {"value": chosen or ""} if new_choices else {}
            changes[box] = gr.update(choices=[(nothing, ""), *((name, name) for name in names)], **value)
        if found and found.identity:  # what is missing is shown, what is well is folded away
            changes[self.fold] = gr.update(open=not found.ready)
        return changes | {self.facts: cards.facts(seen), self.policies: cards.policies(found)}


def shown(seen: Seen) -> list:
    """What a page remembers of what it shows: which change, which look, and what was chosen."""
    choices = seen.choices
    return [[seen.version, seen.doing], seen.looked, [choices.profile, choices.region, choices.role, choices.bucket]]


def _box(label: str, nothing: str, elem_id: str) -> gr.Dropdown:
    return gr.Dropdown(
        [(nothing, "")], value="", label=label, allow_custom_value=True, interactive=True, elem_id=elem_id
    )
