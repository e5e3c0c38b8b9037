"""The images' addresses, without a network, credentials or a default region."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.aws.images import has_gpu
from core.aws.policy import execution_policy

CODE = """
import json
from core.aws import images
from core.errors import WorkbenchError
said = {
    "training": images.training_image("eu-central-1", "ml.m5.xlarge"),
    "training on gpu": images.training_image("eu-central-1", "ml.g5.xlarge"),
    "inference": images.inference_image("us-east-1"),
    "inference on gpu": images.inference_image("us-east-1", "ml.g4dn.xlarge"),
    "tei": images.tei_image("us-east-1", "ml.c5.xlarge"),
    "tei on gpu": images.tei_image("us-east-1", "ml.g5.xlarge"),
}
try:
    images.training_image("mars-north-1", "ml.m5.xlarge")
except WorkbenchError as error:
    said["nowhere"] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    bare = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    root = Path(__file__).resolve().parents[3]
    answer = subprocess.run([sys.executable, "-c", CODE], cwd=root, env=bare, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def test_training_has_one_pytorch_for_cpu_and_gpu(images):
    assert images["training"].endswith("eu-central-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313")
    assert images["training on gpu"].endswith("/pytorch-training:2.10.0-gpu-py313")


def test_inference_has_torch_and_transformers(images):
    assert "/huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-py312" in images["inference"]
    assert "transformers5.5.3-gpu" in images["inference on gpu"]


def test_tei_has_an_image_of_each_kind(images):
    assert "/tei-cpu:" in images["tei"] and "tei1.8.2" in images["tei"]
    assert "/tei:" in images["tei on gpu"]


def test_a_region_without_images_is_said_to_have_none(images):
    assert "no training container for ml.m5.xlarge in mars-north-1" in images["nowhere"]


def test_the_execution_role_may_fetch_every_image(images):
    allowed = next(one for one in execution_policy("b")["Statement"] if one["Sid"] == "Images")["Resource"]
    names = {image.partition("/")[2].partition(":")[0] for use, image in images.items() if use != "nowhere"}
    assert names == {one.rpartition("/")[2] for one in allowed}


@pytest.mark.parametrize("kind, gpu", [
    ("ml.g4dn.xlarge", True), ("ml.p3.2xlarge", True), ("ml.m5.xlarge", False), ("ml.c5.large", False), ("ml.t2.medium", False),
])
def test_gpu_families(kind, gpu):
    assert has_gpu(kind) is gpu
