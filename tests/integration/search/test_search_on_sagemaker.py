"""A search as a tuning job, against the loopback double: its training jobs become runs, and nothing is started twice."""

import time
from collections.abc import Callable, Iterator

import pytest

from core.aws import buckets
from core.aws.account import Account
from core.aws.session import connect
from core.errors import WorkbenchError
from core.models import local_ref
from core.pairs.dataset import PairSet
from core.plan import Plan, make_plan
from core.recipe import make_recipe
from core.runs.job import read_record
from core.runs.run import all_runs
from core.runs.target import Target
from core.runs.trainers import Trainers
from core.search.remote import SageMakerSearches
from core.search.results import caution, delete_losers, results
from core.search.search import Search, all_searches, for_trials
from core.workspace import Workspace
from tests.tiny import pairs, tiny_model

ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
SOURCE = {"name": "words.csv", "digest": "d", "rows": 40, "set": None}


class Place:
    """A workspace with an account, and pairs to search on."""

    def __init__(self, folder, double):
        self.workspace = Workspace.at(folder / "workspace")
        connection = connect()
        self.account = Account(connection, ROLE, buckets.default_bucket("123456789012", "us-east-1"), None)
        if buckets.state(connection, self.account.bucket) != "ours":
            buckets.create(connection, self.account.bucket)
        self.double = double
        model = tiny_model(folder / "tiny", self.workspace)
        frame = pairs(40).drop(columns="component")
        self.pairs = PairSet("words.csv", "pairs", {"anchor": "q", "positive": "a"}, frame)
        asked = {"base_model": str(model), "epochs": 3, "learning_rate": 1e-3, "batch_size": 16}
        self.plan: Plan = make_plan(for_trials(make_recipe(asked)), self.pairs, self.workspace)
        assert local_ref("tiny", model).digest == self.plan.base.digest
        self.again()

    def again(self) -> None:
        """Another app over the same workspace."""
        self.trainer = Trainers(self.workspace, lambda: self.account)
        self.searches = SageMakerSearches(self.workspace, lambda: self.account)

    def mine(self) -> list[str]:
        """The tuning jobs of this workspace's searches that are there."""
        named = {search.job().name for search in all_searches(self.workspace)}
        return [name for name in self.jobs() if name in named]

    def create(self, trials: int = 4, target: Target | None = None, **space) -> Search:
        return self.searches.create(
            self.pairs, self.plan, space, trials, target or Target(on="sagemaker", instance_type="ml.m5.large"), SOURCE
        )

    def until(self, true: Callable[[], object], what: str, seconds: float = 240) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, what
            self.searches.refresh()
            self.trainer.refresh()
            time.sleep(0.3)

    def end(self, search: Search) -> None:
        """Stop it and wait until nothing of it is at work."""
        self.searches.stop(search)
        self.until(lambda: not search.working(), "the end of what was stopped")

    def jobs(self) -> list[str]:
        listed = self.double.client("sagemaker").list_hyper_parameter_tuning_jobs()
        return [one["HyperParameterTuningJobName"] for one in listed["HyperParameterTuningJobSummaries"]]


@pytest.fixture
def place(tmp_path, sagemaker_double, monkeypatch) -> Iterator[Place]:
    for name, value in sagemaker_double.environment.items():
        monkeypatch.setenv(name, value)
    yield Place(tmp_path, sagemaker_double)


def test_a_search_from_the_first_byte_to_the_best_model(place):
    search = place.create(learning_rate=(1e-6, 1e-3))
    assert not search.working() and place.mine() == []  # nothing is asked for before it is started
    place.searches.start(search)
    with pytest.raises(WorkbenchError, match="started already"):
        place.searches.start(search)
    place.until(lambda: len(search.trials()) == 2, "both trials")
    place.again()  # the app is closed and opened in the middle
    place.until(lambda: not search.working(), "the end of the search")
    rows = results(search)
    assert [row.state for row in rows] == ["done", "done"], [row.run for row in rows]
    best, other = rows
    assert best.best and best.changes == {"learning_rate": 1e-3} and best.planned and not other.planned
    assert best.ndcg > other.ndcg and best.low <= best.change <= best.high
    assert "best of 2 trials" in caution(rows)
    for trial in search.trials():
        record = read_record(trial.run)
        assert record.dollars > 0 and trial.run.model.exists()
        assert trial.run.settings()["recipe"]["learning_rate"] == trial.changes["learning_rate"]
        assert {event["kind"] for event in trial.run.events()[0]} >= {"step", "held_out", "done"}
    assert place.mine() == [search.job().name]

    # tidying up: the other trial goes from the account as well, then what was sent; the best stays
    delete_losers(search, place.trainer.delete)
    assert [run.id for run in all_runs(place.workspace)] == [best.run]
    place.searches.clear(search)
    folder = search.job().folder
    left = [one.uri for one in buckets.list_prefix(place.account.connection, folder)]
    kept = read_record(next(trial.run for trial in search.trials() if trial.run.id == best.run)).name
    assert left and all(f"/output/{kept}/" in one for one in left)
    search.forget()
    place.trainer.delete(all_runs(place.workspace)[0])
    assert buckets.list_prefix(place.account.connection, folder) == []
    assert place.trainer.adopt() == []


def test_a_refusal_is_told_and_a_lost_answer_makes_no_second_search(place):
    place.double.ask("access-denied", operation="CreateHyperParameterTuningJob")
    search = place.create(learning_rate=(1e-6, 1e-3))
    place.searches.start(search)
    place.until(lambda: not search.working(), "the refusal")
    assert search.trials() == [] and "not allowed" in str(search.prototype.status().last).lower()

    place.double.ask("lost-reply", operation="CreateHyperParameterTuningJob")
    before = len(place.jobs())
    place.searches.start(search)
    place.until(lambda: search.trials(), "a trial")
    assert len(place.jobs()) == before + 1 and place.mine() == [search.job().name]
    place.end(search)
    assert {row.state for row in results(search)} <= {"stopped", "done", "failed"}


def test_numbers_between_the_values_are_tried_where_there_are_more_combinations(place):
    search = place.create(2, learning_rate=(1e-4, 1e-3), batch_size=(8, 16), epochs=(1, 2))
    place.searches.start(search)
    place.until(lambda: len(search.trials()) == 2, "both trials")
    for trial in search.trials():
        assert set(trial.changes) == {"learning_rate", "batch_size", "epochs"}
        assert 1e-4 <= trial.changes["learning_rate"] <= 1e-3 and trial.changes["batch_size"] in (8, 16)
        assert trial.changes["epochs"] in (1, 2)
    place.end(search)


@pytest.mark.parametrize("space", [{}, {"learning_rate": (1e-3,)}])
def test_nothing_to_search_makes_nothing(place, space):
    with pytest.raises(WorkbenchError, match="nothing to search"):
        place.create(**space)
    assert not [one for one in place.workspace.searches.iterdir()] and not all_runs(place.workspace)
