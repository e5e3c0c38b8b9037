"""Orders to AWS about jobs: which refusals mean that all is well, which are passed on, and what is listed as costing."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from core.aws import running, tags, training
from core.aws.errors import AwsError
from core.aws.running import Running, list_running

GONE, TAKEN, DENIED, THROTTLED = "ResourceNotFound", "ResourceInUse", "AccessDeniedException", "ThrottlingException"
REFUSED = "ValidationException"


class SageMaker:
    """Notes what it is asked; refuses the operations in ``refuses``, and answers the others with what is in ``answers``."""

    def __init__(self, refuses=None, answers=None):
        self.refuses, self.answers, self.asked = refuses or {}, answers or {}, []

    def __getattr__(self, operation):
        def ask(**wanted):
            self.asked.append((operation, wanted))
            if code := self.refuses.get(operation):
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
            answer = self.answers.get(operation, {})
            return answer(**wanted) if callable(answer) else answer

        return ask

    def get_paginator(self, operation):
        return SimpleNamespace(paginate=lambda **wanted: iter([getattr(self, operation)(**wanted)]))


def account(refuses=None, answers=None):
    sagemaker = SageMaker(refuses, answers)
    return SimpleNamespace(region="eu-central-1", client=lambda name: sagemaker, sagemaker=sagemaker)


@pytest.mark.parametrize(("order", "operation", "well"), [
    (lambda there: training.create(there, {}), "create_training_job", {TAKEN}),
    (lambda there: training.delete(there, "a"), "delete_training_job", {GONE, REFUSED, DENIED}),
    (lambda there: training.end_warm_pool(there, "a"), "update_training_job", {GONE, REFUSED}),
    (lambda there: running.end(there, "training-job", "a"), "stop_training_job", {GONE}),
    (lambda there: running.end(there, "tuning-job", "a"), "stop_hyper_parameter_tuning_job", {GONE}),
    (lambda there: running.end(there, "warm-pool", "a"), "update_training_job", {GONE}),
])
@pytest.mark.parametrize("code", [None, GONE, TAKEN, DENIED, THROTTLED, REFUSED])
def test_a_refusal_matters_unless_what_was_wanted_is_so_already(order, operation, well, code):
    there = account({operation: code})
    if code in well or code is None:
        order(there)
    else:
        with pytest.raises(AwsError) as caught:
            order(there)
        assert caught.value.code == code
    assert [asked for asked, _ in there.sagemaker.asked] == [operation]


@pytest.mark.parametrize(("status", "passed_on"), [("InProgress", True), ("Stopped", False), (None, False)])
def test_that_a_job_may_not_be_stopped_matters_only_while_it_is_at_work(status, passed_on):
    there = account({"stop_training_job": DENIED, **({} if status else {"describe_training_job": GONE})}, {
        "describe_training_job": {"TrainingJobName": "a", "TrainingJobStatus": status},
    })
    if passed_on:
        with pytest.raises(AwsError, match="stop the training"):
            training.stop(there, "a")
    else:
        training.stop(there, "a")
    assert [asked for asked, _ in there.sagemaker.asked] == ["stop_training_job", "describe_training_job"]


def test_a_job_that_is_not_there_is_none_and_a_refusal_no_answer():
    assert training.describe(account({"describe_training_job": GONE}), "a") is None
    with pytest.raises(AwsError, match="describe the training"):
        training.describe(account({"describe_training_job": DENIED}), "a")


def test_what_costs_is_listed_where_the_workbench_has_made_it():
    ours = tags.make_tags("training", "ada", "a-1")

    def jobs(**wish):
        names = {"InProgress": ["ours", "another's", "gone"], "Stopping": ["ends"]}.get(wish.get("StatusEquals"), ["warm"])
        return {"TrainingJobSummaries": [{"TrainingJobName": name, "TrainingJobArn": name} for name in names]}

    def tuning(**wish):
        names = ["tuning"] if wish["StatusEquals"] == "Stopping" else []
        return {"HyperParameterTuningJobSummaries": [
            {"HyperParameterTuningJobName": name, "HyperParameterTuningJobArn": name} for name in names
        ]}

    def its_tags(ResourceArn):  # noqa: N803 - boto3's name
        if ResourceArn == "gone":
            raise ClientError({"Error": {"Code": GONE, "Message": "no"}}, "ListTags")
        return {"Tags": tags.to_list({} if ResourceArn == "another's" else ours)}

    answers = {
        "list_training_jobs": jobs, "list_hyper_parameter_tuning_jobs": tuning, "list_tags": its_tags,
        "describe_training_job": {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}},
    }
    assert list_running(account(answers=answers)) == [
        Running("training-job", "ours", ours, "ml.m5.xlarge", 2), Running("training-job", "ends", ours, "ml.m5.xlarge", 2, True),
        Running("warm-pool", "warm", ours, "ml.m5.xlarge", 2), Running("tuning-job", "tuning", ours, "", 0, True),
    ]
    with pytest.raises(AwsError, match="list the jobs"):
        list_running(account({"list_training_jobs": DENIED}, answers))
    with pytest.raises(AwsError, match="give the tags"):
        list_running(account({"list_tags": DENIED}, answers))
