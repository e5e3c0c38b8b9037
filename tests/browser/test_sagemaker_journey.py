"""All of it on SageMaker, by a person with a browser: bring pairs, train, compare, deploy, try, delete, and nothing is left.

Against the loopback double, which runs the container's command and the containers' own model server.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, App, Visitor
from tests.browser.test_connection import connect, what_is_there
from tests.browser.test_endpoints_tab import QUESTION, open_tab, write
from tests.sagemaker_double.client import RunningDouble, running_double

pytest.importorskip("moto")

NOTHING = {"endpoints": [], "configurations": [], "models": [], "objects": [], "logs": [], "schedules": []}
#: How many points the line of each step's loss has.
POINTS = "document.querySelectorAll('#loss .scatterlayer .trace')[0]?.querySelectorAll('.point').length || 0"


@pytest.fixture(scope="module")
def double() -> Iterator[RunningDouble]:
    with running_double() as one:  # with Java its endpoints are the containers' own model server
        yield one


@pytest.fixture(scope="module")
def aws_environment(double) -> dict[str, str]:
    return double.environment


def bring_pairs(page: Page) -> None:
    page.locator("#upload input[type=file]").set_input_files(ROOT / "data" / "bedrock_faq.csv")
    expect(page.locator("#file-card")).to_contain_text("bedrock_faq.csv")


def choose_sagemaker(page: Page) -> None:
    """Choose it on the Train tab, and see what it will cost."""
    page.get_by_role("tab", name="Train").click()
    page.locator("#set-on").get_by_text("SageMaker", exact=True).click()
    expect(page.locator("#train-account")).to_contain_text("Account 123456789012 in us-east-1")
    expect(page.locator("#train-cost")).to_contain_text(re.compile(r"About \$0\.\d+"), timeout=60_000)
    expect(page.locator("#train-cost")).to_contain_text("at the latest")


def train(page: Page) -> str:
    """Train there, with the loss moving while the job runs; the run's id."""
    choose_sagemaker(page)
    page.locator("#set-evidence").get_by_text("One held-out part", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    card = page.locator("#run")
    expect(page).to_have_url(re.compile("run="))
    run = re.search(r"run=([a-z0-9-]+)", page.url)[1]
    expect(card).to_contain_text(run)
    expect(page.locator(".masthead .running.costs")).to_contain_text("1 training", timeout=60_000)
    # points arrive while the job trains, not when it is over
    page.wait_for_function(f"({POINTS}) >= 2", timeout=180_000)
    expect(card).not_to_contain_text("finished")
    expect(card).to_contain_text("finished", timeout=300_000)
    expect(card).to_contain_text("the right answer comes first for")
    return run


def compare(page: Page) -> None:
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#verdict .verdict")).to_contain_text("The right answer comes first for", timeout=120_000)
    expect(page.locator("#cosines .big.b")).to_have_text(re.compile(r"0\.\d\d"), timeout=60_000)


def deploy(page: Page, run: str) -> str:
    """Deploy the run's model; the endpoint's name."""
    open_tab(page)
    expect(page.locator("#deploy-model input")).to_have_value(run)
    page.locator("#deploy-where").get_by_text("SageMaker", exact=True).click()
    expect(page.locator("#deploy-cost")).to_contain_text("an hour")
    page.locator("#deploy").click()
    expect(page.locator("#endpoints")).to_contain_text("Ready", timeout=300_000)
    return page.locator("#endpoints tbody tr").get_attribute("data-row")


@pytest.mark.timeout(900)
def test_from_pairs_to_an_empty_account(visit: Visitor, app: App, double: RunningDouble):
    page = visit.open()
    bring_pairs(page)
    connect(open_tab(page), double)
    run = train(page)
    compare(page)
    name = deploy(page, run)
    write(page, "#try-one", QUESTION)
    page.locator("#try").click()
    expect(page.locator("#answer tbody tr")).to_contain_text("384")

    page.get_by_role("button", name=f"Delete {name}").click()
    write(page, "#typed-name", name)
    page.locator("#delete-now").click()
    expect(page.locator("#deleting")).to_contain_text("nothing is left", timeout=120_000)
    page.get_by_role("tab", name="Train").click()
    page.locator("#run").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#run")).not_to_contain_text(run, timeout=60_000)
    expect(page.locator(".masthead .running")).to_have_count(0, timeout=15_000)

    assert what_is_there(double) == NOTHING
    jobs = double.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert [one["TrainingJobStatus"] for one in jobs] in ([], ["Completed"])  # AWS keeps the record of a job that is over
    streams = double.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
    assert streams == []
