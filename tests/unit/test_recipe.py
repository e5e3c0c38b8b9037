"""The recipe: one declaration, and everything that comes from it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorkbenchError
from core.recipe import Recipe, allowed, form_fields, make_recipe, parse_settings

FIELDS = {field.name: field for field in form_fields()}


def test_every_field_has_a_label_a_help_line_and_a_form():
    assert list(FIELDS) == list(Recipe.model_fields)
    for field in FIELDS.values():
        assert field.label and field.help.endswith("."), field.name


def test_the_names_that_programs_rely_on_are_there():
    promised = "epochs batch_size learning_rate warmup scale max_seq_length seed held_out patience".split()
    assert set(promised) <= set(FIELDS)


def test_only_the_plain_choices_stand_outside_advanced():
    assert [name for name, field in FIELDS.items() if not field.advanced] == ["base_model", "effort", "goal", "evidence"]


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.low is not None])
def test_bounds_of_the_form_are_the_bounds_of_the_recipe(name):
    field = FIELDS[name]
    for value in (field.low, field.high):
        assert getattr(make_recipe({name: value}), name) == value
    for value in (field.low - 1, field.high * 2 + 1):
        with pytest.raises(WorkbenchError) as raised:
            make_recipe({name: value})
        assert name in raised.value.what
        assert allowed(field) in raised.value.why


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.choices])
def test_choices(name):
    for choice in FIELDS[name].choices:
        assert getattr(make_recipe({name: choice}), name) == choice
    with pytest.raises(WorkbenchError, match="one of"):
        make_recipe({name: "something else"})


def test_settings_as_typed_on_a_command_line():
    recipe = parse_settings(
        ["epochs=3", "learning_rate = 2e-5", "freeze_token_embeddings=true", "matryoshka_dims=384, 128 64", "scale="]
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.scale) == (3, 2e-5, None)
    assert recipe.freeze_token_embeddings is True
    assert recipe.matryoshka_dims == (384, 128, 64)


@pytest.mark.parametrize("assignment", ["epochs", "=3", "epoch=3", "epochs=3.5", "matryoshka_dims=1"])
def test_a_wrong_setting_is_refused_with_words(assignment):
    with pytest.raises(WorkbenchError) as raised:
        parse_settings([assignment])
    assert raised.value.what and raised.value.what_to_do


def test_json_and_back():
    recipe = parse_settings(["epochs=7", "goal=scores", "matryoshka_dims=128,64"])
    assert make_recipe(json.loads(recipe.model_dump_json())) == recipe


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_any_settings_give_a_recipe_or_words(settings):
    try:
        assert isinstance(make_recipe(settings), Recipe)
    except WorkbenchError as error:
        assert error.what
