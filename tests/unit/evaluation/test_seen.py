import json

import pandas as pd

from core.evaluation.seen import rows_seen


def test_rows_that_share_a_text_with_the_training_rows_were_seen(tmp_path, pairs):
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    pairs(3).to_parquet(tmp_path / "run" / "train.parquet")
    rows = pd.DataFrame({
        "anchor": ["QUESTION  0", "new", "new", "answer 1"],
        "positive": ["new", " Answer 2", "another", "newer"],
    })
    assert list(rows_seen(model, rows)) == [True, True, False, True]


def test_a_model_that_is_not_a_runs_was_not_trained_here(tmp_path, pairs):
    pairs(3).to_parquet(tmp_path / "train.parquet")
    assert not rows_seen(tmp_path / "somewhere else", pairs(3)).any()
    assert not rows_seen(tmp_path / "lonely" / "model", pairs(3)).any()


def test_what_the_model_it_started_from_was_trained_on_counts_too(tmp_path, pairs):
    rows = pairs(6)
    for name, part, base in (("first", rows.head(2), tmp_path / "packaged"),
                             ("second", rows.tail(2), tmp_path / "first" / "model")):
        (tmp_path / name / "model").mkdir(parents=True)
        part.to_parquet(tmp_path / name / "train.parquet")
        (tmp_path / name / "recipe.json").write_text(json.dumps({"base": {"path": str(base)}}))
    assert list(rows_seen(tmp_path / "second" / "model", rows)) == [True, True, False, False, True, True]
    assert list(rows_seen(tmp_path / "first" / "model", rows)) == [True, True, False, False, False, False]
    # where the workspace was copied to, the one it started from is known by its name
    (tmp_path / "second" / "recipe.json").write_text(json.dumps({"base": {"path": "/not/there", "name": "first"}}))
    assert list(rows_seen(tmp_path / "second" / "model", rows)) == [True, True, False, False, True, True]
