"""Endpoints on SageMaker without an account: requests that fit, options, words for what was seen, answers that are kept."""

import json
import threading
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.aws import tags
from core.aws.hosting import Described, Listed, Machines, Serverless
from core.aws.metrics import Counted
from core.aws.prices import serverless_price
from core.cli.arguments import parser
from core.cli.deploy import CALLS_A_MINUTE, spec_of
from core.endpoints.host import DeploySpec, Scaling
from core.endpoints.remembered import Incomplete, Remembered
from core.endpoints.sagemaker_client import requests
from core.endpoints.sagemaker_folder import DeploymentFolder, is_name
from core.endpoints.sagemaker_look import kind_of, with_endpoint
from core.endpoints.sagemaker_view import Seen
from core.errors import WorkbenchError
from core.models import ModelRef

ME = "arn:aws:iam::123456789012:user/me"
NAME = "ewb-faq-1-0123abcd-sagemaker"


@given(
    texts=st.lists(st.text(max_size=40), max_size=60), most=st.integers(1, 8), most_bytes=st.integers(20, 400),
)
def test_requests_hold_all_texts_in_order_and_fit(texts, most, most_bytes):
    made = list(requests(texts, most, most_bytes))
    assert [text for some in made for text in some] == texts
    for some in made:
        assert 1 <= len(some) <= most
        assert len(some) == 1 or len(json.dumps({"inputs": some})) <= most_bytes + len(json.dumps({"inputs": []}))


@given(st.text(max_size=80))
def test_a_name_from_a_link_is_no_path(text):
    assert not is_name(text) or Path(text).name == text and not text.startswith(".")


def test_the_kind_is_read_from_the_name():
    assert [kind_of(f"ewb-a-b-{end}") for end in ("sagemaker", "serverless", "tei")] == ["sagemaker", "serverless", "tei"]


TWO = Machines("ml.m5.large", 2)


def seen(status: str = "InService", size=TWO, price: float | None = 0.5, age: float = 7200.0, **more):
    created = time.time() - age
    described = Described(NAME, "arn", status, more.pop("reason", ""), created, NAME, more.pop("instances", None))
    its_tags = {**tags.make_tags("endpoint", more.pop("owner", ME), "faq-1", more.pop("expires", None)), **more}
    return Seen(Listed(NAME, created, "arn", status, created), described, size, its_tags, price, Counted(3, 100.0))


@pytest.fixture
def folder(tmp_path) -> DeploymentFolder:
    return DeploymentFolder(tmp_path / NAME)


CHECKED = {tags.CHECKED: tags.READY}


def test_what_it_costs_is_its_machines_times_its_hours(folder):
    two = with_endpoint(seen(**CHECKED), folder, ME)
    assert (two.state, two.an_hour, two.machine, two.calls) == ("Ready", 1.0, "2 × ml.m5.large", 3)
    assert two.so_far == pytest.approx(2.0, rel=1e-3)
    assert with_endpoint(seen(instances=3, **CHECKED), folder, ME).an_hour == 1.5
    serverless = with_endpoint(seen(size=Serverless(2048, 5), price=None, **CHECKED), folder, ME)
    assert serverless.an_hour == 0 and serverless.so_far == pytest.approx(serverless_price(2048).an_hour * 100 / 3600)
    assert "only while it works" in serverless.machine and serverless.why == ""
    assert with_endpoint(seen("Failed", reason="InsufficientInstanceCapacity"), folder, ME).so_far == 0
    unknown = with_endpoint(seen(price=None, **CHECKED), folder, ME)
    assert unknown.an_hour == 0 and "not known" in unknown.why


@pytest.mark.parametrize("status, more, state, says", [
    ("InService", CHECKED, "Ready", ""), ("Updating", CHECKED, "Ready", ""),
    ("InService", {tags.CHECKED: tags.WRONG}, "Wrong", "not the model's own"),
    ("InService", {}, "Wrong", "Nobody has checked"), ("InService", {"age": 30.0}, "Starting", "machine that deploys it"),
    ("Creating", {}, "Starting", ""), ("Deleting", {}, "Deleting", ""), ("OutOfService", {}, "Failed", "does not say why"),
    ("InService", {**CHECKED, "expires": 5.0}, "Deleting", "time is over"),
    ("InService", {**CHECKED, "expires": 5.0, "owner": "you"}, "Ready", "time is over"),
])
def test_its_state_is_read_from_what_aws_says(folder, status, more, state, says):
    endpoint = with_endpoint(seen(status, **more), folder, ME)
    assert endpoint.state == state and says in endpoint.why and bool(endpoint.why) == bool(says)
    assert endpoint.whose == ("colleague" if more.get("owner") else "mine")


def test_an_end_that_no_tag_tells_is_said_and_its_cost_counts_on(folder):
    assert all(with_endpoint(seen(**CHECKED, **more), folder, ME).end_known for more in ({}, {"expires": time.time() + 60}))
    damaged = seen(**CHECKED, **{tags.EXPIRES: "tomorrow"})
    unread = replace(seen(**CHECKED), tags={}, tags_unread=True)
    for one in (damaged, unread):
        endpoint = with_endpoint(one, folder, ME)
        assert not endpoint.end_known and "cannot be told" in endpoint.why and endpoint.an_hour == 1.0
    folder.begin(ModelRef("faq", Path("faq"), "d" * 64), DeploySpec("sagemaker", 1), "bucket", time.time() + 60)
    folder.outcome_file.write_text('{"state": "Ready", "why": ""}')
    assert not with_endpoint(seen(**CHECKED), folder, ME).end_known, "its tag is gone: here it was given an end"


def test_what_this_machine_knows_goes_before(folder):
    folder.begin(ModelRef("faq", Path("faq"), "d" * 64), DeploySpec("sagemaker", 1, scaling=Scaling(1, 4, 9)), "bucket", None)
    starting = with_endpoint(seen(**CHECKED), folder, ME)
    assert (starting.state, starting.model, starting.machine) == ("Starting", "faq", "2 × ml.m5.large (1 to 4)")
    folder.deleting_file.write_text('{"left": ["the model: no"]}')
    assert "the model: no" in with_endpoint(seen(**CHECKED), folder, ME).why
    folder.intent_file.write_text("damaged")
    assert folder.spec() is None and with_endpoint(seen(**CHECKED), folder, ME).model == "faq-1"
    folder.forget()
    folder.forget()
    assert list(folder.folder.parent.iterdir()) == []


def options(*given: str) -> Namespace:
    return parser().parse_args(["deploy", "run", *given])


def test_options_say_what_to_deploy_on():
    assert spec_of(options()) == DeploySpec("here", 8.0)
    assert spec_of(options("--on", "tei", "--instance-type", "ml.g5.xlarge", "--count", "2", "--hours", "never")) == DeploySpec(
        "tei", None, "ml.g5.xlarge", 2)
    assert spec_of(options("--on", "serverless", "--memory", "4096", "--concurrency", "9")) == DeploySpec(
        "serverless", 8.0, memory_mb=4096, concurrency=9)
    assert spec_of(options("--on", "sagemaker", "--min", "2", "--max", "3")) == DeploySpec(
        "sagemaker", 8.0, count=2, scaling=Scaling(2, 3, CALLS_A_MINUTE))


@pytest.mark.parametrize("given", [
    ("--count", "2"), ("--on", "sagemaker", "--memory", "2048"), ("--on", "serverless", "--instance-type", "ml.m5.large"),
    ("--on", "sagemaker", "--min", "2"),
])
def test_an_option_that_would_say_nothing_is_refused(given):
    with pytest.raises(WorkbenchError):
        spec_of(options(*given))


def test_an_answer_that_hangs_or_fails_leaves_the_last_one():
    go_on, asked = threading.Event(), threading.Event()
    answers = iter([["one"], WorkbenchError("no"), ["two"]])

    def ask() -> list[str]:
        asked.set()
        go_on.wait(10)
        answer = next(answers)
        if isinstance(answer, WorkbenchError):
            raise answer
        return answer

    kept = Remembered(ask, 0.0, [])
    assert kept.last() == [] and asked.wait(10) and kept.last() == []  # nobody waits, and it is asked once at a time
    go_on.set()
    end = time.monotonic() + 10
    while kept._asking and time.monotonic() < end:
        time.sleep(0.01)
    assert kept._answer == ["one"] and kept.trouble is None
    assert kept.now() == ["one"] and str(kept.trouble) == "no"
    assert kept.now() == ["two"] and kept.trouble is None


def test_a_part_of_an_answer_is_kept_with_why_the_rest_is_missing_and_since_when_is_remembered():
    answers = iter([["a"], WorkbenchError("No network."), Incomplete(["a", "b"], WorkbenchError("Not allowed.")), ["c"]])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Remembered(ask, 0.0, [])
    assert kept.heard is None
    assert kept.now() == ["a"] and kept.trouble is None and time.time() - kept.heard < 60
    heard = kept.heard
    assert kept.now() == ["a"] and str(kept.trouble) == "No network." and kept.heard == heard
    assert kept.now() == ["a", "b"] and str(kept.trouble) == "Not allowed." and kept.heard > heard
    assert kept.now() == ["c"] and kept.trouble is None
