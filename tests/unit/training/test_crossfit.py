"""Five folds and the last training, on a tiny model: what they come to, and what a crash or a stop leaves."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.evaluation.comparison import pool_for
from core.evaluation.report import report
from core.evaluation.seen import rows_seen
from core.models import local_ref
from core.pairs.dataset import PairSet
from core.pairs.split import folds
from core.runs.events import EventWriter
from core.runs.folds import compare_folds, compare_several_folds, folds_of_model, holds, read_folds, rows_of
from core.training import course
from core.training import trainer as trainer_module
from core.training.checkpoints import newest
from core.training.work import work
from core.workspace import Workspace
from tests.tiny import pairs, run_folder
from workbench import closeup

PASSES, ROWS = 2, 40
#: Steps of a pass of a fold (of 32 rows) and of the last training.
OF_FOLD, OF_LAST = 2, 3


class Crash(BaseException):
    """What kill -9 is to a real worker: nothing after it runs."""


class Interfering(EventWriter):
    """Calls ``act`` at the first event of ``kind`` at or after ``step`` of the whole run."""

    def __init__(self, path, kind, step, act):
        super().__init__(path)
        self._at, self._act = (kind, step), act

    def write(self, kind, **values):
        event = super().write(kind, **values)
        if kind == self._at[0] and values.get("step", 0) >= self._at[1]:
            self._act()
        return event


def make(workspace, tiny, name="run-1", **recipe):
    data = pairs(ROWS)
    data["fold"] = folds(data["component"].to_numpy(), 12)
    settings = {"evidence": "five folds", "epochs": PASSES, "batch_size": 16, **recipe}
    return run_folder(workspace, tiny, name, data, data[:0], **settings)


def train(run, writer=None):
    work(run, writer or EventWriter(run.events_file), newest(run.checkpoints))
    return of_kind(run, "done")[-1]


def of_kind(run, kind):
    return [event for event in run.events()[0] if event["kind"] == kind]


@pytest.fixture(scope="module")
def whole_and_learned(tiny, tmp_path_factory):
    """A run that nothing interrupted, and the rows that each of its trainings was given. Read it only."""
    run, learned = make(Workspace.at(tmp_path_factory.mktemp("whole")), tiny), []
    with pytest.MonkeyPatch.context() as patch:
        real = course.make_dataset
        patch.setattr(course, "make_dataset", lambda model, rows, *at: learned.append(set(rows["row"])) or real(model, rows, *at))
        train(run)
    return run, learned


@pytest.fixture(scope="module")
def whole(whole_and_learned):
    return whole_and_learned[0]


def base_of(run):
    return local_ref("tiny", run.folder.__class__(run.settings()["base"]["path"]))


def test_six_trainings_to_one_model_and_a_verdict_on_every_pair(whole):
    stages = [event["text"] for event in of_kind(whole, "stage") if "number" in event]
    assert [text[:15] for text in stages] == [f"Training {number} of 6" for number in range(1, 7)]
    assert "learning from 32 pairs, and asked about the other 8" in stages[1] and "all 40 pairs" in stages[5]
    found, done = whole.report(), of_kind(whole, "done")[0]
    assert found["evidence"] == "five folds" and found["held_out"] == found["questions"] == ROWS
    assert "five models, each of which never saw" in found["verdict"] and done["kept"] == "tuned"
    final = found["passes"]["final"]
    assert 1 <= final <= PASSES and len(found["passes"]["folds"]) == 5
    steps = [event["step"] for event in of_kind(whole, "step")]
    assert steps == list(range(1, 5 * OF_FOLD * PASSES + OF_LAST * final + 1)) and done["best_step"] == OF_LAST * final
    assert of_kind(whole, "step")[-1]["seconds_left"] == 0 and of_kind(whole, "step")[-1]["steps"] == steps[-1]
    assert whole.status().step == whole.status().steps == steps[-1]
    card = (whole.model / "README.md").read_text()
    assert "one of five models that never saw its pair" in card and not whole.checkpoints.exists()


def test_the_figure_is_the_mean_of_each_folds_own_check_at_the_passes_chosen_for_it(whole):
    checks = {(event["fold"], round(event["pass"])): event for event in of_kind(whole, "held_out")}
    found = whole.report()
    chosen = [checks[fold, passed] for fold, passed in enumerate(found["passes"]["folds"], start=1)]
    questions = [one["questions"] for one in chosen]
    for name in ("ndcg@10", "hit@1", "matched"):
        mean = np.average([one[name] for one in chosen], weights=questions)
        assert found["tuned"][name] == pytest.approx(mean, abs=1e-5), name
    assert max(found["passes"]["folds"]) > 1  # else the first check would do


def test_no_fold_learns_what_it_is_asked(whole_and_learned):
    run, learned = whole_and_learned
    rows, _ = rows_of(run)
    for fold in range(1, 6):
        assert learned[fold - 1] == set(rows[rows["fold"] != fold]["row"])
    assert len(learned) == 6 and learned[5] == set(rows["row"])


def test_the_schedule_of_the_last_training_is_that_of_the_folds(whole):
    """It stops early, but its rate falls as the folds' did: to the share that they had after so many passes."""
    final = whole.report()["passes"]["final"]
    rates = [event["learning_rate"] for event in of_kind(whole, "step")][-OF_LAST * final :]
    steps = OF_LAST * PASSES
    warm = round(0.1 * steps)
    assert rates[-1] == pytest.approx(1e-3 * (steps - (OF_LAST * final - 1)) / (steps - warm), rel=1e-6)


def test_the_folds_are_kept_and_agree_with_the_report_and_with_a_close_look(whole):
    kept, workspace = read_folds(whole), Workspace(whole.folder.parent.parent)
    comparison = compare_folds(base_of(whole), kept, workspace)
    told, again = whole.report(), report(comparison, "tuned", ROWS)
    assert again["tuned"] == pytest.approx(told["tuned"], abs=1e-5) and again["evidence"] == "five folds"
    assert again["base"] == pytest.approx(told["base"], abs=1e-5)
    assert again["change"]["interval"] == pytest.approx(told["change"]["interval"], abs=1e-5)
    for pair, query in enumerate(comparison.pool.pairs["query"]):
        side = closeup.side(comparison.pool, kept.of(query), pair)
        assert side.rank == comparison.tuned.pair_rank[pair]
    model = local_ref("run", whole.model)
    assert folds_of_model(model) is not None and folds_of_model(base_of(whole)) is None
    assert rows_seen(whole.model, rows_of(whole)[0]).all()
    assert compare_folds(model, kept, workspace) is None  # as a base it has learned them


@pytest.mark.parametrize(("kind", "step"), [("held_out", 4), ("step", 14), ("step", 22)])
def test_a_crash_in_any_training_costs_only_the_time(whole, workspace, tiny, monkeypatch, kind, step):
    monkeypatch.setattr(trainer_module, "_CHECKPOINT_SECONDS", (0.0, 0.0))
    run = make(workspace, tiny)

    def die():
        raise Crash

    with pytest.raises(Crash):
        train(run, Interfering(run.events_file, kind, step, die))
    before = len(of_kind(run, "step"))
    done = train(run)
    expected = whole.report()
    for side in ("base", "tuned"):
        assert done["report"][side] == pytest.approx(expected[side], abs=1e-5), side
    assert done["report"]["passes"] == expected["passes"]
    weights, same = (load_file(one.model / "model.safetensors") for one in (whole, run))
    assert all(np.allclose(tensor, same[name], atol=1e-5) for name, tensor in weights.items())
    again = [event["step"] for event in of_kind(run, "step")[before:]]
    assert again[0] > step - 3  # no finished fold is trained again, and no more of the one under way than must be


@pytest.mark.parametrize("step", [6, 21])
def test_stopped_anywhere_there_is_a_model_and_a_true_verdict_and_it_can_go_on(whole, workspace, tiny, step):
    run = make(workspace, tiny)
    done = train(run, Interfering(run.events_file, "step", step, run.stop_file.touch))
    told = done["report"]
    assert done["stopped"] and told["evidence"] == "held-out" and told["fold"] == 1 and told["held_out"] == 8
    assert run.status().state == "stopped" and read_folds(run) is None
    train_rows, unseen = rows_of(run)
    assert set(unseen["fold"]) == {1} and len(train_rows) == 32
    assert rows_seen(run.model, unseen).sum() == 0 and rows_seen(run.model, train_rows).all()
    pool, evidence = pool_for(unseen, pairs(ROWS))
    assert evidence == "held-out" and len(pool.queries) == 8
    run.stop_file.unlink()
    last = train(run)
    assert not last["stopped"] and last["report"]["tuned"] == pytest.approx(whole.report()["tuned"], abs=1e-5)
    assert "fold" not in run.report() and rows_seen(run.model, rows_of(run)[0]).all()


def test_where_no_fold_beats_the_base_the_base_is_kept(workspace, tiny):
    run = make(workspace, tiny, epochs=1, learning_rate=1e-8)
    done = train(run)
    assert done["kept"] == "base" and done["best_step"] == 0 and done["report"]["passes"]["final"] == 0
    assert "the base model was kept" in done["report"]["verdict"] and "take home learned" not in done["report"]["verdict"]
    kept, base = load_file(run.model / "model.safetensors"), load_file(tiny / "model.safetensors")
    assert all((kept[name] == base[name]).all() for name in base)
    found = compare_folds(base_of(run), read_folds(run), workspace)
    assert found.changes["ndcg@10"].mean == 0 and found.better is None


def test_damaged_or_foreign_folds_are_read_as_missing(whole, workspace, tiny):
    run = make(workspace, tiny)
    assert read_folds(run) is None  # there are none
    for data in (b"", b"PK\x03\x04 no archive", whole.folds_file.read_bytes()[:-200]):
        run.folds_file.write_bytes(data)
        assert read_folds(run) is None
    run.folds_file.write_bytes(whole.folds_file.read_bytes())
    assert read_folds(run) is not None
    other = pairs(ROWS, seed=1)
    other.assign(fold=folds(other["component"].to_numpy(), 12)).to_parquet(run.train_file)
    assert read_folds(run) is None


def test_runs_with_folds_of_the_same_pairs_go_into_one_table_and_others_do_not(whole, workspace, tiny):
    base, model = base_of(whole), local_ref("run", whole.model)
    found = compare_several_folds(base, [model, model], workspace)
    assert [one.evidence for one in found.comparisons] == ["five folds"] * 2 and found.left_out == 0
    assert compare_several_folds(model, [model], workspace) is None
    assert compare_several_folds(base, [model, base], workspace) is None


def test_a_file_is_the_runs_own_whatever_its_order_and_not_with_a_pair_less(whole):
    pool = read_folds(whole).pool
    rows = pairs(ROWS).drop(columns="component").sample(frac=1, random_state=1)
    assert holds(pool, PairSet("words.csv", "pairs", {}, rows))
    assert not holds(pool, PairSet("words.csv", "pairs", {}, rows[1:]))
