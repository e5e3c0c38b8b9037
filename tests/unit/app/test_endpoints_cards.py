"""The Endpoints tab without a browser: its cards, and what the server does on its behalf."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from core.endpoints.host import Deleted, DeploySpec, Endpoint
from core.endpoints.leftovers import Leftover
from core.errors import WorkbenchError
from core.runs.trainers import RunningCost
from core.workspace import Workspace
from workbench.cards import endpoints as cards
from workbench.cards.banner import banner
from workbench.deployments import Deployments, Task, with_step
from workbench.trial import Latency

EVIL = "</b><script>alert('x')</script>\" onload=\"alert(1)"


def endpoint(**values) -> Endpoint:
    now = time.time()
    usual = {"name": "faq-1", "on": "here", "state": "Ready", "why": "", "model": "faq-quick-1", "created": now - 725}
    usual |= {"expires": now + 3650, "an_hour": 0.0, "so_far": 0.0, "calls": 3, "address": "http://127.0.0.1:1/"}
    return Endpoint(**(usual | values))


class Host:
    """A host in memory that waits, in ``deploy`` and ``delete``, until it may go on."""

    def __init__(self):
        self.there: dict[str, Endpoint] = {}
        self.go_on = threading.Event()
        self.deployed: list[str] = []
        self.extended: list[float] = []
        self.left: tuple[str, ...] = ()
        self.outcome = "Ready"
        self.trouble = None
        self.deleted: list[tuple[str, bool]] = []
        self.lying: list[Leftover] = []

    def deploy(self, model, spec, tell):
        self.deployed.append(model.name)
        tell("Packing the model")
        self.there["a"] = endpoint(name="a", model=model.name, state="Starting")
        self.go_on.wait(10)
        self.there["a"] = replace(self.there["a"], state=self.outcome)
        return self.there["a"]

    def list(self):
        return list(self.there.values())

    def embed(self, name, texts):
        return np.ones((len(texts), 4), np.float32)

    def extend(self, name, hours):
        self.extended.append(hours)
        return self.there[name]

    def delete(self, name, tell, *, unlocked=False):
        tell("Ending its process")
        self.go_on.wait(10)
        if not self.left:
            del self.there[name]
        self.deleted.append((name, unlocked))
        return Deleted(("The process",), self.left)

    def leftovers(self):
        return self.lying

    def remove(self, leftover, tell):
        tell("Removing it")
        self.lying = [one for one in self.lying if one != leftover]


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def deployments(tmp_path, host):
    return Deployments(Workspace.at(tmp_path), host)


def ended(deployments, kind) -> Task:
    """The newest task of that kind, once it is over."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        tasks = deployments.recent(kind)
        if tasks and all(task.ended is not None for task in tasks):
            return tasks[-1]
        time.sleep(0.01)
    raise AssertionError("it does not end")


def test_two_clicks_deploy_once_and_the_click_does_not_wait(deployments, host):
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    with pytest.raises(WorkbenchError, match="being deployed already"):
        deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    assert deployments.recent("deploy")[0].ended is None
    host.go_on.set()
    task = ended(deployments, "deploy")
    assert task.trouble is None and task.steps == ("Packing the model",) and host.deployed == ["all-MiniLM-L6-v2"]
    assert [one.state for one in deployments.endpoints()] == ["Ready"]


@pytest.mark.parametrize("outcome, words", [("Wrong", "cannot be relied on"), ("Failed", "not in service")])
def test_what_does_not_work_is_not_called_deployed(deployments, host, outcome, words):
    host.outcome = outcome
    host.go_on.set()
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    task = ended(deployments, "deploy")
    assert words in str(task.trouble) and "Deployed" not in cards.tasks_card([task])


def test_a_bug_ends_the_task_with_words(deployments, host):
    host.deploy = lambda *values: 1 / 0
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    assert "not foreseen" in str(ended(deployments, "deploy").trouble)


def test_a_model_that_is_not_there_is_refused_at_once(deployments, host):
    with pytest.raises(WorkbenchError):
        deployments.deploy("no-such-model", DeploySpec("here", 8))
    assert not deployments.recent("deploy") and not host.deployed


def test_deleting_twice_deletes_once_and_looks_again(deployments, host):
    host.there["a"] = endpoint(name="a")
    deployments.delete("a")
    with pytest.raises(WorkbenchError, match="being deleted already"):
        deployments.delete("a")
    host.go_on.set()
    task = ended(deployments, "delete")
    assert task.steps == ("Ending its process", "Looked again: nothing is left") and not deployments.endpoints()


def test_what_is_left_is_said(deployments, host):
    host.there["a"] = endpoint(name="a")
    host.left = ("The archive: the disk is read-only.",)
    host.go_on.set()
    deployments.delete("a")
    task = ended(deployments, "delete")
    assert "read-only" in str(task.trouble) and "nothing is left" not in cards.tasks_card([task])


def test_all_of_mine_are_deleted_and_each_is_shown_until_something_else_begins(deployments, host):
    host.there = {name: endpoint(name=name) for name in "xyz"}
    host.there |= {"b": endpoint(name="b", whose="colleague"), "f": endpoint(name="f", whose="foreign")}
    deployments.delete_mine()
    deployments.delete_mine()  # a second click starts nothing more
    assert [task.subject for task in deployments.recent("delete")] == ["x", "y", "z"]
    host.go_on.set()
    ended(deployments, "delete")
    assert set(host.there) == {"b", "f"} and cards.tasks_card(deployments.recent("delete")).count("nothing is left") == 3
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    assert not deployments.recent("delete") and ended(deployments, "deploy")


@pytest.mark.parametrize("name", ["b", "", "../a", "A"])
def test_only_what_is_listed_can_be_deleted(deployments, host, name):
    host.there["a"] = endpoint(name="a")
    with pytest.raises(WorkbenchError, match="no endpoint"):
        deployments.delete(name)
    assert not deployments.recent("delete")


def test_extending_never_shortens(deployments, host):
    host.there["a"] = endpoint(name="a", expires=time.time() + 20 * 3600)
    deployments.extend(host.there["a"], 8)
    assert host.extended[0] == pytest.approx(28, abs=0.1)


@pytest.mark.parametrize(
    "there, sentence, rest",
    [
        ([], "No endpoints yet.", "Deploy a model"),
        ([{}], "One endpoint is running here.", "It costs nothing."),
        ([{"state": "Starting"}], "One endpoint is starting here.", "It costs nothing."),
        ([{"state": "Wrong"}], "gives the wrong vectors", "It costs nothing."),
        ([{"state": "Failed"}], "has failed", "It costs nothing."),
        ([{"on": "sagemaker", "an_hour": 0.23}], "One endpoint is running on SageMaker.", "It costs $0.23 an hour."),
        ([{}, {"an_hour": 0.23, "on": "sagemaker"}, {"state": "Failed"}], "2 endpoints are running.", "$0.23 an hour. 1 needs"),
    ],
)
def test_the_first_sentence_says_what_is_so(there, sentence, rest):
    card = cards.first_sentence([endpoint(**values) for values in there])
    assert sentence in card and rest in card


def leftover(**values) -> Leftover:
    usual = {"kind": "model", "name": "ewb-a", "what": "The model of an endpoint that is not there", "an_hour": 0.0}
    return Leftover(**(usual | {"whose": "mine"} | values))


def test_the_banner_is_amber_only_where_it_costs():
    assert banner([]) == "" and banner([endpoint(state="Failed")]) == ""
    assert banner([endpoint()]) == '<span class="running">1 endpoint running, free</span>'
    costly = banner([endpoint(), endpoint(on="serverless", an_hour=1.5)])
    assert "costs" in costly and "2 endpoints running · $1.50 an hour · the next ends in 1 h 00 min" in costly


def test_an_end_that_is_not_known_is_said_in_the_list_and_on_every_tab():
    endless = endpoint(expires=None, end_known=False)
    shown = cards.list_card([endless])
    assert "not known" in shown and "never; delete" not in shown and 'data-do="extend"' in shown and 'data-do="delete"' in shown
    assert "never; delete" in cards.list_card([endpoint(expires=None)])
    assert "1 may never delete itself" in banner([endless, endpoint()]) and "costs" in banner([endless])
    assert "1 may never delete itself · $1.50 an hour" in banner([endpoint(expires=None, end_known=False, an_hour=1.5)])
    assert "delete itself" not in banner([endpoint(expires=None)])


def test_the_banner_counts_what_else_costs_and_hides_no_trouble():
    job = leftover(kind="training-job", an_hour=0.23)
    assert "1 endpoint running · 1 other thing costs · $0.23 an hour" in banner([endpoint()], [job, leftover()])
    both = banner([endpoint(), endpoint(an_hour=0.12)], trainings=[RunningCost(None, 0.23, 0.01)])
    assert "2 endpoints and 1 training running · $0.35 an hour" in both
    assert "price is not known" in banner([], trainings=[RunningCost(None, None, None)])
    assert banner([], [leftover()]) == "" and banner([endpoint(whose="foreign", an_hour=9.0)]) == ""
    trouble = banner([], trouble=WorkbenchError("No network."))
    assert "costs" in trouble and "cannot be asked" in trouble and "free" not in trouble and "heard" not in trouble
    silent = banner([endpoint(an_hour=0.12)], trouble=WorkbenchError("No network."), heard=time.time() - 125)
    assert "cannot be asked what runs there, last heard 2 min ago" in silent and "$0.12 an hour" in silent


def test_the_list_says_since_when_aws_is_silent():
    trouble = WorkbenchError("No network.")
    assert cards.trouble_card(None, 0.0) == ""
    assert "last heard 12 min ago" in cards.trouble_card(trouble, time.time() - 725)
    never = cards.trouble_card(trouble)
    assert "cannot be seen" in never and "heard" not in never and "It may still cost" in never
    assert "Not everything" in cards.trouble_card(trouble, time.time())  # it answers, but not all


def test_what_no_workbench_made_is_untouchable_until_it_is_unlocked(deployments, host):
    host.there = {"f": endpoint(name="f", whose="foreign"), "a": endpoint(name="a", created=0)}
    assert [one.name for one in deployments.endpoints()] == ["a", "f"], "last, however new it is"
    with pytest.raises(WorkbenchError, match="not made by a workbench"):
        deployments.delete("f")
    assert deployments.known("f") is None and not deployments.recent("delete")
    locked, unlocked = cards.list_card([host.there["f"]]), cards.list_card([host.there["f"]], ["f"])
    assert 'class="foreign"' in locked and 'data-do="unlock"' in locked
    assert not any(f'data-do="{do}"' in locked for do in ("try", "extend", "log", "delete"))
    assert 'data-do="delete"' in unlocked and "Type <code>f</code>" in cards.confirm_unlock(host.there["f"])
    host.go_on.set()
    deployments.delete("f", unlocked=True)
    ended(deployments, "delete")
    assert host.deleted == [("f", True)]


def test_a_colleagues_endpoint_is_marked():
    shown = cards.list_card([endpoint(whose="colleague", on="sagemaker", machine="1 × ml.m5.large"), endpoint(whose="colleague")])
    assert "a colleague’s" in shown and "1 × ml.m5.large" in shown and "delete-all" not in shown
    assert "a colleague’s" in cards.confirm_one(endpoint(whose="colleague"))


def test_what_is_left_over_is_removed_but_never_what_is_at_work_by_one_click(deployments, host):
    job = leftover(kind="training-job", name="ewb-job", what="A training job that is running", an_hour=0.23)
    host.lying = [job, leftover(), leftover(kind="log", whose="colleague")]
    card = cards.leftovers_card(host.lying)
    assert card.count('data-do="remove"') == 3 and "remove-all" in card and "$0.23" in card and "a colleague’s" in card
    assert cards.removable(host.lying) == host.lying[1:]
    deployments.remove_all()
    ended(deployments, "remove")
    assert host.lying == [job] and "remove-all" not in cards.leftovers_card(host.lying)
    deployments.remove("training-job", "ewb-job")
    ended(deployments, "remove")
    assert host.lying == [] and cards.leftovers_card([]) == ""
    with pytest.raises(WorkbenchError, match="not left over"):
        deployments.remove("training-job", "ewb-job")


def test_the_same_model_may_go_to_two_places_at_once(deployments, host):
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("here", 8))
    deployments.deploy("all-MiniLM-L6-v2", DeploySpec("serverless", 8))
    assert [task.subject for task in deployments.recent("deploy")] == [
        "all-MiniLM-L6-v2", "all-MiniLM-L6-v2 on SageMaker serverless",
    ]
    host.go_on.set()
    ended(deployments, "deploy")


@pytest.mark.parametrize("steps, step, after", [
    ((), "Packing", ("Packing",)),
    (("Packing", "Uploading: 3 %"), "Uploading: 100 %", ("Packing", "Uploading: 100 %")),
    (("Packing",), "Waiting, 1 s", ("Packing", "Waiting, 1 s")),
])
def test_a_step_that_only_counts_on_takes_the_place_of_the_last(steps, step, after):
    assert with_step(steps, step) == after


def test_the_list_says_when_it_may_lack_something():
    assert cards.trouble_card(None) == ""
    assert "may still cost" in cards.trouble_card(WorkbenchError("No network."))


def test_the_list_offers_what_can_be_done():
    ready = cards.list_card([endpoint()])
    assert all(f'data-do="{do}"' in ready for do in ("try", "extend", "delete")) and "delete-all" not in ready
    assert "free" in ready and "12 min" in ready and "in 1 h 00 min" in ready
    wrong = cards.list_card([endpoint(state="Wrong", why="The vectors differ."), endpoint(name="b")])
    assert "in service but wrong" in wrong and "The vectors differ." in wrong and "delete-all" in wrong
    deleting = cards.list_card([endpoint(state="Deleting")])
    assert 'data-do="delete"' not in deleting and "disabled" in deleting
    assert "under 1 min" in cards.list_card([endpoint(created=time.time() - 5)])
    assert "delete it yourself" in cards.list_card([endpoint(expires=None, calls=None)])


def test_hostile_text_stays_text():
    evil = endpoint(name=EVIL, model=EVIL, why=EVIL, address=EVIL)
    shown = [
        cards.list_card([evil, evil]), cards.list_card([replace(evil, whose="foreign", machine=EVIL)], [EVIL]),
        cards.leftovers_card([leftover(kind=EVIL, name=EVIL, what=EVIL)] * 2), cards.log_card(EVIL, EVIL),
        cards.confirm_removal([leftover(name=EVIL, what=EVIL)], EVIL), cards.confirm_unlock(evil),
        cards.trouble_card(WorkbenchError(EVIL)), cards.confirm_one(evil), cards.confirm_all([evil], EVIL), cards.trial_card(EVIL),
        cards.program_card(EVIL), cards.file_card(EVIL, 2),
        cards.tasks_card([Task("deploy", EVIL, 0, 1, (EVIL,), WorkbenchError(EVIL, EVIL, EVIL))]),
    ]
    for card in shown:
        assert "<script" not in card and 'onload="' not in card


def test_what_was_answered_is_shown_with_its_size():
    card = cards.vectors_card(np.ones((2, 384), np.float32), 0.031, 0.54321)
    assert "384" in card and "0.54" in card and "31 ms" in card and "Another" in card
    assert "cosine" not in cards.vectors_card(np.ones((1, 384), np.float32), 0.031, None)
    assert "20 calls" in cards.latency_card(Latency(20, 0.012, 0.034))
