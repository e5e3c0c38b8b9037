"""Programs that use an endpoint, ready to be copied: plain calls, and the embeddings classes of two RAG libraries.

No secret stands in any of them: for an endpoint on this machine each reads the token from the environment, for one on
SageMaker boto3 finds the credentials, as a program that is kept in a repository must.
"""

import json

from core.endpoints.host import Endpoint

#: The environment variable from which the programs read a local endpoint's token.
TOKEN_VARIABLE = "EMBEDDING_TOKEN"
#: Texts in one call: what TEI takes at most, and few enough for any endpoint to answer in time.
_A_CALL = 32

#: What the plain program ends with, to show that it works.
_TRY = '\n\nprint(len(embed(["Are agents fully managed?"])[0]), "numbers")\n'

_CURL = """\
curl {address} \\
  -H "Authorization: Bearer ${variable}" \\
  -H "Content-Type: application/json" \\
  -d '{{"inputs": ["Are agents fully managed?", "What is a knowledge base?"]}}'
"""

_HERE = '''\
import os

import requests

ADDRESS = {address}
TOKEN = os.environ["{variable}"]


def embed(texts: list[str]) -> list[list[float]]:
    """One vector for each text, in the same order."""
    vectors = []
    for start in range(0, len(texts), {a_call}):
        body = {{"inputs": texts[start : start + {a_call}]}}
        answer = requests.post(ADDRESS, json=body, headers={{"Authorization": f"Bearer {{TOKEN}}"}}, timeout=60)
        answer.raise_for_status()
        vectors += answer.json()["vectors"]
    return vectors
'''

_SAGEMAKER = '''\
import json

import boto3

ENDPOINT = {name}
runtime = boto3.Session({session}).client("sagemaker-runtime")


def embed(texts: list[str]) -> list[list[float]]:
    """One vector for each text, in the same order."""
    vectors = []
    for start in range(0, len(texts), {a_call}):
        body = json.dumps({body})
        answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="application/json", Body=body)
        vectors += json.loads(answer["Body"].read()){unpack}
    return vectors
'''

_LANGCHAIN = '''

class WorkbenchEmbeddings(Embeddings):
    """Vectors of the endpoint for any LangChain vector store."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return embed([text])[0]
'''

_LLAMA_INDEX = '''

class WorkbenchEmbedding(BaseEmbedding):
    """Vectors of the endpoint for any LlamaIndex index: ``Settings.embed_model = WorkbenchEmbedding()``."""

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return embed([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
'''


def kinds(endpoint: Endpoint) -> list[str]:
    """What is offered for the endpoint, by name; curl cannot sign what SageMaker wants signed."""
    return ["Python", *(["curl"] if endpoint.on == "here" else []), "LangChain", "LlamaIndex"]


def snippet(kind: str, endpoint: Endpoint, region: str = "", profile: str | None = None) -> str:
    """The program of one of the ``kinds``.

    Args:
        region, profile: where and with whose credentials the endpoint is called; for SageMaker's alone.
    """
    if kind == "curl":
        return _CURL.format(address=endpoint.address, variable=TOKEN_VARIABLE)
    function = _here(endpoint) if endpoint.on == "here" else _sagemaker(endpoint, region, profile)
    match kind:
        case "LangChain":
            return _with_import(function, "from langchain_core.embeddings import Embeddings") + _LANGCHAIN
        case "LlamaIndex":
            return _with_import(function, "from llama_index.core.embeddings import BaseEmbedding") + _LLAMA_INDEX
        case _:
            return function + _TRY


def _here(endpoint: Endpoint) -> str:
    return _HERE.format(address=json.dumps(endpoint.address), variable=TOKEN_VARIABLE, a_call=_A_CALL)


def _sagemaker(endpoint: Endpoint, region: str, profile: str | None) -> str:
    session = ", ".join(
        f"{name}={json.dumps(value)}" for name, value in (("profile_name", profile), ("region_name", region)) if value
    )
    texts = f'"inputs": texts[start : start + {_A_CALL}]'
    tei = endpoint.on == "tei"
    return _SAGEMAKER.format(
        name=json.dumps(endpoint.address), session=session, a_call=_A_CALL, unpack="" if tei else '["vectors"]',
        body=f'{{{texts}, "truncate": True}}' if tei else f"{{{texts}}}",
    )


def _with_import(function: str, line: str) -> str:
    """The function with one more import after the last of its own."""
    head, separator, rest = function.partition("\n\n")
    imports, _, after = rest.partition("\n\n")
    return f"{head}{separator}{imports}\n{line}\n\n{after}"
