"""Asking a local endpoint for vectors, over HTTP like any other program."""

import http.client
import json
from collections.abc import Sequence

import numpy as np

from core.errors import WorkbenchError

#: Texts in one request: few enough that it is answered in time on a slow machine.
_AT_ONCE = 64
#: Seconds for one request; the endpoint itself gives up a little earlier.
_SECONDS = 75


def ping(port: int) -> bool:
    """Whether an endpoint answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ask(name: str, port: int, token: str, texts: Sequence[str]) -> np.ndarray:
    """The vectors that the endpoint ``name`` answers (float32, [texts, dimensions]).

    Raises:
        WorkbenchError: it cannot be reached, is too slow, or refuses the texts.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    vectors: list[list[float]] = []
    try:
        for start in range(0, len(texts), _AT_ONCE):
            body = json.dumps({"inputs": list(texts[start : start + _AT_ONCE])})
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status != 200:
                raise WorkbenchError(f"{name} refuses the request.", answer["message"], "")
            vectors += answer["vectors"]
    except TimeoutError:
        raise WorkbenchError(
            f"{name} did not answer within {_SECONDS} seconds.", "", "Send fewer or shorter texts at once."
        ) from None
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise WorkbenchError(
            f"{name} cannot be reached.", f"{error or type(error).__name__}".rstrip(".") + ".",
            "Look at the list of endpoints for its state.",
        ) from error
    finally:
        connection.close()
    return np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1 if texts else 0)
