"""Which settings a search tries, and which of their combinations."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import WorkbenchError
from core.plan import Plan
from core.recipe import chosen, form_fields, make_recipe

#: What can be searched over: these decide most, and none of them changes what is measured.
FIELDS = ("learning_rate", "batch_size", "epochs")
LABELS = {field.name: field.label for field in form_fields() if field.name in FIELDS}
#: The most trials of one search: more of them find luck rather than a better model (see ``results.luck``).
MOST_TRIALS = 30
#: As many as the usual space has combinations.
TRIALS = 9

Changes = dict[str, Any]
Space = dict[str, tuple[Any, ...]]


def usual_space(plan: Plan) -> Space:
    """Half, the same and double the learning rate and the pairs a step of a plan; its passes as they are.

    Passes are seldom worth a search: training stops by itself when held-out answers stop improving.
    """
    rate, batch = chosen(plan.recipe.learning_rate), chosen(plan.recipe.batch_size)
    most = max(2, len(plan.split.train))
    return {
        "learning_rate": tuple(sorted({_in_bounds("learning_rate", rate * factor) for factor in (0.5, 1, 2)})),
        "batch_size": tuple(sorted({int(min(max(2, size), most)) for size in (batch // 2, batch, batch * 2)})),
    }


def make_space(values: Mapping[str, Iterable[Any] | str]) -> Space:
    """A space from names and values; a text may hold several with commas between.

    Raises:
        WorkbenchError: a name cannot be searched over, or a value is out of its bounds.
    """
    space: Space = {}
    for name, several in values.items():
        if name not in FIELDS:
            raise WorkbenchError(
                f"“{name}” cannot be searched over.", "", f"A search goes over {', '.join(FIELDS)}."
            )
        parts = several.replace(";", ",").split(",") if isinstance(several, str) else several
        given = [part.strip() if isinstance(part, str) else part for part in parts]
        made = [getattr(make_recipe({name: part}), name) for part in given if part != ""]
        if made:
            space[name] = tuple(sorted(set(made)))
    return space


def parse_space(assignments: Iterable[str]) -> Space:
    """A space from texts such as ``learning_rate=5e-5,1e-4``, as ``--space`` takes them.

    Raises:
        WorkbenchError: an assignment has no ``=``, or as ``make_space``.
    """
    values = {}
    for assignment in assignments:
        name, equals, several = assignment.partition("=")
        if not equals:
            raise WorkbenchError(
                f"“{assignment}” names no values.", "They are written name=value,value.",
                "Example: --space learning_rate=5e-5,1e-4",
            )
        values[name.strip()] = several
    return make_space(values)


def combinations(space: Space) -> int:
    """How many combinations of values there are."""
    number = 1
    for values in space.values():
        number *= len(values)
    return number


def draw(space: Space, trials: int, plan: Plan, seed: int = 0) -> list[Changes]:
    """The combinations to try, the plan's own settings first: what would have been trained without a search.

    All combinations where ``trials`` suffice; otherwise each next one has the values that were tried least so far, so
    that every value is tried about equally often.

    Raises:
        WorkbenchError: there is nothing to compare, or ``trials`` is out of its bounds.
    """
    if not 2 <= trials <= MOST_TRIALS:
        raise WorkbenchError(
            f"A search cannot have {count_of(trials)}.", f"It takes 2 to {MOST_TRIALS}.", "Choose another number of trials."
        )
    own = {name: getattr(plan.recipe, name) for name in space}
    every = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    rest = [changes for changes in every if changes != own]
    if not rest:
        raise WorkbenchError(
            "There is nothing to search.", "Every setting has only the one value that it has already.",
            "Give a setting two values or more, with commas between.",
        )
    random.Random(seed).shuffle(rest)
    taken, tried = [own], Counter(own.items())
    while rest and len(taken) < trials:
        least = min(rest, key=lambda changes: sum(tried[item] for item in changes.items()))
        rest.remove(least)
        tried.update(least.items())
        taken.append(least)
    return taken


def count_of(trials: int) -> str:
    """``1 trial``, ``9 trials``."""
    return f"{trials:,} {'trial' if trials == 1 else 'trials'}"


def in_words(changes: Changes) -> str:
    """What a trial is called: ``learning rate 0.0001, 32 pairs a step``."""
    said = {
        "learning_rate": lambda value: f"learning rate {value:g}",
        "batch_size": lambda value: f"{value:,} pairs a step",
        "epochs": lambda value: f"{value:,} {'pass' if value == 1 else 'passes'} at most",
    }
    return ", ".join(said[name](value) for name, value in changes.items())


def _in_bounds(name: str, value: float) -> float:
    field = next(field for field in form_fields() if field.name == name)
    if field.low is not None and field.high is not None:
        value = min(max(value, field.low), field.high)
    return float(f"{value:.6g}")
