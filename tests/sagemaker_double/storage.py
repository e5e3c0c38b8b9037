"""The double's own calls to its S3 and CloudWatch Logs: over HTTP with boto3, as the real service's agents do."""

import contextlib
import os
import queue
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

#: Calls under this access key are the double's own and meet no faults.
OWN_KEY = "SAGEMAKERDOUBLE"

#: CloudWatch takes lines in lots; a line waits this long at most (seconds).
FLUSH_EVERY = 0.1


class Clients:
    """boto3 clients of the double at ``url``, made once each."""

    def __init__(self, url: str):
        self.url = url
        self._made: dict[tuple[str, str], object] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str):
        """A client of ``service`` in ``region``; clients may be shared between threads."""
        import boto3
        from botocore.config import Config

        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = boto3.session.Session().client(
                    service, region_name=region, endpoint_url=self.url, aws_access_key_id=OWN_KEY,
                    aws_secret_access_key="not-a-secret", config=Config(max_pool_connections=50),
                )
            return self._made[service, region]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def objects_under(s3, uri: str) -> Iterator[str]:
    """The keys that begin with ``uri``'s; none where the bucket is missing."""
    from botocore.exceptions import ClientError

    bucket, prefix = split_uri(uri)
    with contextlib.suppress(ClientError):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))


def download(s3, uri: str, folder: Path) -> int:
    """Copy what is under ``uri`` into ``folder``, by the names that follow the prefix; how many objects there were."""
    bucket, prefix = split_uri(uri)
    count = 0
    for key in objects_under(s3, uri):
        count += 1
        name = key.removeprefix(prefix).lstrip("/") or key.rsplit("/", 1)[-1]
        if name and not key.endswith("/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(target))
    return count


def upload_archive(s3, folders: list[Path], uri: str, archive: Path) -> bool:
    """Pack the contents of ``folders`` into one tar.gz and upload it; False where there is nothing in them."""
    entries = [entry for folder in folders if folder.is_dir() for entry in sorted(folder.iterdir())]
    if not entries:
        return False
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for entry in entries:
            tar.add(entry, arcname=entry.name)
    s3.upload_file(str(archive), *split_uri(uri))
    return True


class SyncedFolder:
    """A folder whose files are copied to S3 whenever they change, as SageMaker does with checkpoints."""

    def __init__(self, s3, folder: Path, uri: str):
        self._s3 = s3
        self._folder = folder
        self._bucket, key = split_uri(uri)
        self._prefix = key.rstrip("/") + "/" if key else ""
        self._seen: dict[Path, tuple[int, int]] = {}

    def down(self) -> None:
        """Fetch what an earlier instance has left."""
        download(self._s3, f"s3://{self._bucket}/{self._prefix}", self._folder)
        self._seen = dict(self._states())

    def up(self) -> None:
        """Copy what has changed since."""
        for path, state in self._states():
            if self._seen.get(path) != state:
                name = path.relative_to(self._folder).as_posix()
                with contextlib.suppress(FileNotFoundError):  # deleted by the job meanwhile
                    self._s3.upload_file(str(path), self._bucket, self._prefix + name)
                    self._seen[path] = state

    def _states(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(OSError):
                    status = path.stat()
                    yield path, (status.st_size, status.st_mtime_ns)


class LogStream:
    """Lines on their way to one CloudWatch Logs stream. Group and stream come into being with the first line."""

    def __init__(self, logs, group: str, stream: str):
        self._logs = logs
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._lines: queue.Queue[dict | None] = queue.Queue()
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Send a line, stamped now."""
        self._lines.put({"timestamp": int(time.time() * 1000), "message": line[:200_000] or " "})

    def close(self) -> None:
        """Wait until all lines are there."""
        self._lines.put(None)
        self._thread.join(30)

    def _deliver(self) -> None:
        open_ = False
        while (first := self._lines.get()) is not None:
            time.sleep(FLUSH_EVERY)
            events, last = [first], False
            while len(events) < 1000:
                try:
                    event = self._lines.get_nowait()
                except queue.Empty:
                    break
                if event is None:
                    last = True
                    break
                events.append(event)
            with contextlib.suppress(Exception):  # a deleted group, or the double is being stopped
                if not open_:
                    self._create()
                    open_ = True
                self._logs.put_log_events(**self._where, logEvents=events)
            if last:
                return

    def _create(self) -> None:
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=self._where["logGroupName"])
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(**self._where)
