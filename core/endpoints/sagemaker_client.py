"""Asking a SageMaker endpoint for vectors: in requests that it takes, in the form that its container wants."""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from core.aws import hosting
from core.aws.session import Connection
from core.endpoints.handler import inference
from core.endpoints.host import Target
from core.errors import WorkbenchError

#: The most bytes of one request, with room to spare: SageMaker takes 6 MB, and 4 MB where it is serverless.
MOST_BYTES: dict[Target, int] = {"sagemaker": 5_500_000, "tei": 5_500_000, "serverless": 3_700_000}
#: The most texts of one request: TEI takes no more, and others answer this many in time on a small machine.
MOST_TEXTS: dict[Target, int] = {"sagemaker": 64, "tei": 32, "serverless": 64}


def ask(connection: Connection, name: str, on: Target, texts: Sequence[str]) -> np.ndarray:
    """The vectors that the endpoint ``name`` answers (float32, [texts, dimensions]).

    Raises:
        WorkbenchError: it is not in service, cannot be reached, or refuses the texts.
    """
    if on == "tei":
        _check(name, texts)
    vectors: list[list[float]] = []
    for some in requests(texts, MOST_TEXTS[on], MOST_BYTES[on]):
        more = {"truncate": True} if on == "tei" else {}
        answer = hosting.invoke(connection, name, json.dumps({"inputs": some, **more}).encode())
        vectors += _vectors(name, answer, on)
    try:
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1 if texts else 0)
    except ValueError:
        raise _not_understood(name) from None


def requests(texts: Sequence[str], most: int, most_bytes: int) -> Iterator[list[str]]:
    """The texts in order, in lists of at most ``most`` whose JSON has at most ``most_bytes``; a text alone may have more."""
    some: list[str] = []
    size = 0
    for text in texts:
        bytes_of_it = len(json.dumps(text)) + 2
        if some and (len(some) == most or size + bytes_of_it > most_bytes):
            yield some
            some, size = [], 0
        some.append(text)
        size += bytes_of_it
    if some:
        yield some


def _check(name: str, texts: Sequence[str]) -> None:
    """Refuse what our own handler would: TEI's words are for its programmers."""
    for text in texts:
        try:
            inference.input_fn(json.dumps({"inputs": text}))
        except inference.BadRequest as error:
            raise WorkbenchError(f"{name} refuses the request.", str(error), "") from None


def _vectors(name: str, answer: bytes, on: Target) -> list[list[float]]:
    try:
        told = json.loads(answer)
        vectors: list[list[float]] = told if on == "tei" else told["vectors"]
        return vectors
    except (ValueError, TypeError, KeyError):
        raise _not_understood(name) from None


def _not_understood(name: str) -> WorkbenchError:
    return WorkbenchError(
        f"{name} answers something else than vectors.", "Its container is not the one that the workbench deploys.",
        "Delete it, then deploy the model again.",
    )
