"""The programs that the Endpoints tab shows, run as they stand against each kind of endpoint."""

import os
import subprocess
import sys

import numpy as np
import pytest

from core.endpoints.smoke import SENTENCES
from workbench.snippets import TOKEN_VARIABLE, snippet

_LIBRARIES = {"LangChain": "langchain_core.embeddings", "LlamaIndex": "llama_index.core"}
#: What is run after a program, to see the vectors that it gets; texts enough for several calls.
_ASK = {
    "Python": "vectors = embed(texts)",
    "LangChain": "model = WorkbenchEmbeddings()\nvectors = [model.embed_query(texts[0]), *model.embed_documents(texts[1:])]",
    "LlamaIndex": "model = WorkbenchEmbedding(embed_batch_size=50)\n"
    "vectors = [model.get_query_embedding(texts[0]), *model.get_text_embedding_batch(texts[1:])]",
}


@pytest.mark.parametrize("kind", _ASK)
def test_a_program_gets_the_endpoints_vectors(double_process, served, kind, tmp_path):
    if kind in _LIBRARIES:
        pytest.importorskip(_LIBRARIES[kind])
    place, endpoint = served
    environment, region = {}, ""
    if endpoint.on == "here":
        environment[TOKEN_VARIABLE] = place.host.token(endpoint.name)
    else:
        environment |= double_process.environment
        region = place.host.account.connection.region
    texts = [*SENTENCES] * 20
    program = f"{snippet(kind, endpoint, region)}\n\ntexts = {texts!r}\n{_ASK[kind]}\nimport numpy\nnumpy.save('vectors', vectors)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert np.allclose(np.load(tmp_path / "vectors.npy"), place.host.embed(endpoint.name, texts), atol=1e-4)
