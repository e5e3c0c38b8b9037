"""The ready programs: they run as they stand, and no token stands in them."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.endpoints.host import Endpoint
from workbench.snippets import TOKEN_VARIABLE, kinds, snippet


@pytest.fixture
def address():
    """A server on loopback that answers a call with the right token as an endpoint does."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            allowed = self.headers["Authorization"] == "Bearer secret"
            body = json.dumps({"vectors": [[float(len(text)), 0.5] for text in asked["inputs"]]}).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/invocations"
    server.shutdown()
    server.server_close()


def endpoint(address: str, on: str = "here") -> Endpoint:
    return Endpoint("a", on, "Ready", "", "a", 0.0, None, 0.0, 0.0, 0, address)


@pytest.mark.parametrize("on", ["here", "sagemaker", "serverless", "tei"])
def test_no_secret_stands_in_a_program_and_each_is_one(on):
    one = endpoint("http://127.0.0.1:1/invocations" if on == "here" else "ewb-faq-1-0badcafe", on)
    assert ("curl" in kinds(one)) is (on == "here")
    for kind in kinds(one):
        program = snippet(kind, one, "eu-central-1", 'my "own" profile')
        assert one.address in program and (TOKEN_VARIABLE in program) is (on == "here")
        if on != "here":
            assert "'eu-central-1'" in program.replace('"', "'") and "my \\\"own\\\" profile" in program
        if kind != "curl":
            compile(program, kind, "exec")


def test_the_plain_program_runs(address):
    pytest.importorskip("requests")
    environment = {**os.environ, TOKEN_VARIABLE: "secret", "NO_PROXY": "*"}
    program = snippet("Python", endpoint(address))
    answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert answer.stdout == "2 numbers\n", answer.stderr


@pytest.mark.parametrize("name, parent", [("LangChain", "langchain_core.embeddings"), ("LlamaIndex", "llama_index.core")])
def test_the_library_classes_work_where_the_library_is_installed(name, parent, address, monkeypatch):
    pytest.importorskip(parent)
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    made = {"__name__": "program"}
    exec(snippet(name, endpoint(address)), made)
    if name == "LangChain":
        model = made["WorkbenchEmbeddings"]()
        assert model.embed_query("abc") == [3.0, 0.5] and len(model.embed_documents(["a"] * 70)) == 70
    else:
        model = made["WorkbenchEmbedding"]()
        assert model.get_query_embedding("abc") == [3.0, 0.5]
        assert len(model.get_text_embedding_batch(["a"] * 25)) == 25
