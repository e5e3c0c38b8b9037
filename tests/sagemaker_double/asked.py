"""What a request asks for: its operation by AWS's own name, and the permission that it needs."""

import re
from typing import Any
from urllib.parse import parse_qs

INVOCATIONS = re.compile(r"/endpoints/([^/]+)/invocations")

#: ``/service/GraniteServiceVersion20100801/operation/GetMetricData``
_CBOR = re.compile(r"/service/[^/]+/operation/(\w+)")

#: S3's operations on an object and on a bucket, by method and by the part of the query that makes another of it.
_OF_OBJECT = {
    ("POST", "uploads"): "CreateMultipartUpload", ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload", ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("PUT", ""): "PutObject", ("GET", ""): "GetObject", ("HEAD", ""): "HeadObject",
    ("DELETE", ""): "DeleteObject",
}
_OF_BUCKET = {
    ("GET", "list-type"): "ListObjectsV2", ("POST", "delete"): "DeleteObjects",
    ("PUT", "publicAccessBlock"): "PutPublicAccessBlock",
    ("PUT", "encryption"): "PutBucketEncryption", ("PUT", "lifecycle"): "PutBucketLifecycleConfiguration",
    ("GET", "location"): "GetBucketLocation", ("PUT", ""): "CreateBucket", ("HEAD", ""): "HeadBucket", ("GET", ""): "ListObjects",
    ("DELETE", ""): "DeleteBucket",
}
_SCHEDULES = {"POST": "CreateSchedule", "PUT": "UpdateSchedule", "GET": "GetSchedule", "DELETE": "DeleteSchedule"}

#: Permissions that bear another name than the operation.
_PERMISSIONS = {
    "s3": {
        "ListObjectsV2": "ListBucket", "ListObjects": "ListBucket", "HeadBucket": "ListBucket", "HeadObject": "GetObject",
        "DeleteObjects": "DeleteObject", "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject",
        "CompleteMultipartUpload": "PutObject", "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "PutBucketEncryption": "PutEncryptionConfiguration", "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    },
}
_SERVICES = {"tagging": "tag", "monitoring": "cloudwatch"}


def operation_of(service: str, method: str, path: str, query: str, target: str, body: bytes) -> str:
    """The operation's name; the HTTP method where it is not known here.

    Args:
        service: the signing name.
        target: the X-Amz-Target header, "" for none.
        body: of a request to IAM or STS; others need none.
    """
    if target:
        return target.rsplit(".", 1)[-1]
    if found := _CBOR.fullmatch(path):
        return found.group(1)
    if INVOCATIONS.fullmatch(path):
        return "InvokeEndpoint"
    if service in ("iam", "sts"):
        return parse_qs(body.decode(errors="replace")).get("Action", [method])[0]
    if service == "scheduler":
        return "ListSchedules" if path.rstrip("/") == "/schedules" else _SCHEDULES.get(method, method)
    if service == "s3":
        known: dict[tuple[str, str], str] = _OF_OBJECT if path.strip("/").count("/") else _OF_BUCKET
        asked = set(parse_qs(query, keep_blank_values=True))
        return next((name for (way, part), name in known.items() if way == method and part in (*asked, "")), method)
    return method


def permission(service: str, operation: str) -> str:
    """The action that a policy has to allow: ``s3:ListBucket``."""
    return f"{_SERVICES.get(service, service)}:{_PERMISSIONS.get(service, {}).get(operation, operation)}"


def as_cbor(texts: dict[str, Any]) -> bytes:
    """A map of texts, for the services that speak CBOR (RFC 8949, major types 3 and 5; texts below 64 KiB)."""
    def text(value: str) -> bytes:
        raw = str(value).encode()
        return b"\x79" + len(raw).to_bytes(2, "big") + raw

    return bytes([0xA0 + len(texts)]) + b"".join(text(part) for pair in texts.items() for part in pair)
