"""What AWS refuses, in words: every kind of refusal, and no secret in any text."""

import traceback

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions
from botocore.exceptions import ClientError

from core.aws.errors import AwsError, asking, is_gone

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


def refusal(code: str, message: str = "", operation: str = "CreateEndpoint") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def said(error: Exception, what: str = "create the endpoint", region: str | None = "eu-central-1") -> AwsError:
    with pytest.raises(AwsError) as raised, asking(what, region):
        raise error
    return raised.value


@pytest.mark.parametrize("code, message, kind, words", [
    ("ExpiredTokenException", "The security token included in the request is expired", "credentials", "Sign in again"),
    ("ExpiredToken", "expired", "credentials", "have expired"),
    ("UnrecognizedClientException", "The security token included in the request is invalid", "credentials", "Check which profile"),
    ("InvalidClientTokenId", "invalid", "credentials", "does not accept the credentials"),
    ("RequestTimeTooSkewed", "skewed", "credentials", "clock"),
    (
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/a is not authorized to perform: sagemaker:CreateEndpoint on resource: arn:aws:sagemaker:..",
        "denied", "sagemaker:CreateEndpoint",
    ),
    ("AccessDenied", "Access Denied", "denied", "CreateEndpoint"),
    ("403", "Forbidden", "denied", "the policy shown"),
    ("400", "Bad Request", "credentials", "most often they have expired"),
    ("ThrottlingException", "Rate exceeded", "throttled", "Wait a minute"),
    ("SlowDown", "Please reduce your request rate.", "throttled", "Too many requests"),
    ("ServiceUnavailable", "", "unreachable", "ServiceUnavailable"),
    (
        "ResourceLimitExceeded",
        "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances, with current utilization of 0 "
        "Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for this quota.",
        "quota", "“ml.g5.xlarge for endpoint usage” is 0, and 0 are in use",
    ),
    ("ResourceLimitExceeded", "", "quota", "https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"),
    ("InsufficientInstanceCapacity", "", "capacity", "no free instance"),
    (
        "ValidationException", "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.",
        "capacity", "another instance type",
    ),
    ("ValidationException", 'Could not find endpoint "arn:aws:sagemaker:x".', "gone", "Could not find endpoint"),
    ("ValidationException", "Requested resource not found.", "gone", "not there"),
    ("NoSuchBucket", "The specified bucket does not exist", "gone", "not there"),
    ("404", "Not Found", "gone", "not there"),
    ("ValidationException", 'Cannot create already existing endpoint "x".', "exists", "name is taken"),
    ("ResourceInUse", "Training job names must be unique", "exists", "another name"),
    ("BucketAlreadyExists", "The requested bucket name is not available.", "foreign", "another account"),
    ("ValidationException", "Could not assume role arn:aws:iam::1:role/x.", "role", "trust policy"),
    ("ValidationException", "1 validation error detected: Value 'ml.q9' is wrong", "refused", "ml.q9"),
    ("SomethingNew", "", "refused", "SomethingNew"),
])
def test_a_refusal_is_said_in_words(code, message, kind, words):
    error = said(refusal(code, message))
    assert (error.kind, error.code) == (kind, code)
    assert error.what == "AWS did not create the endpoint." and error.why and error.what_to_do
    assert words in str(error)


@pytest.mark.parametrize("operation, action", [("HeadBucket", "s3:ListBucket"), ("HeadObject", "s3:GetObject")])
def test_a_refusal_without_words_names_the_permission_all_the_same(operation, action):
    assert f"do {action}." in said(refusal("403", "Forbidden", operation)).why


@pytest.mark.parametrize("error, kind, words", [
    (exceptions.NoCredentialsError(), "credentials", "aws configure"),
    (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "credentials", "Half of"),
    (exceptions.UnauthorizedSSOTokenError(), "credentials", "aws sso login"),
    (exceptions.SSOTokenLoadError(profile_name="x", error_msg=SECRET), "credentials", "Sign in again"),
    (exceptions.TokenRetrievalError(provider="sso", error_msg=SECRET), "credentials", "Sign in again"),
    (exceptions.CredentialRetrievalError(provider="process", error_msg=SECRET), "credentials", "Sign in again"),
    (exceptions.ProfileNotFound(profile="x"), "credentials", "Choose another profile"),
    (exceptions.EndpointConnectionError(endpoint_url="https://x"), "unreachable", "network"),
    (exceptions.ReadTimeoutError(endpoint_url="https://x"), "unreachable", "cannot be reached"),
    (exceptions.ProxyConnectionError(proxy_url=f"http://me:{SECRET}@proxy"), "unreachable", "proxy"),
    (exceptions.ConnectionClosedError(endpoint_url="https://x"), "unreachable", "network"),
    (exceptions.SSLError(endpoint_url="https://x", error="bad"), "unreachable", "network"),
    (exceptions.NoRegionError(), "refused", "region"),
])
def test_what_never_reached_aws_is_said_in_words(error, kind, words):
    told = said(error)
    assert told.kind == kind and words in str(told)


def test_a_transfers_own_exception_is_looked_through():
    try:
        try:
            raise refusal("AccessDenied", "Access Denied", "CreateMultipartUpload")
        except ClientError as inner:
            raise S3UploadFailedError(f"Failed to upload: {inner}")  # noqa: B904 - as boto3 raises it
    except S3UploadFailedError as error:
        assert said(error).kind == "denied"


@pytest.mark.parametrize("error", [
    refusal("SignatureDoesNotMatch", f"The Canonical String should have been 'x-amz-security-token:{SECRET}'"),
    exceptions.ProxyConnectionError(proxy_url=f"http://me:{SECRET}@proxy"),
    exceptions.CredentialRetrievalError(provider="process", error_msg=f"printed {SECRET}"),
])
def test_no_secret_is_in_a_text_or_in_the_log(error):
    told = said(error)
    assert SECRET not in str(told)
    assert SECRET not in "".join(traceback.format_exception(told))


def test_the_id_of_a_key_is_left_out():
    assert "AKIAIOSFODNN7EXAMPLE" not in str(said(refusal("ValidationException", "The key AKIAIOSFODNN7EXAMPLE is odd")))


def test_a_bug_keeps_its_traceback():
    odd = exceptions.UnknownServiceError(service_name="x", known_service_names=["y"])
    for bug in (exceptions.ParamValidationError(report="Unknown parameter"), odd, KeyError("x")):
        with pytest.raises(type(bug)), asking("create the endpoint"):
            raise bug


@pytest.mark.parametrize("code, message, gone", [
    ("ValidationException", 'Could not find model "arn:aws:sagemaker:us-east-1:1:model/x".', True),
    ("ValidationException", "Cannot find endpoint configuration", True),
    ("ValidationError", "Endpoint x of account 1 not found.", True),
    ("ResourceNotFound", "", True),
    ("ResourceNotFoundException", "The specified log group does not exist.", True),
    ("ValidationException", "Cannot delete a model that is in use", False),
    ("ThrottlingException", "Rate exceeded", False),
    ("AccessDeniedException", "could not find", False),
])
def test_what_is_gone_is_told_from_what_is_refused(code, message, gone):
    error = refusal(code, message)
    assert is_gone(error) is gone and is_gone(said(error)) is gone


def test_other_exceptions_are_not_gone():
    assert not is_gone(KeyError("not found"))


def test_a_long_answer_is_cut():
    assert len(said(refusal("ValidationException", "word " * 400)).why) < 330
