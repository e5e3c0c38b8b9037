"""Who answers a request: a fault, the double's SageMaker, a neighbour, the double's own controls, or moto."""

import io
import json
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.sagemaker_double.account import ACCOUNT_ID
from tests.sagemaker_double.asked import INVOCATIONS, as_cbor, operation_of
from tests.sagemaker_double.errors import ServiceError, invalid
from tests.sagemaker_double.faults import error_for
from tests.sagemaker_double.neighbours import TARGETS
from tests.sagemaker_double.operations import OPERATIONS
from tests.sagemaker_double.storage import OWN_KEY
from tests.sagemaker_double.validation import check

if TYPE_CHECKING:
    from tests.sagemaker_double.server import Double

#: ``Credential=KEY/20260131/us-east-1/sagemaker/aws4_request``, in a header or in a presigned address.
CREDENTIAL = re.compile(r"Credential=([^/&,]+)/\d+/([^/]+)/([^/]+)/aws4_request")

#: Services that tell errors in XML.
XML_SERVICES = ("s3", "iam", "sts", "monitoring")

Answer = tuple[int, bytes, dict[str, str]]


class Request:
    """What the front needs to know of an HTTP request."""

    def __init__(self, environ: dict[str, Any]):
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        self.path = environ.get("PATH_INFO", "")
        self.target = environ.get("HTTP_X_AMZ_TARGET", "")
        signed = environ.get("HTTP_AUTHORIZATION", "") + unquote(environ.get("QUERY_STRING", ""))
        found = CREDENTIAL.search(signed)
        self.key, self.region, self.service = found.groups() if found else ("", "us-east-1", "s3")
        self.own = self.key == OWN_KEY
        body = b""
        if self.service in ("iam", "sts"):
            body = self.body()
            environ["wsgi.input"] = io.BytesIO(body)
        #: Its name, or the HTTP method where that is not known.
        self.operation = operation_of(
            self.service, self.method, self.path, environ.get("QUERY_STRING", ""), self.target, body
        )

    def body(self) -> bytes:
        """The whole body; moto finds none afterwards."""
        return self.environ["wsgi.input"].read(int(self.environ.get("CONTENT_LENGTH") or 0))


class Front:
    """The WSGI application."""

    def __init__(self, double: "Double", moto: Callable):
        self._double = double
        self._moto = moto
        self._lock = threading.Lock()
        self._asked: set[tuple[str, str]] = set()

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith("/_double"):
            status, body, headers = self._guarded(self._control, request)
            return _send(start_response, status, body, headers)
        fault = None
        if not request.own:
            with self._lock:
                self._asked.add((request.service, request.operation))
            fault = self._double.faults.of_request(request.service, request.operation)
        if fault and fault.kind in ("cut-off", "no-answer"):
            if fault.kind == "no-answer":
                fault.over.wait()
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return _send(start_response, 500, b"", {})
        if fault and fault.kind != "lost-reply":
            error = error_for(fault, request.service, request.operation, f"arn:aws:sts::{ACCOUNT_ID}:user/moto")
            status, body, headers = _told(error, request)
            return _send(start_response, status, body, headers)
        answer = self._guarded(self._ours, request)
        if fault:  # done, but nobody will hear of it
            if answer is None:
                b"".join(self._moto(environ, lambda *ignored: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            answer = (500, b"", {})
        if answer is None:
            return self._moto(environ, start_response)
        return _send(start_response, *answer)

    def _guarded(self, handle: Callable[[Request], Answer | None], request: Request) -> Answer | None:
        try:
            return handle(request)
        except ServiceError as error:
            return _told(error, request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return _told(ServiceError("InternalFailure", f"The double failed: {traceback.format_exc()}", 500), request)

    def _ours(self, request: Request) -> Answer | None:
        """The answer of what is not moto's; None where it is."""
        if request.target.startswith("SageMaker."):
            return self._sagemaker(request)
        if request.target in TARGETS:
            return _json(TARGETS[request.target](self._double, request.region, json.loads(request.body() or b"{}")))
        if request.service == "sagemaker" and (found := INVOCATIONS.fullmatch(request.path)):
            return self._invoke(request, unquote(found.group(1)))
        return None

    def _sagemaker(self, request: Request) -> Answer:
        name = request.operation
        if name not in OPERATIONS:
            raise ServiceError("InvalidAction", f"The double does not know SageMaker's {name}.")
        wish = json.loads(request.body() or b"{}")
        check(name, wish)
        with self._double.account.lock:
            return _json(OPERATIONS[name](self._double, self._double.account.region(request.region), wish))

    def _invoke(self, request: Request, name: str) -> Answer:
        hosting = self._double.hosting(self._double.account.region(request.region), name)
        content_type = request.environ.get("CONTENT_TYPE") or "application/json"
        body, answer_type = hosting.invoke(request.body(), content_type, request.environ.get("HTTP_ACCEPT", "*/*"))
        return 200, body, {"Content-Type": answer_type, "x-Amzn-Invoked-Production-Variant": hosting.variant}

    def _control(self, request: Request) -> Answer:
        """Faults, quotas and what was asked, as the README says."""
        wish = json.loads(request.body() or b"{}")
        match request.method, request.path:
            case "POST", "/_double/faults":
                self._double.faults.ask(wish)
            case "DELETE", "/_double/faults":
                self._double.faults.clear(wish.get("kind", ""))
            case "GET", "/_double/asked":
                with self._lock:
                    return _json({"asked": sorted(self._asked)})
            case "DELETE", "/_double/asked":
                with self._lock:
                    self._asked.clear()
            case "POST", "/_double/quotas":
                self._double.quotas.change(wish["name"], wish["value"])
            case "DELETE", "/_double/quotas":
                self._double.quotas.reset()
            case _:
                raise invalid(f"The double has no control {request.method} {request.path}.")
        return _json({})


def _json(value: dict[str, Any]) -> Answer:
    return 200, json.dumps(value).encode(), {"Content-Type": "application/x-amz-json-1.1"}


def _told(error: ServiceError, request: Request) -> Answer:
    """An error in the service's own words."""
    if request.environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        body = as_cbor({"__type": error.code, "message": error.message})
        return error.status, body, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    if request.service in XML_SERVICES and not request.target:
        inner = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        text = f"<Error>{inner}</Error>" if request.service == "s3" else f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
        return error.status, text.encode(), {"Content-Type": "application/xml"}
    named = {"message": error.message} if request.target else {"Message": error.message}
    body = {"__type": error.code, **named, **error.fields}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    return error.status, json.dumps(body).encode(), headers


def _send(start_response: Callable, status: int, body: bytes, headers: dict[str, str]) -> list[bytes]:
    start_response(f"{status} Answer", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
