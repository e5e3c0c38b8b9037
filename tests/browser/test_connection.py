"""The connection to AWS and an endpoint on SageMaker, by a person with a browser: against the loopback double."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, App, Visitor, cut_off
from tests.browser.test_endpoints_tab import QUESTION, open_tab, write
from tests.sagemaker_double.client import RunningDouble, running_double

pytest.importorskip("moto")


@pytest.fixture(scope="module")
def double() -> Iterator[RunningDouble]:
    """An account of this file's own. Java's model server is proven elsewhere, and is slow on a busy machine."""
    with running_double(JAVA_HOME="/nowhere") as one:
        yield one


@pytest.fixture(scope="module")
def aws_environment(double) -> dict[str, str]:
    return double.environment


def make_strange_endpoint(double: RunningDouble, like: str) -> None:
    """An endpoint of somebody who has no workbench."""
    sagemaker = double.client("sagemaker")
    model = sagemaker.describe_model(ModelName=like)
    sagemaker.create_model(
        ModelName="billing", PrimaryContainer=model["PrimaryContainer"], ExecutionRoleArn=model["ExecutionRoleArn"]
    )
    sagemaker.create_endpoint_config(EndpointConfigName="billing", ProductionVariants=[
        {"VariantName": "a", "ModelName": "billing", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    ])
    sagemaker.create_endpoint(EndpointName="billing", EndpointConfigName="billing")


def what_is_there(double: RunningDouble) -> dict[str, list[str]]:
    """Everything in the account that a deployment makes, by kind."""
    sagemaker, s3 = double.client("sagemaker"), double.client("s3")
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    return {
        "endpoints": [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]],
        "configurations": [one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        "models": [one["ModelName"] for one in sagemaker.list_models()["Models"]],
        "objects": [one["Key"] for bucket in buckets for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])],
        "logs": [
            one["logGroupName"] for one in double.client("logs").describe_log_groups()["logGroups"]
            if "/ewb-" in one["logGroupName"]
        ],
        "schedules": [one["Name"] for one in double.client("scheduler").list_schedules()["Schedules"]],
    }


def connect(page: Page, double: RunningDouble) -> None:
    """Make the bucket, which is all that is missing, and see the account."""
    so = page.locator("#connection-so")
    expect(so).to_contain_text("1 thing is missing")
    expect(page.locator("#connection-facts")).to_contain_text("arn:aws:iam::123456789012:role/SageMakerExecutionRole")
    assert double.client("s3").list_buckets()["Buckets"] == [], "nothing is made without being asked"
    page.locator("#deploy-where").get_by_text("SageMaker", exact=True).click()
    expect(page.locator("#deploy")).to_be_disabled()
    expect(page.locator("#deploy-about")).to_contain_text("Something is missing")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Execution role: trust policy").click()
    page.get_by_role("button", name="Copy: Execution role: trust policy").click()
    assert '"sagemaker.amazonaws.com"' in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Make the bucket").click()
    expect(so).to_contain_text(re.compile(r"connected\s*Account 123456789012 in us-east-1"))
    expect(page.locator("#connection-facts")).to_be_hidden()
    assert len(double.client("s3").list_buckets()["Buckets"]) == 1


def test_connect_deploy_try_and_leave_nothing(visit: Visitor, app: App, double: RunningDouble):
    page = open_tab(visit.open())
    connect(page, double)

    # the price stands before the button, and nothing without an end is deployed by mistake
    cost = page.locator("#deploy-cost")
    expect(cost).to_contain_text("$0.12 an hour, about $0.92 until it deletes itself in 8 hours.")
    page.locator("#deploy-hours").get_by_text("Until I delete it").click()
    expect(cost).to_contain_text("a month, until you delete it")
    expect(page.locator("#deploy-keep")).to_contain_text("about $83.95 a month")
    page.locator("#deploy").click()
    expect(page.locator("#deploying")).to_contain_text("Nothing was deployed.")
    page.locator("#deploy-hours").get_by_text("8 hours").click()
    expect(page.locator("#deploy-keep")).to_be_hidden()
    page.locator("#deploy").click()
    listed = page.locator("#endpoints")
    expect(listed).to_contain_text("Ready", timeout=180_000)
    name = listed.locator("tbody tr").get_attribute("data-row")
    expect(page.locator("#endpoints-so")).to_contain_text(re.compile(r"running on SageMaker\.\s*It costs \$0\.12 an hour\."))

    # it works like one here: two texts, the log, more time, a program to copy
    write(page, "#try-one", QUESTION)
    write(page, "#try-two", QUESTION)
    page.locator("#try").click()
    expect(page.locator("#answer .stat")).to_contain_text("1.00")
    page.get_by_role("button", name=f"Log {name}").click()
    expect(page.locator("#endpoint-log pre")).to_contain_text("/invocations")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#endpoint-log pre")).to_have_count(0)
    page.get_by_role("button", name=f"Extend {name}").click()
    expect(listed).to_contain_text("in 15 h")
    expect(page.locator("#snippet-kind")).not_to_contain_text("curl")
    expect(page.locator("#program")).to_contain_text("invoke_endpoint")
    expect(page.locator("#token button")).to_have_count(0)
    program = [sys.executable, "-c", page.locator("#program").inner_text()]
    answer = subprocess.run(program, env={**os.environ, **double.environment}, capture_output=True, text=True)
    assert answer.stdout == "384 numbers\n", answer.stderr

    # the app is closed and started again: what costs is shown on its first page, before anybody asks
    page.context.close()
    app.end()
    app.start()
    page = visit.open(viewport=PHONE, dark=True)
    expect(page.locator(".masthead .running.costs")).to_contain_text("1 endpoint running · $0.12 an hour", timeout=60_000)
    open_tab(page)
    listed = page.locator("#endpoints")
    expect(listed).to_contain_text(name, timeout=60_000)

    # somebody else's endpoint is there to be seen and not touched
    make_strange_endpoint(double, like=name)
    expect(listed.locator("tr.foreign")).to_contain_text("billing", timeout=60_000)
    expect(listed.locator("tr.foreign button")).to_have_count(1)
    assert not cut_off(page)
    page.get_by_role("button", name="Unlock billing").click()
    write(page, "#typed-name", "bill")
    page.locator("#delete-now").click()
    expect(page.locator("#endpoints-trouble")).to_contain_text("Nothing was deleted")
    page.locator("#keep").click()

    # by its typed name it is deleted step by step, and nothing of it is left
    page.get_by_role("button", name=f"Delete {name}").click()
    write(page, "#typed-name", name)
    page.locator("#delete-now").click()
    expect(page.locator("#deleting")).to_contain_text("Deleting the archive on S3")
    expect(page.locator("#deleting")).to_contain_text("nothing is left", timeout=60_000)
    expect(page.locator("#endpoints-so")).to_contain_text("No endpoints yet.")
    expect(page.locator(".masthead .running")).to_have_count(0, timeout=15_000)
    assert what_is_there(double) == {
        "endpoints": ["billing"], "configurations": ["billing"], "models": ["billing"], "objects": [], "logs": [],
        "schedules": [],
    }

    # unlocked by its name it may go, too
    page.get_by_role("button", name="Unlock billing").click()
    write(page, "#typed-name", "billing")
    page.locator("#delete-now").click()
    page.get_by_role("button", name="Delete billing").click()
    expect(page.locator("#confirm-delete")).to_contain_text("No workbench made it.")
    write(page, "#typed-name", "billing")
    page.locator("#delete-now").click()
    expect(listed.locator("tr")).to_have_count(0, timeout=60_000)
    assert what_is_there(double)["endpoints"] == []


def test_without_aws_it_says_what_aws_would_add_and_raises_no_alarm(browser, tmp_path):
    one = App(tmp_path / "workspace")
    one.workspace.mkdir()
    one.start()
    visitor = Visitor(browser, one.address)
    try:
        page = open_tab(visitor.open())
        expect(page.locator("#connection-so")).to_contain_text("Everything works on this machine without AWS.")
        expect(page.locator("#connection-so .notice")).to_have_count(0)
        page.locator("#deploy-where").get_by_text("Serverless").click()
        expect(page.locator("#deploy-about")).to_contain_text("There is no connection to AWS.")
        expect(page.locator("#deploy")).to_be_disabled()
        page.get_by_role("button", name="See the connection").click()
        expect(page.locator("#connection-look")).to_be_in_viewport()
        page.locator("#deploy-where").get_by_text("This machine").click()
        expect(page.locator("#deploy")).to_be_enabled()
        assert not visitor.complaints
    finally:
        visitor.close()
        one.stop()
