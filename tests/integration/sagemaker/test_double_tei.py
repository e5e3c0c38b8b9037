"""The double's stand-in for Text Embeddings Inference keeps its contract."""

import io
import json
import tarfile
import time

import pytest

from core.workspace import Workspace
from tests.tiny import tiny_model

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/tei-cpu:2.0.1-tei1.8.2-cpu-py310-ubuntu22.04"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tei")
    return tiny_model(folder / "model", Workspace.at(folder / "workspace"))


def deployed(double, model, name: str) -> str:
    """Put the model behind an endpoint of that name; the state it comes to."""
    s3, sagemaker = double.client("s3"), double.client("sagemaker")
    s3.create_bucket(Bucket=name)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for entry in model.iterdir():
            tar.add(entry, arcname=entry.name)
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=packed.getvalue())
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz", "Environment": {"HF_MODEL_ID": "/opt/ml/model"}}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.c5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    while (state := sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]) == "Creating":
        time.sleep(0.2)
    return state


def test_it_answers_as_tei_does_once_the_older_names_are_there(sagemaker_double, model):
    from sentence_transformers import SentenceTransformer

    assert deployed(sagemaker_double, model, "tei-without-names") == "Failed"
    pooling, lengths = model / "1_Pooling" / "config.json", model / "sentence_bert_config.json"
    older = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    pooling.write_text(json.dumps({**json.loads(pooling.read_text()), **older}))
    lengths.write_text(json.dumps({**json.loads(lengths.read_text()), "max_seq_length": 64}))
    assert deployed(sagemaker_double, model, "tei-with-names") == "InService"
    runtime = sagemaker_double.client("sagemaker-runtime")

    def ask(**request: object) -> list:
        body = json.dumps(request).encode()
        answer = runtime.invoke_endpoint(EndpointName="tei-with-names", Body=body, ContentType="application/json")
        return json.loads(answer["Body"].read())

    texts = ["an apple and a kettle", "the ocean at night " * 40]
    vectors = ask(inputs=texts, truncate=True)
    cosines = (SentenceTransformer(str(model)).encode(texts) * vectors).sum(axis=1)
    assert cosines == pytest.approx([1, 1], abs=1e-4)
    assert len(ask(inputs="one text")) == 1
    for request, status in (({"inputs": texts}, 413), ({"inputs": ["a"] * 33}, 422), ({}, 422)):
        with pytest.raises(runtime.exceptions.ModelError) as caught:
            ask(**request)
        assert caught.value.response["OriginalStatusCode"] == status
