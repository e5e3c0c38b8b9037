"""A search from its folder to its table: one split, a queue, the best first, and nothing lost on the way."""

import pandas as pd
import pytest

from core.errors import WorkbenchError
from core.plan import make_plan
from core.recipe import make_recipe
from core.runs.create import create_run
from core.runs.events import EventWriter
from core.runs.run import all_runs
from core.search.results import delete_losers, losers, results, size_of, state_of
from core.search.search import all_searches, create_search, find_search, planned
from core.search.space import make_space

from .conftest import SOURCE


def test_all_trials_have_one_split_and_seed(make_search, plan):
    search = make_search(9, learning_rate="2.5e-5,5e-5,1e-4", batch_size="4,8,16")
    trials = search.trials()
    assert [trial.changes for trial in trials][0] == {"learning_rate": 5e-5, "batch_size": 8}
    recipes = [trial.run.settings()["recipe"] for trial in trials]
    assert {(recipe["seed"], recipe["held_out"]) for recipe in recipes} == {(12, plan.recipe.held_out)}
    for trial, recipe in zip(trials, recipes, strict=True):
        assert {name: recipe[name] for name in trial.changes} == trial.changes
        for part in ("train_file", "heldout_file"):
            pd.testing.assert_frame_equal(
                pd.read_parquet(getattr(trial.run, part)), pd.read_parquet(getattr(trials[0].run, part))
            )
    assert [trial.run.id for trial in trials][:2] == ["some-search-1-trial-1", "some-search-1-trial-2"]


def test_the_table_names_the_best(make_search, trainer, run_out):
    search = make_search()
    search.start(trainer)
    assert state_of(results(search), 3) == "0 of 3 finished, 3 waiting"
    run_out(search)
    rows = results(search)
    assert [row.changes["learning_rate"] for row in rows] == [1e-4, 5e-5, 2e-4]
    assert [row.best for row in rows] == [True, False, False]
    assert [row.planned for row in rows] == [False, True, False]
    first = rows[0]
    assert (first.ndcg, first.change, first.low, first.better) == pytest.approx((0.9, 0.2, 0.15, True)) and first.seconds > 0
    assert state_of(rows, 3) == "3 of 3 finished"
    search.start(trainer)  # nothing is trained again
    assert not search.active()


def test_damaged_lines_of_a_trial_are_left_out_of_the_table(make_search):
    search = make_search()
    trial = search.trials()[0].run
    events = EventWriter(trial.events_file)
    events.write("start", step=0)
    events.write("held_out", **{"ndcg@10": 0.7, "hit@1": 0.6}, base=True)
    events.write("held_out", **{"ndcg@10": 0.8, "hit@1": 0.7})
    whole = results(search)
    assert [row.ndcg for row in whole if row.run == trial.id] == [0.8]
    events.write("held_out", **{"ndcg@10": 0.9})
    with trial.events_file.open("a") as file:
        file.write('{"kind": "held_out", "ndcg@10": 0.9, "hit@1": 0.7}\n{"kind": "start"}\n')
    assert results(search) == whole


def test_stop_takes_the_waiting_ones_out_and_going_on_trains_them(make_search, trainer, run_out, pairs):
    search = make_search(3, learning_rate="5e-5,1e-4,2e-4", epochs="1000")
    search.start(trainer)
    trainer.launch_next()
    search.stop(trainer)
    run_out(search)
    assert sorted(row.state for row in results(search)) == ["stopped"] * 3
    with_model = [row.run for row in results(search) if row.has_model]
    search.start(trainer)
    assert len(search.active()) == 3 - len(with_model)
    search.stop(trainer)


def test_stopping_begins_with_those_that_wait(make_search, workspace, trainer, run_out):
    """Otherwise the queue would start the next one as soon as the first has ended."""
    states = []

    class Watched:
        def stop(self, run):
            states.append(run.status().state)
            trainer.stop(run)

    search = make_search(3, learning_rate="5e-5,1e-4,2e-4", epochs="1000")
    search.start(trainer)
    trainer.launch_next()
    search.stop(Watched())
    assert states == ["queued", "queued", "running"]
    run_out(search)


def test_deleting_the_losers_keeps_their_rows(make_search, trainer, run_out):
    search = make_search()
    search.start(trainer)
    assert losers(search) == []
    with pytest.raises(WorkbenchError, match="nothing to delete"):
        delete_losers(search)
    run_out(search)
    before = results(search)
    assert size_of(losers(search)) > 0
    gone = delete_losers(search)
    assert gone and before[0].run not in gone and [run.id for run in all_runs(trainer.workspace)] == [before[0].run]
    after = results(search)
    assert [(row.run, row.ndcg, row.best) for row in after] == [(row.run, row.ndcg, row.best) for row in before]
    assert [row.state for row in after] == ["done", "deleted", "deleted"] and not any(row.has_model for row in after[1:])
    assert losers(search) == []


def test_what_is_left_is_kept_when_the_best_was_deleted_by_hand(make_search, trainer, run_out):
    search = make_search()
    search.start(trainer)
    run_out(search)
    next(trial for trial in search.trials() if trial.changes["learning_rate"] == 1e-4).run.delete()
    delete_losers(search)
    assert [run.settings()["recipe"]["learning_rate"] for run in all_runs(trainer.workspace)] == [5e-5]


def test_forgetting_a_search_keeps_its_runs(make_search, trainer, run_out, workspace):
    search = make_search()
    search.start(trainer)
    with pytest.raises(WorkbenchError, match="still at work"):
        search.forget()
    run_out(search)
    search.forget()
    assert all_searches(workspace) == [] and len(all_runs(workspace)) == 3


def test_a_search_that_could_not_be_made_leaves_nothing(workspace, pairs, plan):
    made = []

    def create(*args, **values):
        if made:
            raise WorkbenchError("The run could not be written.")
        made.append(create_run(*args, **values))
        return made[-1]

    chosen = planned(plan, make_space({"learning_rate": "5e-5,1e-4"}), 2)
    with pytest.raises(WorkbenchError):
        create_search(workspace, pairs, plan, chosen, source=SOURCE, create=create)
    assert all_runs(workspace) == [] and not list(workspace.searches.iterdir())


def test_without_held_out_pairs_there_is_nothing_to_compare_on(workspace, pairs):
    plan = make_plan(make_recipe({"held_out": 0}), pairs, workspace)
    with pytest.raises(WorkbenchError, match="held-out"):
        planned(plan, make_space({"learning_rate": "5e-5,1e-4"}), 2)


@pytest.mark.parametrize("asked", ["", "..", "../runs", "nothing-here", "A" * 500])
def test_a_search_that_is_not_there(workspace, asked):
    with pytest.raises(WorkbenchError, match="no search"):
        find_search(workspace, asked)
