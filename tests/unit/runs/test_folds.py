"""What a run with folds has learned and what it has not."""

import pandas as pd

from core.runs.folds import rows_of
from core.workspace import write_json


def test_the_model_of_one_fold_has_not_learned_that_folds_rows(make_run):
    run = make_run()
    pd.read_parquet(run.train_file).assign(fold=[1, 2, 1]).to_parquet(run.train_file, index=False)
    learned, unseen = rows_of(run)
    assert (learned["row"].tolist(), unseen["row"].tolist()) == ([1, 2, 3], [4])
    write_json(run.report_file, {"fold": 1})  # as of one that was stopped
    learned, unseen = rows_of(run)
    assert (learned["row"].tolist(), unseen["row"].tolist()) == ([2], [1, 3])
