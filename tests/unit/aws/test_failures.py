"""The usual FailureReasons, as SageMaker words them."""

import pytest

from core.aws.failures import explain_failure


@pytest.mark.parametrize("reason, why, what_to_do", [
    ("CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type.",
     "no free instance", "another instance type"),
    ("Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.", "no free", "later"),
    ("AlgorithmError: torch.OutOfMemoryError: CUDA out of memory., exit code: 1", "out of memory", "half the pairs"),
    ("AlgorithmError: , exit code: 137", "out of memory", "larger instance"),
    ("ClientError: Please use an instance type with more memory, or reduce the size of training data", "memory", "larger"),
    ("ClientError: User: arn:aws:sts::1:assumed-role/r/SageMaker is not authorized to perform: s3:GetObject on resource: x",
     "may not do s3:GetObject", "execution policy"),
    ("ClientError: Data download failed:Access denied. The bucket's policy", "not allowed", "trust policy"),
    ('ClientError: Data download failed: No S3 objects found under S3 URL "s3://b/x" given in input data source.',
     "not found in the bucket", "again"),
    ("CannotPullContainerError: pull image manifest has been retried", "image", "ECR"),
    ("The primary container for production variant AllTraffic did not pass the ping health check. Please check CloudWatch "
     "logs for this endpoint.", "did not answer", "log"),
    ("InternalServerError: We encountered an internal error. Please try again.", "fault of its own", "again"),
    ("AlgorithmError: The pairs have no held-out rows., exit code: 1", "The pairs have no held-out rows.", "log"),
    ("AlgorithmError: A secret decree., exit code: 1", "A secret decree.", "log"),
    ("", "does not say why", "log"),
])
def test_the_usual_reasons_are_said_in_words(reason, why, what_to_do):
    told = explain_failure(reason)
    assert why in told[0] and what_to_do in told[1]
    assert "exit code" not in told[0]
