"""Several runs laid over each other: what differs between them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.runs.run import Run


@dataclass(frozen=True)
class Difference:
    """One thing in which the runs differ: its name on the screen, and one text a run in the order given."""

    label: str
    values: tuple[str, ...]


def differences(runs: Sequence[Run]) -> list[Difference]:
    """What differs between the runs: data, base model and recipe settings, in the order of the form.

    One run, or runs that are all alike, give an empty list. What a damaged or older recipe lacks shows as “?”.
    """
    from core.recipe import form_fields

    settings = [run.settings() for run in runs]
    recipes = [_part(one, "recipe") for one in settings]
    rows = [
        ("Data", [_part(one, "source").get("digest") for one in settings],
         [_part(one, "source").get("name") for one in settings]),
        ("Rows", [_part(one, "source").get("rows") for one in settings], None),
        *((field.label, [recipe.get(field.name) for recipe in recipes], None) for field in form_fields()),
    ]
    return [
        Difference(label, tuple(map(_text, shown or values)))
        for label, values, shown in rows
        if len({json.dumps(value) for value in values}) > 1
    ]


def _part(settings: dict[str, Any], name: str) -> dict[str, Any]:
    part = settings.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: Any) -> str:
    match value:
        case None:
            return "?"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
