"""``python -m core aws``: the overview without a browser; makes the bucket only when asked."""

import json
import subprocess
import sys

from core.aws.choices import Choices, read_choices
from core.aws.session import connect
from core.runs.local import REPOSITORY
from core.workspace import Workspace


def aws_command(workspace, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", "aws", "--workspace", str(workspace), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def test_it_says_what_is_missing_makes_the_bucket_when_asked_and_keeps_the_choices(aws, tmp_path):
    s3 = connect(region="eu-central-1").client("s3")
    role = "arn:aws:iam::123456789012:role/chosen"
    first = aws_command(tmp_path, "--region", "eu-central-1", "--role", role)
    assert first.returncode == 1 and "Missing: The bucket embedding-workbench-123456789012-eu-central-1" in first.stdout
    assert "--make-bucket" in first.stdout and s3.list_buckets()["Buckets"] == []
    assert read_choices(Workspace(tmp_path)) == Choices(region="eu-central-1", role=role)

    made = aws_command(tmp_path, "--make-bucket", "--json")
    found = json.loads(made.stdout)
    assert made.returncode == 0 and found["ready"] and found["missing"] == [] and len(found["policies"]) == 5
    assert (found["account"], found["region"], found["role"]) == ("123456789012", "eu-central-1", role)
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [found["bucket"]]

    aws_command(tmp_path, "--role", "")
    assert read_choices(Workspace(tmp_path)) == Choices(region="eu-central-1")


def test_without_credentials_it_says_what_aws_would_add(aws, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = aws_command(tmp_path, "--region", "eu-central-1")
    assert done.returncode == 1 and "works on this machine without AWS" in done.stdout and "Missing" not in done.stdout
