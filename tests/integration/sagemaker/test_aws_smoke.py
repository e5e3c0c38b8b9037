"""The program for a person with an account of their own, against the double: it spends nothing above its limit, and leaves
nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def smoke(double, *arguments: str) -> subprocess.CompletedProcess:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", "tests.aws_smoke", *arguments], cwd=ROOT, env={**own, **double.environment},
        capture_output=True, text=True,
    )


@pytest.mark.timeout(600)
def test_it_does_all_of_it_and_deletes_what_it_made(sagemaker_double):
    region = ("--region", "eu-west-3")  # one that no other test uses
    sagemaker, s3 = (sagemaker_double.client(service, "eu-west-3") for service in ("sagemaker", "s3"))
    bucket = "embedding-workbench-123456789012-eu-west-3"

    done = smoke(sagemaker_double, "--limit", "3", *region)
    assert done.returncode == 2 and f"The bucket {bucket} is not there." in done.stderr
    done = smoke(sagemaker_double, "--limit", "0.05", "--make-bucket", *region)
    assert done.returncode == 2 and "above the limit of $0.05: nothing was made" in done.stderr
    assert not sagemaker.list_training_jobs()["TrainingJobSummaries"]

    done = smoke(sagemaker_double, "--limit", "3", "--ways", "serverless", *region)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it costs $" in done.stdout and "BAD" not in done.stdout
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert not sagemaker.list_endpoints()["Endpoints"] + sagemaker.list_models()["Models"]
    assert [job["TrainingJobStatus"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]] in ([], ["Completed"])
