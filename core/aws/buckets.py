"""The bucket: whose it is, making it when asked, and files up and down in parallel parts."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.aws.errors import AwsError, asking, is_gone
from core.aws.names import FOLDER
from core.aws.session import Connection
from core.errors import WorkbenchError

#: "foreign": another account's, or one that these credentials may not see; "elsewhere": ours, in another region.
State = Literal["missing", "ours", "foreign", "elsewhere"]

#: Called with the bytes done so far and the bytes in all, from several threads but never two at once.
Progress = Callable[[int, int], None]

_MB = 2**20
#: Files above this size go up and down in parts of it, so many at once.
PART, AT_ONCE = 8 * _MB, 8
#: Days after which what a cut-off upload has left, and what a training has left, is deleted.
_UNFINISHED_DAYS, _TRAINING_DAYS = 2, 90

#: Where the jobs' input and checkpoints lie, and the archives that endpoints need for as long as they live.
TRAINING, MODELS = f"{FOLDER}/training/", f"{FOLDER}/models/"


@dataclass(frozen=True)
class Stored:
    """One object in a bucket: its address, its bytes, and when it was written in seconds since 1970."""

    uri: str
    size: int
    modified: float


def default_bucket(account: str, region: str) -> str:
    """The bucket's name where the person has chosen none. Names are unique in the world, so the account is in it."""
    return f"embedding-workbench-{account}-{region}"


def check_name(bucket: str) -> None:
    """Refuse what cannot be a bucket's name.

    Raises:
        WorkbenchError: it is none.
    """
    if not re.fullmatch(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise WorkbenchError(
            f"“{bucket}” cannot be a bucket's name.",
            "A name has 3 to 63 small letters, digits, dashes and dots, with a letter or digit at both ends.",
            "Change it, or leave the choice to the workbench.",
        )


def state(connection: Connection, bucket: str) -> State:
    """Whether the bucket is there, whose it is and whether it is in this region.

    Raises:
        WorkbenchError: it cannot be a bucket's name, there are no credentials, or AWS cannot be reached.
    """
    check_name(bucket)
    owner = connection.identity().account
    try:
        with asking("look at the bucket", connection.region):
            head = connection.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except AwsError as error:
        if is_gone(error):
            return "missing"
        if error.kind == "denied":
            return "foreign"
        raise
    there = head.get("BucketRegion")
    return "elsewhere" if there and there != connection.region else "ours"


def create(connection: Connection, bucket: str) -> None:
    """Make the bucket: closed to the public, encrypted, with leftovers deleted by themselves. To be called when asked.

    A bucket of the account that is there already is left as it is, unless it has the workbench's own name: then its
    settings are put right, as an earlier call may have been cut off.

    Raises:
        WorkbenchError: the bucket belongs to somebody else or lies in another region, or AWS does not make it.
    """
    account, region = connection.identity().account, connection.region
    found = state(connection, bucket)
    if found in ("foreign", "elsewhere"):
        raise WorkbenchError(*why_not(bucket, found))
    if found == "ours" and bucket != default_bucket(account, region):
        return
    s3 = connection.client("s3")
    if found == "missing":
        # us-east-1 is the one region that must not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            with asking("make the bucket", region):
                s3.create_bucket(Bucket=bucket, **place)
        except AwsError as error:
            if error.code != "BucketAlreadyOwnedByYou":  # made by a second click in the meantime
                raise
    ours = {"Bucket": bucket, "ExpectedBucketOwner": account}
    with asking("set up the bucket", region):
        s3.put_public_access_block(**ours, PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True,
        })
        s3.put_bucket_encryption(**ours, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
        })
        s3.put_bucket_lifecycle_configuration(**ours, LifecycleConfiguration={"Rules": [
            {
                "ID": "embedding-workbench-unfinished", "Status": "Enabled", "Filter": {"Prefix": f"{FOLDER}/"},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
            },
            {  # never the models: an endpoint fetches its archive again whenever an instance is replaced
                "ID": "embedding-workbench-training", "Status": "Enabled", "Filter": {"Prefix": TRAINING},
                "Expiration": {"Days": _TRAINING_DAYS},
            },
        ]})


def why_not(bucket: str, found: State) -> tuple[str, str, str]:
    """What happened, why and what to do, for a bucket that cannot be used."""
    if found == "elsewhere":
        return (f"The bucket {bucket} cannot be used.", "It is in another region.", "Choose its region, or another bucket.")
    if found == "foreign":
        return (
            f"The bucket {bucket} cannot be used.", "It belongs to another account, or you may not see it.",
            "Choose another bucket.",
        )
    return f"The bucket {bucket} is not there.", "Nothing has made it yet.", "Let the workbench make it, or choose another."


def split_uri(uri: str) -> tuple[str, str]:
    """``s3://bucket/key`` as bucket and key."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"{uri} is not an s3:// address")
    return bucket, key


def upload(connection: Connection, path: Path, uri: str, progress: Progress | None = None) -> None:
    """Send a file to ``uri``, or a folder's files to below it. Refused by AWS where the bucket is not this account's.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    bucket, key = split_uri(uri)
    files = [(path, key)] if path.is_file() else [
        (file, f"{key.rstrip('/')}/{file.relative_to(path).as_posix()}")
        for file in sorted(path.rglob("*")) if file.is_file()
    ]
    count = _Counter(sum(file.stat().st_size for file, _ in files), progress)
    owner = {"ExpectedBucketOwner": connection.identity().account}
    s3 = connection.client("s3")
    for file, name in files:
        with asking(f"take {file.name}", connection.region):
            s3.upload_file(str(file), bucket, name, ExtraArgs=owner, Config=_transfer(), Callback=count)


def download(connection: Connection, uri: str, folder: Path, progress: Progress | None = None) -> list[Path]:
    """Fetch the object at ``uri``, or everything below it where it ends with a slash, into ``folder``.

    A file appears under its name when it is whole.

    Returns:
        The files.

    Raises:
        AwsError: nothing is there, AWS refuses, or it cannot be reached.
    """
    bucket, key = split_uri(uri)
    found = [one for one in list_prefix(connection, uri) if uri.endswith("/") or one.uri == uri]
    if not found:
        raise AwsError("gone", "NoSuchKey", f"AWS did not give {uri}.", "Nothing is there.", "It may have been deleted already.")
    start = key if key.endswith("/") else key.rpartition("/")[0] + "/" if "/" in key else ""
    count = _Counter(sum(one.size for one in found), progress)
    owner = {"ExpectedBucketOwner": connection.identity().account}
    s3, files = connection.client("s3"), []
    for one in found:
        name = split_uri(one.uri)[1]
        target = folder / name.removeprefix(start)
        if name.endswith("/"):  # the console's folders are empty objects
            continue
        if not target.resolve().is_relative_to(folder.resolve()):
            raise WorkbenchError(f"{one.uri} was not fetched.", "Its name leads out of the folder.", "Delete that object.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with asking(f"give {one.uri}", connection.region):
            s3.download_file(bucket, name, str(target), ExtraArgs=owner, Config=_transfer(), Callback=count)
        files.append(target)
    return files


def list_prefix(connection: Connection, uri: str) -> list[Stored]:
    """The objects whose address begins with ``uri``; none where the bucket is not there.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    bucket, key = split_uri(uri)
    owner = connection.identity().account
    pages = connection.client("s3").get_paginator("list_objects_v2")
    try:
        with asking(f"list {uri}", connection.region):
            return [
                Stored(f"s3://{bucket}/{one['Key']}", one["Size"], one["LastModified"].timestamp())
                for page in pages.paginate(Bucket=bucket, Prefix=key, ExpectedBucketOwner=owner)
                for one in page.get("Contents", [])
            ]
    except AwsError as error:
        if is_gone(error):
            return []
        raise


def delete_prefix(connection: Connection, uri: str) -> int:
    """Delete every object below ``uri`` (which ends with a slash) and say how many there were.

    Raises:
        ValueError: ``uri`` is not below the workbench's own folder: nothing else is ever deleted.
        AwsError: AWS refuses, or some objects are left.
    """
    bucket, key = split_uri(uri)
    if not key.startswith(f"{FOLDER}/") or not key.endswith("/") or key == f"{FOLDER}/":
        raise ValueError(f"{uri} is not a folder below {FOLDER}/")
    owner, s3 = connection.identity().account, connection.client("s3")
    keys = [split_uri(one.uri)[1] for one in list_prefix(connection, uri)]
    for start in range(0, len(keys), 1000):  # what one request may name
        batch = [{"Key": one} for one in keys[start : start + 1000]]
        with asking(f"delete {uri}", connection.region):
            said = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, ExpectedBucketOwner=owner)
        if refused := said.get("Errors"):
            first = refused[0]
            raise AwsError(
                "denied" if first.get("Code") == "AccessDenied" else "refused", first.get("Code", ""),
                f"AWS did not delete {uri}.", f"{len(refused)} objects are left ({first.get('Code')}).", "Try again.",
            )
    return len(keys)


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=AT_ONCE)


class _Counter:
    """Adds up what boto3 reports in pieces, from several threads and over several files."""

    def __init__(self, total: int, progress: Progress | None):
        self._lock = threading.Lock()
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, more: int) -> None:
        with self._lock:
            self._done += more
            if self._progress:
                self._progress(self._done, self._total)
