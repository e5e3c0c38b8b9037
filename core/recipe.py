"""What to train, declared once: the form, its limits and help, the ``--set`` flags, the JSON and a SageMaker job's
hyperparameters all come from this one class.

A field that is None is chosen by ``core.plan`` from the data and the machine; ``recipe.json`` of a run always holds the
chosen value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from core.errors import WorkbenchError

Loss = Literal[
    "MultipleNegativesRanking", "CachedMultipleNegativesRanking", "CoSENT", "AnglE", "OnlineContrastive"
]

Evidence = Literal["held-out", "five folds"]

Declared = TypeVar("Declared", bound="Form")
Value = TypeVar("Value")


def _split_dims(value: Any) -> Any:
    """Dimensions typed as ``384, 128 64`` become a tuple; nothing typed means none."""
    if isinstance(value, str):
        return tuple(part for part in value.replace(",", " ").split())
    return () if value is None else value


def ask(label: str, help: str, *, advanced: bool = True, accepts: str = "", **limits: Any) -> Any:
    """The form of one field, to stand beside its type; ``accepts`` says what may be given where the type does not say it
    well."""
    form: dict[str, Any] = {"advanced": advanced, "limits": limits, "accepts": accepts}
    return Field(title=label, description=help, json_schema_extra=form, **limits)


class Form(BaseModel):
    """A class whose fields are declared with ``ask``. A field that may be None is one that can be chosen for a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_none(cls, value: Any) -> Any:
        """An emptied form field or ``--set name=`` means: choose for me."""
        return None if isinstance(value, str) and value.strip() == "" else value


class Recipe(Form):
    """One way to train. Bounds, labels and help are part of the declaration; see ``form_fields``."""

    base_model: Annotated[str, ask(
        "Start from",
        "The model that learns. The built-in one comes with the workbench; a folder on this machine or the name of a"
        " model on the Hugging Face Hub works too.", advanced=False, min_length=1, max_length=300,
    )] = "all-MiniLM-L6-v2"
    effort: Annotated[Literal["quick", "thorough"], ask(
        "How",
        "Quick stops as soon as held-out answers stop improving. Thorough makes more passes and waits longer before it"
        " gives up.", advanced=False,
    )] = "quick"
    goal: Annotated[Literal["order", "scores"], ask(
        "What counts",
        "Order: the right answer should come first; choose this for search. Scores: matching texts should score high and"
        " unrelated ones near 0; choose this when a program uses a fixed cut-off such as 0.8.", advanced=False,
    )] = "order"
    evidence: Annotated[Evidence | None, ask(
        "How it is checked",
        "Five folds: five models are trained, each without a fifth of the pairs, and asked about that fifth, so every pair is"
        " asked; the model you get then learns from all of them. For few pairs; takes about six times as long. Held-out: one"
        " part is kept aside and asked about, and the model never learns it.", advanced=False,
    )] = None
    loss: Annotated[Loss | None, ask(
        "Loss",
        "The rule that tells the model how wrong it is. It follows from the data: ranking for pairs and triplets, CoSENT"
        " or AnglE for scores, contrastive for 0/1 labels.",
    )] = None
    epochs: Annotated[int | None, ask(
        "Passes over the data (epochs)",
        "How often every pair is seen, at most; training stops earlier when held-out answers stop improving.",
        ge=1, le=1000,
    )] = None
    batch_size: Annotated[int | None, ask(
        "Pairs a step (batch size)",
        "Each question is compared with every answer of its batch: more is usually better and takes more memory.",
        ge=2, le=4096,
    )] = None
    learning_rate: Annotated[float | None, ask(
        "Learning rate", "How far each step moves the model. Too high and it forgets; too low and it"
        " hardly learns. Usually between 0.00001 and 0.0002.", ge=1e-8, le=0.01,
    )] = None
    warmup: Annotated[float, ask(
        "Warm-up", "The share of all steps over which the learning rate rises from 0 to its full value.",
        ge=0, le=0.9,
    )] = 0.1
    scale: Annotated[float | None, ask(
        "Scale (1 / temperature)",
        "How sharply right and wrong answers are told apart. 20 favours the order of results; 5 to 10 gives higher scores"
        " to matching texts.", ge=1, le=100,
    )] = None
    max_seq_length: Annotated[int | None, ask(
        "Longest text, in tokens",
        "Longer texts are cut here; a token is about three quarters of a word. Not above what the model can read.",
        ge=8, le=8192,
    )] = None
    seed: Annotated[int, ask(
        "Seed", "The same seed, data and machine give the same model again.", ge=0, le=2**31 - 1,
    )] = 12
    held_out: Annotated[float | None, ask(
        "Held-out share",
        "The share of pairs kept aside to check the model on questions it never saw. 0 trains on everything and leaves"
        " nothing to check with. A share written here asks for one held-out part; five folds keep nothing aside.",
        ge=0, le=0.5,
    )] = None
    patience: Annotated[int | None, ask(
        "Early stopping (patience)",
        "Stop after this many checks in a row without a better held-out result.", ge=1, le=1000,
    )] = None
    freeze_token_embeddings: Annotated[bool, ask(
        "Freeze token embeddings",
        "Leave the model's word table as it is and train the rest: faster and lighter, and usually as good.",
    )] = False
    dropout: Annotated[bool, ask(
        "Dropout",
        "Blank out a random tenth of what the model thinks at each step, so that it does not learn by heart. Without it a step"
        " is faster, and the model usually as good.",
    )] = True
    half_precision: Annotated[bool, ask(
        "Half precision",
        "Multiply with numbers of 16 bits instead of 32: on a processor made for it a step takes about two thirds of the time,"
        " and the model is usually as good. On a graphics card made for it this is always so.",
    )] = False
    matryoshka_dims: Annotated[tuple[Annotated[int, Field(ge=8, le=4096)], ...], BeforeValidator(_split_dims), ask(
        "Matryoshka dimensions",
        "Also train shorter vectors, e.g. 384, 128, 64, so that they can be cut later with little loss. Empty: full"
        " length only.", accepts="whole numbers from 8 to 4096 with commas between",
    )] = ()


@dataclass(frozen=True)
class FormField:
    """One declared field as a form or a help text needs it.

    Attributes:
        name: the field's name in ``--set`` and JSON.
        type: bool, int, float, str or tuple.
        choices: the allowed values of a choice, else ().
        low, high: the bounds of a number, None where there is none.
        default: the declared default; None means that it follows from the data.
        accepts: what may be given, where type, choices and bounds do not say it.
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
    accepts: str


def form_fields(declared: type[Form] = Recipe) -> list[FormField]:
    """Every field of the recipe, or of another form, in their order."""
    fields = []
    for name, info in declared.model_fields.items():
        form = cast(dict[str, Any], info.json_schema_extra)  # as ask declared it
        kind, limits = _without_none(info.annotation), form["limits"]
        choices: tuple[str, ...] = get_args(kind) if get_origin(kind) is Literal else ()
        plain = str if choices else tuple if get_origin(kind) is tuple else kind
        fields.append(
            FormField(
                name, info.title or name, info.description or "", plain, choices, limits.get("ge"), limits.get("le"),
                info.default, form["advanced"], form["accepts"],
            )
        )
    return fields


def chosen(value: Value | None) -> Value:
    """A field's value in the recipe of a plan or a run, where nothing is left to choose.

    Raises:
        ValueError: it is not chosen.
    """
    if value is None:
        raise ValueError("a setting of this recipe is not chosen yet")
    return value


def _without_none(annotation: Any) -> Any:
    """``int`` of ``int | None``."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(annotation) else annotation


def make_recipe(settings: dict[str, Any]) -> Recipe:
    """A recipe from names and values (numbers may be text, as typed on a command line or in a form).

    Raises:
        WorkbenchError: a name is unknown or a value is out of its bounds; names the field and says what is allowed.
    """
    return fill(Recipe, settings)


def fill(declared: type[Declared], settings: dict[str, Any]) -> Declared:
    """``declared``, the recipe or another form, from names and values.

    Raises:
        WorkbenchError: as ``make_recipe``.
    """
    try:
        return declared.model_validate(settings)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        field = next((field for field in form_fields(declared) if field.name == name), None)
        if field is None:
            raise WorkbenchError(
                f"There is no setting called “{name}”.", "", "Settings are: " + ", ".join(declared.model_fields) + "."
            ) from None
        raise WorkbenchError(
            f"“{name}” cannot be {problem['input']!r}.", f"{field.label}: {allowed(field)}.", "Change it and try again."
        ) from None


def parse_settings(assignments: Iterable[str]) -> Recipe:
    """A recipe from ``name=value`` texts, as ``--set`` takes them.

    Raises:
        WorkbenchError: an assignment has no ``=``, or as ``make_recipe``.
    """
    return make_recipe(read_assignments(assignments, "--set epochs=3"))


def read_assignments(assignments: Iterable[str], example: str) -> dict[str, Any]:
    """Names and values from ``name=value`` texts.

    Raises:
        WorkbenchError: one has no ``=``; shows ``example``.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise WorkbenchError(f"“{assignment}” is not a setting.", "A setting is written name=value.", f"Example: {example}")
        settings[name.strip()] = value.strip()
    return settings


def allowed(field: FormField) -> str:
    """What a field accepts, in words: ``a whole number from 1 to 1000``."""
    if field.accepts:
        return field.accepts
    if field.choices:
        return "one of " + ", ".join(field.choices)
    if field.type is bool:
        return "true or false"
    if field.type is str:
        return "a text"
    noun = "a whole number" if field.type is int else "a number"
    return f"{noun} from {field.low} to {field.high}"
