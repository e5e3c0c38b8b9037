"""What differs between runs."""

from core.runs.overlay import differences
from core.workspace import read_json, write_json


def change(run, **recipe):
    settings = read_json(run.recipe_file)
    write_json(run.recipe_file, {**settings, "recipe": {**settings["recipe"], **recipe}})
    return run


def test_runs_that_are_alike_differ_in_nothing(make_run):
    assert differences([make_run("a-1"), make_run("b-1")]) == []
    assert differences([make_run("c-1")]) == differences([]) == []


def test_only_what_differs_is_listed_in_the_order_of_the_form(make_run):
    runs = [
        make_run("a-1"), change(make_run("b-1"), scale=8.0, freeze_token_embeddings=True),
        change(make_run("c-1"), scale=8.0, learning_rate=1e-4, matryoshka_dims=[128, 64]),
    ]
    rows = [(row.label, row.values) for row in differences(runs)]
    assert rows == [
        ("Learning rate", ("5e-05", "5e-05", "0.0001")),
        ("Scale (1 / temperature)", ("20", "8", "8")),
        ("Freeze token embeddings", ("no", "yes", "no")),
        ("Matryoshka dimensions", ("none", "none", "128, 64")),
    ]


def test_other_data_is_a_difference_even_under_the_same_name(make_run):
    runs = [make_run("a-1"), make_run("b-1")]
    settings = read_json(runs[1].recipe_file)
    write_json(runs[1].recipe_file, {**settings, "source": {**settings["source"], "digest": "other"}})
    assert [(row.label, row.values) for row in differences(runs)] == [("Data", ("a.csv", "a.csv"))]


def test_a_damaged_recipe_shows_as_unknown(make_run):
    runs = [make_run("a-1"), make_run("b-1")]
    runs[1].recipe_file.write_text("{")
    values = {row.label: row.values for row in differences(runs)}
    assert values["Scale (1 / temperature)"] == ("20", "?")
