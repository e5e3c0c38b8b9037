"""Why a training job or an endpoint failed, in words, from the FailureReason that SageMaker gives."""

import re

#: Ends of a FailureReason, most telling first: (pattern, why, what to do).
_REASONS = (
    (
        r"InsufficientInstanceCapacity|CapacityError|unable to provision requested ML compute capacity",
        "AWS has no free instance of this type in this region at the moment.",
        "Try again later, or choose another instance type. Without spot the chance is better.",
    ),
    (
        r"ResourceLimitExceeded|service limit '", "A quota of the account is used up.",
        "Ask for a higher quota, choose another instance type, or end what is running.",
    ),
    (
        r"CUDA out of memory|OutOfMemoryError|MemoryError|instance type with more memory|exit code: (?:137|-9)\b",
        "The instance ran out of memory.", "Choose a larger instance type, or half the pairs a step.",
    ),
    (
        r"No space left on device", "The instance's disk is full.", "Choose a larger volume or fewer checkpoints.",
    ),
    (
        r"not authorized to perform: ([\w-]+:\w+)", "The execution role may not do {}.",
        "Give the role the execution policy shown with the connection.",
    ),
    (
        r"could not assume role|cannot be assumed|access ?denied", "The execution role is not allowed to do what this needs.",
        "Give the role the execution policy and the trust policy shown with the connection.",
    ),
    (
        r"CannotPullContainer|image .*(?:does not exist|not found)|failed to pull|\bECR\b",
        "The container's image could not be fetched.",
        "Check that the execution role may read from ECR, and that a VPC without internet has an endpoint for it.",
    ),
    (
        r"No matching distribution found|Could not install packages|pip.*NewConnectionError|Failed to establish a new connection",
        "The container could not install the packages that training needs.",
        "A VPC needs a way to a Python package index. Without one, train outside the VPC.",
    ),
    (
        r"No S3 objects found|NoSuchKey|data download failed", "The data was not found in the bucket.",
        "Start again: it is sent anew.",
    ),
    (
        r"did not pass the ping health check", "The container started, but did not answer.",
        "The last lines of its log say why. Delete it, then deploy again.",
    ),
    (
        r"InternalServerError|internal error", "SageMaker had a fault of its own.", "Try again.",
    ),
)


def explain_failure(reason: str) -> tuple[str, str]:
    """Why, and what to do.

    Args:
        reason: SageMaker's FailureReason; for a job it holds the sentence that the worker left behind.
    """
    for pattern, why, what_to_do in _REASONS:
        if found := re.search(pattern, reason, re.IGNORECASE):
            return why.format(*found.groups()), what_to_do
    said = re.sub(r"^AlgorithmError: |,? exit code: \d+\s*$", "", " ".join(reason.split()))
    return said or "SageMaker does not say why.", "The last lines of its log say more."
