"""Form elements made of declared fields, those of the recipe and of the place where it trains."""

from typing import Any

import gradio as gr

from core.models import BASE_MODEL
from core.recipe import FormField

_CHOICES = {
    "on": [("This machine", "here"), ("SageMaker", "sagemaker")],
    "evidence": [("Chosen for you", ""), ("Five folds", "five folds"), ("One held-out part", "held-out")],
    "effort": [("Quick", "quick"), ("Thorough", "thorough")],
    "goal": [("Order of results", "order"), ("High scores", "scores")],
}
CHOOSE = "chosen for you"


def form_component(field: FormField) -> gr.components.Component:
    """The form element of a field; empty means that the workbench chooses, or that there is none."""
    common = {"label": field.label, "info": field.help, "interactive": True, "elem_id": f"set-{field.name}"}
    if field.name in _CHOICES:
        return gr.Radio(_CHOICES[field.name], value=typed(field.default), elem_classes="segmented", **common)
    if field.name == "base_model":
        return gr.Dropdown([BASE_MODEL], value=BASE_MODEL, allow_custom_value=True, **common)
    if field.choices and field.default is None:
        return gr.Dropdown([(CHOOSE, ""), *((choice, choice) for choice in field.choices)], value="", **common)
    if field.choices:
        return gr.Dropdown(list(field.choices), value=field.default, **common)
    if field.type is bool:
        return gr.Checkbox(value=field.default, **common)
    # a text box: an emptied number box would say 0, and 0 is not "choose for me"
    return gr.Textbox(value=typed(field.default), placeholder=_PLACEHOLDERS.get(field.name, CHOOSE), max_lines=1, **common)


#: What an empty box means where it is not the workbench that chooses.
_PLACEHOLDERS = {
    "matryoshka_dims": "full length only", "max_dollars": "no limit", "subnets": "SageMaker's own network",
    "security_groups": "none", "kms_key": "AWS's own keys", "tags": "none of your own",
}


def typed(value: Any) -> Any:
    """A declared value as the form shows it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value) if type(value) is int else value
