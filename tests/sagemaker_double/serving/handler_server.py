"""Where there is no Java: the Hugging Face toolkit's handler behind a small HTTP server. Arguments: PORT MODEL_FOLDER.

Answers /ping and /invocations on 127.0.0.1 as multi-model-server does, errors included; one request at a time.
"""

import json
import logging
import sys
import threading
import uuid

from double_handler import DoubleHandler
from endpoint_server import Answer, serve
from mms.context import Context, RequestProcessor
from mms.metrics.metrics_store import MetricsStore
from mms.service import PredictionException


class Worker:
    """The handler and its context, as one worker of multi-model-server holds them."""

    def __init__(self, folder: str):
        self._lock = threading.Lock()
        self._context = Context("model", folder, None, 1, None, "1.1.11")
        self._handler = DoubleHandler()
        self._handler.initialize(self._context)

    def answer(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Status, body and content type."""
        with self._lock:
            request = RequestProcessor(headers)
            self._context.request_ids = {0: str(uuid.uuid4())}
            self._context.request_processor = [request]
            self._context.metrics = MetricsStore(self._context.request_ids, "model")
            try:
                answer = self._handler.handle([{"body": body}], self._context)[0]
            except PredictionException as error:
                logging.exception("Prediction error")
                return error.error_code, _error(error.error_code, "InternalServerException", error.message), "application/json"
            except Exception:
                logging.exception("Invoking custom service failed.")
                return 503, _error(503, "InternalServerException", "Prediction failed"), "application/json"
            kind = request.get_response_header("content-type") or request.get_response_header("Content-Type")
        return 200, answer if isinstance(answer, bytes) else str(answer).encode(), kind or "application/json"


def _error(code: int, kind: str, message: str) -> bytes:
    return json.dumps({"code": code, "type": kind, "message": message}, indent=2).encode()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    serve(int(sys.argv[1]), Worker(sys.argv[2]).answer)
