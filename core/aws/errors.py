"""What AWS refuses, in plain words.

Texts of AWS are quoted only where they cannot hold a secret: an answer about a wrong signature repeats the request's
headers, the session token among them. For the same reason the original exception is never chained to ours.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from core.errors import WorkbenchError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

T = TypeVar("T")

Kind = Literal[
    "credentials", "denied", "throttled", "unreachable", "quota", "capacity", "gone", "exists", "foreign", "role",
    "refused",
]

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_NOT_ACCEPTED = {
    "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "InvalidSignatureException", "AuthFailure", "InvalidToken", "IncompleteSignature", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "AuthorizationHeaderMalformed",
}
_CLOCK = {"RequestTimeTooSkewed", "InvalidSignatureTime"}
#: To a HEAD request S3 answers with a status alone: 400 is what it says of a key or token that it does not accept.
_HEAD_NOT_ACCEPTED = "400"
#: Permissions that bear another name than the operation, of operations that are refused without words.
_PERMISSIONS = {"HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject"}
_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "ForbiddenException", "403",
    "AllAccessDisabled",
}
_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "TooManyRequests",
    "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
}
_DOWN = {"ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalServerError", "InternalError",
         "InternalServerException", "ServiceException", "InternalDependencyException", "502", "503", "500"}
_QUOTA = {"ResourceLimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "TooManyBuckets"}
_CAPACITY = {"InsufficientInstanceCapacity", "InsufficientCapacity", "CapacityError"}
_GONE = {
    "ResourceNotFound", "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException", "NoSuchBucket",
    "NoSuchKey", "NoSuchResourceException", "NotFound", "NotFoundException", "404", "ObjectNotFoundException",
}
_EXISTS = {
    "ResourceInUse", "ResourceInUseException", "ConflictException", "ResourceAlreadyExistsException",
    "BucketAlreadyOwnedByYou", "EntityAlreadyExists",
}

#: SageMaker says in a ValidationException what other services have a code for.
_GONE_TEXT = re.compile(r"could not find|cannot find|requested resource not found|\bnot found\b|does not exist", re.I)
_EXISTS_TEXT = re.compile(r"already exist", re.I)
_ROLE_TEXT = re.compile(r"could not assume role|cannot be assumed|unable to assume|must allow .* to assume", re.I)


class AwsError(WorkbenchError):
    """A request that AWS refused or that did not reach it.

    Attributes:
        kind: what sort of refusal it was, for code that goes on from it ("gone" while deleting is success).
        code: the name that AWS gives the error, or botocore's exception.
    """

    def __init__(self, kind: Kind, code: str, what: str, why: str, what_to_do: str):
        super().__init__(what, why, what_to_do)
        self.kind = kind
        self.code = code


@contextmanager
def asking(what: str, region: str | None = None) -> Iterator[None]:
    """Run requests, and say in words what went wrong with them.

    Args:
        what: what the requests are for, to go on from "AWS did not ...": "create the endpoint".
        region: where; the link to the region's quotas needs it.

    Raises:
        AwsError: in place of any exception of botocore, boto3's transfers included.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error, what, region) from None
    except Boto3Error as error:  # a transfer's own exception, around what the service said
        if isinstance(inner := error.__context__, ClientError):
            raise _refused(inner, what, region) from None
        raise _unreachable(error, what) from None
    except BotoCoreError as error:
        told = _not_sent(error, what)
        if told is None:  # a request that we built wrongly, for one: a bug, which keeps its traceback
            raise
        raise told from None


def unless_denied(request: Callable[[], T], otherwise: T, denied: list[AwsError]) -> T:
    """What ``request`` answers; ``otherwise`` where AWS does not permit it, and the refusal is put into ``denied``.

    Raises:
        AwsError: it was refused for another reason.
    """
    try:
        return request()
    except AwsError as error:
        if error.kind != "denied":
            raise
        denied.append(error)
        return otherwise


def is_gone(error: BaseException) -> bool:
    """Whether a request failed because what it names is not there (any more).

    Args:
        error: an ``AwsError``, or botocore's ``ClientError``.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, AwsError):
        return error.kind == "gone"
    return isinstance(error, ClientError) and _kind(*_code_and_text(error)) == "gone"


def _code_and_text(error: "ClientError") -> tuple[str, str]:
    said = error.response.get("Error", {})
    return str(said.get("Code", "")), str(said.get("Message", ""))


def _kind(code: str, text: str) -> Kind:
    """The sort of refusal; codes say it, but for SageMaker's ValidationException, where the text does."""
    if code in _CAPACITY or "InsufficientInstanceCapacity" in text:
        return "capacity"
    if code in ("ValidationException", "ValidationError"):
        patterns: dict[Kind, re.Pattern[str]] = {"role": _ROLE_TEXT, "exists": _EXISTS_TEXT, "gone": _GONE_TEXT}
        return next((kind for kind, pattern in patterns.items() if pattern.search(text)), "refused")
    if code in _EXPIRED or code in _NOT_ACCEPTED or code in _CLOCK or code == _HEAD_NOT_ACCEPTED:
        return "credentials"
    if code == "BucketAlreadyExists":
        return "foreign"
    kinds: dict[Kind, set[str]] = {
        "denied": _DENIED, "throttled": _THROTTLED, "unreachable": _DOWN, "quota": _QUOTA, "gone": _GONE, "exists": _EXISTS,
    }
    return next((kind for kind, codes in kinds.items() if code in codes), "refused")


def _refused(error: "ClientError", what: str, region: str | None) -> AwsError:
    code, text = _code_and_text(error)
    kind = _kind(code, text)
    why, what_to_do = _words(kind, code, text, error.operation_name, region)
    return AwsError(kind, code, f"AWS did not {what}.", why, what_to_do)


def _words(kind: Kind, code: str, text: str, operation: str, region: str | None) -> tuple[str, str]:
    """Why, and what to do."""
    match kind:
        case "credentials" if code in _EXPIRED:
            return (
                "The credentials have expired.",
                "Sign in again (“aws sso login”, or however you got them), then try again.",
            )
        case "credentials" if code in _CLOCK:
            return "The clock of this machine is wrong, so AWS takes the request for an old one.", "Set the clock."
        case "credentials" if code == _HEAD_NOT_ACCEPTED:
            return (
                "S3 does not accept the credentials, and does not say why; most often they have expired.",
                "Sign in again (“aws sso login”, or however you got them), then try again.",
            )
        case "credentials":
            return (
                f"It does not accept the credentials ({code}).",
                "Check which profile is chosen and that its key is still active, or sign in again.",
            )
        case "denied":
            action = _action(text, operation)
            return (
                f"You are not allowed to do {action}.",
                "Ask whoever looks after the account to allow it: the policy shown with the connection lists everything"
                " that the workbench needs.",
            )
        case "throttled":
            return "Too many requests came from this account at once.", "Wait a minute, then try again."
        case "unreachable":
            return f"The service had a fault of its own ({code}).", "Try again in a few minutes."
        case "quota":
            return _quota(text), (
                f"Ask for a higher quota at {quotas_page(region)} (it can take a day), choose another instance type, or"
                " end what is running."
            )
        case "capacity":
            return (
                "AWS has no free instance of this type in this region at the moment.",
                "Try again later, or choose another instance type.",
            )
        case "gone":
            return f"Something is not there: {_quoted(text) or code}", "It may have been deleted already; reload the list."
        case "exists":
            return f"The name is taken: {_quoted(text) or code}", "Use or delete it, or choose another name."
        case "foreign":
            return "The bucket's name is taken by another account.", "Choose another bucket."
        case "role":
            return (
                f"The service may not use the role: {_quoted(text)}",
                "Choose a role that has the trust policy shown with the connection.",
            )
    return f"It said: {_quoted(text) or code}", "Change what it names, then try again."


def quotas_page(region: str | None) -> str:
    """Where a higher SageMaker quota can be asked for."""
    host = f"{region}.console.aws.amazon.com" if region else "console.aws.amazon.com"
    return f"https://{host}/servicequotas/home/services/sagemaker/quotas"


def _action(text: str, operation: str) -> str:
    """``service:Action`` where AWS names it, else the operation."""
    found = re.search(r"perform:? ([\w-]+:\w+)", text)
    return found[1] if found else _PERMISSIONS.get(operation, operation)


def _quota(text: str) -> str:
    found = re.search(r"service limit '([^']+)' is (\d+)(?:.*?current utilization of (\d+))?", text)
    if not found:
        return f"A quota of the account is used up: {_quoted(text)}"
    used = f", and {found[3]} are in use" if found[3] else ""
    return f"The quota “{found[1]}” is {found[2]}{used}."


def _quoted(text: str) -> str:
    """At most 300 characters of what AWS said, on one line, without the id of a key."""
    line = re.sub(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b", "…", " ".join(text.split()))
    return line if len(line) <= 300 else line[:299] + "…"


def _unreachable(error: Exception, what: str) -> AwsError:
    name = type(error).__name__
    return AwsError("unreachable", name, f"AWS did not {what}.", f"It cannot be reached ({name}).",
                    "Check the network, the proxy and the region, then try again.")


def _not_sent(error: Exception, what: str) -> AwsError | None:
    """The words for an exception that no answer of AWS is behind; None where a person cannot mend it."""
    from botocore import exceptions

    name = type(error).__name__
    sign_in = tuple(
        found for found in (
            getattr(exceptions, one, None)
            for one in ("SSOError", "TokenRetrievalError", "LoginError", "CredentialRetrievalError", "MetadataRetrievalError")
        ) if found
    )
    if isinstance(error, exceptions.NoCredentialsError):
        why, what_to_do = "There are no credentials on this machine.", NO_CREDENTIALS
    elif isinstance(error, exceptions.PartialCredentialsError):
        why, what_to_do = "Half of the credentials is missing: a key has an id and a secret.", NO_CREDENTIALS
    elif isinstance(error, sign_in):
        why = "The sign-in of this profile has expired or failed."
        what_to_do = "Sign in again (“aws sso login”, or however you got the credentials), then try again."
    elif isinstance(error, exceptions.ProfileNotFound):
        return AwsError("credentials", name, "The profile was not found.", "No file on this machine has it.",
                        "Choose another profile, or make one with “aws configure”.")
    elif isinstance(error, exceptions.ConfigParseError | exceptions.InvalidConfigError):
        why, what_to_do = "The AWS configuration file cannot be read.", "Mend ~/.aws/config, then try again."
    elif isinstance(error, exceptions.InvalidRegionError | exceptions.NoRegionError):
        return AwsError("refused", name, f"AWS was not asked to {what}.", "The region's name is not valid.",
                        "Choose one of the list, such as us-east-1.")
    elif isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.IncompleteReadError):
        return _unreachable(error, what)
    else:
        return None
    return AwsError("credentials", name, f"AWS was not asked to {what}.", why, what_to_do)


#: What to do without credentials.
NO_CREDENTIALS = (
    "Sign in with the AWS command line (“aws configure sso” or “aws configure”), choose a profile that has credentials,"
    " or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY before the start."
)
