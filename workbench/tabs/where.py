"""Where a run trains: the choice in the Train tab's settings, with machine, price and limits."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.aws.prices import TRAINING_TYPES, Price
from core.errors import WorkbenchError
from core.plan import Plan
from core.recipe import form_fields
from core.runs.run import Run
from core.runs.target import Target, estimate, make_target, target_of
from workbench.aws import AwsRoom
from workbench.cards import where as cards
from workbench.tabs.fields import form_component, typed
from workbench.view import QUIET, change_of, html_view


class WherePart:
    """Its pieces of the tab; ``lay_out`` is called inside the card of the settings."""

    def __init__(self, room: AwsRoom):
        self._room = room
        self._fields = form_fields(Target)

    def lay_out(self) -> None:
        """The choice, and what belongs to SageMaker alone below it."""
        first, *rented = self._fields
        self.form = {first.name: form_component(first)}
        with gr.Column(visible=False, elem_id="rented") as self.rented:
            self.account = html_view(cards.account_card(self._room.seen()), elem_id="train-account")
            self.form |= {field.name: form_component(field) for field in rented if not field.advanced}
            with gr.Accordion("More about the machine", open=False):
                self.form |= {field.name: form_component(field) for field in rented if field.advanced}

    def wire(self, timer: gr.Timer, lead: gr.HTML, start: Sequence[gr.Button]) -> None:
        """Show what belongs to the place that is chosen; the first choice of SageMaker has the account looked at."""
        on, spot, types = (self.form[name] for name in ("on", "spot", "instance_type"))
        shown = gr.State([])

        def choose(place: str):
            if place == "sagemaker":
                self._room.open()
            return {self.rented: gr.update(visible=place == "sagemaker"), lead: cards.lead(place), shown: []}

        def look(place: str, spot: bool, last: list):
            """What the room has learned: the account, prices and quotas."""
            seen = self._room.seen()
            now = [place, spot, seen.version]
            if now == last:
                return {shown: gr.skip()}
            can = gr.update(interactive=place == "here" or not seen.why_not)
            changes = {shown: now, **dict.fromkeys(start, can)}
            if place == "here":
                return changes
            kind = "spot" if spot else "training"
            machines = [
                (cards.machine(one, self._room.price(one, "training"), seen.quotas.of(one, kind)), one)
                for one in TRAINING_TYPES
            ]
            return changes | {self.account: cards.account_card(seen), types: gr.update(choices=machines)}

        outputs = [shown, self.account, types, *start]
        change_of(on)(choose, on, [self.rented, lead, shown], **QUIET).then(look, [on, spot, shown], outputs, **QUIET)
        gr.on([timer.tick, change_of(spot)], look, [on, spot, shown], outputs, **QUIET)

    def asked(self, values: Sequence[Any]) -> Target:
        """The target that the form asks for; here, whatever stands in the hidden boxes.

        Raises:
            WorkbenchError: as ``core.runs.target.make_target``.
        """
        given = dict(zip(self.form, values, strict=True))
        if given["on"] == "here":
            return Target()
        return make_target({name: value for name, value in given.items() if value is not None and value != ""})

    def require(self, target: Target) -> None:
        """Go on only where ``target`` can be used now.

        Raises:
            WorkbenchError: it is SageMaker, and there is no account.
        """
        if target.on == "sagemaker" and (why := self._room.seen().why_not):
            raise WorkbenchError("SageMaker cannot be used now.", why, "Look at the connection to AWS on the Endpoints tab.")

    def outlook(self, target: Target, plan: Plan) -> str:
        """What it will cost, as HTML; "" here.

        Raises:
            WorkbenchError: as ``core.runs.target.estimate``.
        """
        if target.on == "here":
            return ""
        price = self.price(target)
        kind = "spot" if target.spot else "training"
        note = cards.quota_note(target, self._room.seen().quotas.of(target.instance_type, kind), f"{kind} jobs")
        return cards.cost_card(estimate(target, plan, price), price, note)

    def price(self, target: Target) -> Price | None:
        """Of an hour of one of its instances, as far as it is known now."""
        return self._room.price(target.instance_type, "training")

    def refill(self, run: Run) -> dict[Any, Any]:
        """The form as it was for ``run``."""
        target = target_of(run)
        return {self.form[field.name]: typed(getattr(target, field.name)) for field in self._fields}
