"""What to train, declared once: the form, its limits and help, the ``--set`` flags, the JSON and a SageMaker job's
hyperparameters all come from this one class.

A field that is None is chosen by ``core.plan`` from the data and the machine; ``recipe.json`` of a run always holds the
chosen value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from core.errors import WorkbenchError

Loss = Literal[
    "MultipleNegativesRanking", "CachedMultipleNegativesRanking", "CoSENT", "AnglE", "OnlineContrastive"
]


def _split_dims(value: Any) -> Any:
    """Dimensions typed as ``384, 128 64`` become a tuple; nothing typed means none."""
    if isinstance(value, str):
        return tuple(part for part in value.replace(",", " ").split())
    return () if value is None else value


def _blank_is_none(value: Any) -> Any:
    """An emptied form field or ``--set name=`` means: choose for me."""
    return None if isinstance(value, str) and value.strip() == "" else value


def _ask(kind: Any, label: str, help: str, *, advanced: bool = True, chosen: bool = False, **limits: Any) -> Any:
    """The type of one field with its form: ``chosen`` allows None, which means "choose for me"."""
    bounded = Annotated[kind, Field(**limits)] if limits else kind
    form = {"advanced": advanced, "kind": kind, "limits": limits}
    return Annotated[
        bounded | None if chosen else bounded,
        BeforeValidator(_blank_is_none),
        Field(title=label, description=help, json_schema_extra=form),
    ]


class Recipe(BaseModel):
    """One way to train. Bounds, labels and help are part of the declaration; see ``form_fields``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_model: _ask(
        str, "Start from",
        "The model that learns. The built-in one comes with the workbench; a folder on this machine or the name of a"
        " model on the Hugging Face Hub works too.", advanced=False, min_length=1, max_length=300,
    ) = "all-MiniLM-L6-v2"
    effort: _ask(
        Literal["quick", "thorough"], "How",
        "Quick stops as soon as held-out answers stop improving. Thorough makes more passes and waits longer before it"
        " gives up.", advanced=False,
    ) = "quick"
    goal: _ask(
        Literal["order", "scores"], "What counts",
        "Order: the right answer should come first; choose this for search. Scores: matching texts should score high and"
        " unrelated ones near 0; choose this when a program uses a fixed cut-off such as 0.8.", advanced=False,
    ) = "order"
    loss: _ask(
        Loss, "Loss",
        "The rule that tells the model how wrong it is. It follows from the data: ranking for pairs and triplets, CoSENT"
        " or AnglE for scores, contrastive for 0/1 labels.", chosen=True,
    ) = None
    epochs: _ask(
        int, "Passes over the data (epochs)",
        "How often every pair is seen, at most; training stops earlier when held-out answers stop improving.",
        ge=1, le=1000, chosen=True,
    ) = None
    batch_size: _ask(
        int, "Pairs a step (batch size)",
        "Each question is compared with every answer of its batch: more is usually better and takes more memory.",
        ge=2, le=4096, chosen=True,
    ) = None
    learning_rate: _ask(
        float, "Learning rate", "How far each step moves the model. Too high and it forgets; too low and it"
        " hardly learns. Usually between 0.00001 and 0.0002.", ge=1e-8, le=0.01, chosen=True,
    ) = None
    warmup: _ask(
        float, "Warm-up", "The share of all steps over which the learning rate rises from 0 to its full value.",
        ge=0, le=0.9,
    ) = 0.1
    scale: _ask(
        float, "Scale (1 / temperature)",
        "How sharply right and wrong answers are told apart. 20 favours the order of results; 5 to 10 gives higher scores"
        " to matching texts.", ge=1, le=100, chosen=True,
    ) = None
    max_seq_length: _ask(
        int, "Longest text, in tokens",
        "Longer texts are cut here; a token is about three quarters of a word. Not above what the model can read.",
        ge=8, le=8192, chosen=True,
    ) = None
    seed: _ask(
        int, "Seed", "The same seed, data and machine give the same model again.", ge=0, le=2**31 - 1,
    ) = 12
    held_out: _ask(
        float, "Held-out share",
        "The share of pairs kept aside to check the model on questions it never saw. 0 trains on everything and leaves"
        " nothing to check with.", ge=0, le=0.5, chosen=True,
    ) = None
    patience: _ask(
        int, "Early stopping (patience)",
        "Stop after this many checks in a row without a better held-out result.", ge=1, le=1000, chosen=True,
    ) = None
    freeze_token_embeddings: _ask(
        bool, "Freeze token embeddings",
        "Leave the model's word table as it is and train the rest: faster and lighter, and usually as good.",
    ) = False
    matryoshka_dims: Annotated[
        _ask(
            tuple[Annotated[int, Field(ge=8, le=4096)], ...], "Matryoshka dimensions",
            "Also train shorter vectors, e.g. 384, 128, 64, so that they can be cut later with little loss. Empty: full"
            " length only.",
        ),
        BeforeValidator(_split_dims),
    ] = ()


@dataclass(frozen=True)
class FormField:
    """One recipe field as a form or a help text needs it.

    Attributes:
        name: the field's name in ``--set`` and JSON.
        type: bool, int, float, str or tuple.
        choices: the allowed values of a choice, else ().
        low, high: the bounds of a number, None where there is none.
        default: the declared default; None means that it follows from the data.
    """

    name: str
    label: str
    help: str
    type: type
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    default: Any
    advanced: bool


def form_fields() -> list[FormField]:
    """Every recipe field, in the order of declaration."""
    fields = []
    for name, info in Recipe.model_fields.items():
        form: dict[str, Any] = info.json_schema_extra  # as _ask declared it
        kind, limits = form["kind"], form["limits"]
        choices: tuple[str, ...] = get_args(kind) if get_origin(kind) is Literal else ()
        plain = str if choices else tuple if get_origin(kind) is tuple else kind
        fields.append(
            FormField(
                name, info.title or name, info.description or "", plain, choices, limits.get("ge"), limits.get("le"),
                info.default, form["advanced"],
            )
        )
    return fields


def make_recipe(settings: dict[str, Any]) -> Recipe:
    """A recipe from names and values (numbers may be text, as typed on a command line or in a form).

    Raises:
        WorkbenchError: a name is unknown or a value is out of its bounds; names the field and says what is allowed.
    """
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        field = next((field for field in form_fields() if field.name == name), None)
        if field is None:
            raise WorkbenchError(
                f"There is no setting called “{name}”.", "", "Settings are: " + ", ".join(Recipe.model_fields) + "."
            ) from None
        raise WorkbenchError(
            f"“{name}” cannot be {problem['input']!r}.", f"{field.label}: {allowed(field)}.", "Change it and try again."
        ) from None


def parse_settings(assignments: Iterable[str]) -> Recipe:
    """A recipe from ``name=value`` texts, as ``--set`` takes them.

    Raises:
        WorkbenchError: an assignment has no ``=``, or as ``make_recipe``.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise WorkbenchError(f"“{assignment}” is not a setting.", "A setting is written name=value.", "Example: --set epochs=3")
        settings[name.strip()] = value.strip()
    return make_recipe(settings)


def allowed(field: FormField) -> str:
    """What a field accepts, in words: ``a whole number from 1 to 1000``."""
    if field.choices:
        return "one of " + ", ".join(field.choices)
    if field.type is bool:
        return "true or false"
    if field.type is tuple:
        return "whole numbers from 8 to 4096 with commas between"
    if field.type is str:
        return "a text"
    noun = "a whole number" if field.type is int else "a number"
    return f"{noun} from {field.low} to {field.high}"
