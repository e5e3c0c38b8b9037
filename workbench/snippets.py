"""Programs that use an endpoint, ready to be copied: plain calls, and the embeddings classes of two RAG libraries.

The token stands in none of them: each reads it from the environment, as a program that is kept in a repository must.
"""

from collections.abc import Callable

#: The environment variable from which the programs read the endpoint's token.
TOKEN_VARIABLE = "EMBEDDING_TOKEN"


def curl(address: str) -> str:
    """One call from a shell."""
    return f"""\
curl {address} \\
  -H "Authorization: Bearer ${TOKEN_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d '{{"inputs": ["Are agents fully managed?", "What is a knowledge base?"]}}'
"""


def python(address: str) -> str:
    """A function with nothing but ``requests``."""
    return f'''\
import os

import requests

ADDRESS = "{address}"
TOKEN = os.environ["{TOKEN_VARIABLE}"]


def embed(texts: list[str]) -> list[list[float]]:
    """One vector for each text, in the same order."""
    answer = requests.post(
        ADDRESS, json={{"inputs": texts}}, headers={{"Authorization": f"Bearer {{TOKEN}}"}}, timeout=60
    )
    answer.raise_for_status()
    return answer.json()["vectors"]


print(len(embed(["Are agents fully managed?"])[0]), "numbers")
'''


def _embed_function(address: str) -> str:
    """What the two classes below have in common: ``embed``, without the line that tries it."""
    return python(address).rsplit("\n\n\nprint(", 1)[0]


def langchain(address: str) -> str:
    """An ``Embeddings`` class for LangChain; needs langchain-core and requests."""
    needed = _embed_function(address).replace(
        "import requests\n", "import requests\nfrom langchain_core.embeddings import Embeddings\n", 1
    )
    return f'''\
{needed}


class WorkbenchEmbeddings(Embeddings):
    """Vectors of the endpoint for any LangChain vector store."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector for start in range(0, len(texts), 32) for vector in embed(texts[start : start + 32])]

    def embed_query(self, text: str) -> list[float]:
        return embed([text])[0]
'''


def llama_index(address: str) -> str:
    """An embedding model for LlamaIndex; needs llama-index-core and requests."""
    needed = _embed_function(address).replace(
        "import requests\n", "import requests\nfrom llama_index.core.embeddings import BaseEmbedding\n", 1
    )
    return f'''\
{needed}


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


#: What is offered, by its name on the page: a function from the endpoint's address to the program.
SNIPPETS: dict[str, Callable[[str], str]] = {
    "curl": curl, "Python": python, "LangChain": langchain, "LlamaIndex": llama_index,
}
