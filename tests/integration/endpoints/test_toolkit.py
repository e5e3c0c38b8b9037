"""The archive in the model server of SageMaker's containers: the same vectors, and refusals in the same words."""

import http.client
import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.endpoints.archive import pack
from core.endpoints.handler import inference
from core.models import local_ref
from core.unpack import unpack
from tests.integration.endpoints.conftest import wait_for
from tests.sagemaker_double import serving, serving_packages

TEXTS = ["a", "", "what about apple bread chair", "word " * 300, "Größe 東京", "x" * 400]


@pytest.fixture(scope="module")
def invoke(tmp_path_factory, tiny) -> Iterator[Callable[..., tuple[int, dict]]]:
    """``invoke(body)``: status and answer of the Hugging Face toolkit with the archive."""
    serving_packages.install()
    folder = tmp_path_factory.mktemp("container")
    (folder / "ml").mkdir()
    pack(local_ref("tiny", tiny), folder / "model.tar.gz")
    unpack(folder / "model.tar.gz", folder / "ml" / "model")
    lines: list[str] = []
    server = serving.start_server({"Image": "huggingface-pytorch-inference"}, folder, lines.append)

    def call(body: bytes, method: str = "POST", path: str = "/invocations", **headers) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def answers() -> bool:
        assert server.alive(), "\n".join(lines)
        try:
            return call(b"", "GET", "/ping")[0] == 200
        except OSError:
            return False

    try:
        wait_for(answers, 120)
        yield call
    finally:
        server.close()


def test_the_toolkit_answers_the_same_vectors(invoke, tiny):
    own = inference.model_fn(str(tiny)).embed(TEXTS)
    status, answer = invoke(json.dumps({"inputs": TEXTS}).encode())
    assert status == 200 and np.allclose(answer["vectors"], own, atol=1e-5)
    status, answer = invoke(b'{"inputs": "a"}')
    assert status == 200 and np.allclose(answer["vectors"], own[0], atol=1e-5)


@pytest.mark.parametrize("body, says", {
    b"not json": "The request is not JSON. Send", b'{"inputs": []}': "“inputs” is an empty list: there is nothing",
    b'{"inputs": ["a", 1]}': "Text 2 of “inputs” is not a text but a number.", b'{"text": "a"}': "The request has no “inputs”",
}.items())
def test_the_toolkit_refuses_in_the_handlers_words(invoke, body, says):
    status, answer = invoke(body)
    assert status == 400 and answer["code"] == 400 and answer["message"].startswith(says)


def test_the_toolkit_refuses_what_is_not_json_in_return(invoke):
    status, answer = invoke(b'{"inputs": "a"}', Accept="text/csv")
    assert status == 400 and "application/json" in answer["message"]
