"""Errors on demand: what a test has asked the double to do wrong, as the real service does it.

Asked for with ``POST /_double/faults`` and a JSON object, or ``Double.ask`` in client.py:

    kind         one of KINDS
    service      whose requests go wrong (the signing name: sagemaker, s3, iam, logs, scheduler ...); "" is any
    operation    which of them, by AWS's name (CreateTrainingJob, ListObjectsV2, CreateSchedule); "" any
    name         a part of the job's or endpoint's name, for the kinds that happen to one; "" is the next one
    after        how many such requests go well before; 0 where it is not said
    times        how often, 1 where it is not said; 0 is until the faults are cleared
    after_line   spot-interruption alone: a part of the output line after which the instance is taken away
"""

import threading
from dataclasses import dataclass, field, fields
from typing import Any

from tests.sagemaker_double.asked import permission
from tests.sagemaker_double.errors import ServiceError, invalid

#: These answer a request.
OF_REQUESTS = ("throttling", "access-denied", "unavailable", "expired-token", "lost-reply", "cut-off", "no-answer")

#: These happen to a job or an endpoint.
OF_RESOURCES = ("insufficient-capacity", "failed-health-check", "failed-deletion", "never-starts", "spot-interruption")

KINDS = OF_REQUESTS + OF_RESOURCES


@dataclass
class Fault:
    """One thing that shall go wrong; see the module's text."""

    kind: str
    service: str = "sagemaker"
    operation: str = ""
    name: str = ""
    after: int = 0
    times: int = 1
    after_line: str = ""
    over: threading.Event = field(default_factory=threading.Event, init=False)  # set when the faults are cleared


class Faults:
    """What shall go wrong and has not yet."""

    def __init__(self):
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._all: list[Fault] = []

    def ask(self, wish: dict[str, Any]) -> Fault:
        """Add a fault.

        Raises:
            ServiceError: there is no such kind or member.
        """
        unknown = set(wish) - {one.name for one in fields(Fault) if one.init}
        if unknown or wish.get("kind") not in KINDS:
            raise invalid(f"A fault has a kind of {', '.join(KINDS)}; not understood: {sorted(unknown) or wish.get('kind')}")
        fault = Fault(**wish)
        with self._lock:
            self._waiting.append(fault)
            self._all.append(fault)
        return fault

    def clear(self, kind: str = "") -> None:
        """Nothing goes wrong any more, or nothing of that kind."""
        with self._lock:
            for fault in self._all:
                if kind in ("", fault.kind):
                    fault.over.set()
            self._waiting = [fault for fault in self._waiting if kind not in ("", fault.kind)]
            self._all = [fault for fault in self._all if kind not in ("", fault.kind)]

    def of_request(self, service: str, operation: str) -> Fault | None:
        """The fault that this request meets, which is used up by it."""
        return self._take(
            OF_REQUESTS, lambda fault: fault.service in ("", service) and fault.operation in ("", operation)
        )

    def of_resource(self, kind: str, name: str, line: str | None = None) -> Fault | None:
        """The fault of that kind that the job or endpoint meets; ``line`` is what a job has just printed."""
        return self._take(
            (kind,), lambda fault: fault.name in name and (line is None or fault.after_line in line)
        )

    def denies(self, action: str) -> bool:
        """Whether ``service:Operation`` is to be denied, for those who ask IAM beforehand."""
        service, _, operation = action.partition(":")
        with self._lock:
            return any(
                fault.kind == "access-denied" and fault.service in ("", service) and fault.operation in ("", operation)
                for fault in self._waiting
            )

    def _take(self, kinds: tuple[str, ...], fits) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.kind in kinds and fits(fault):
                    if fault.after:
                        fault.after -= 1
                        continue
                    if fault.times == 1:
                        self._waiting.remove(fault)
                    elif fault.times > 1:
                        fault.times -= 1
                    return fault
        return None


def error_for(fault: Fault, service: str, operation: str, user: str) -> ServiceError:
    """What a request that meets ``fault`` is answered with."""
    if fault.kind == "throttling":
        code, status = ("SlowDown", 503) if service == "s3" else ("ThrottlingException", 400)
        return ServiceError(code, "Rate exceeded", status)
    if fault.kind == "unavailable":
        return ServiceError("ServiceUnavailable", "The service is temporarily unavailable.", 503)
    if fault.kind == "expired-token":
        code, status = ("ExpiredToken", 400) if service in ("s3", "sts", "iam") else ("ExpiredTokenException", 400)
        return ServiceError(code, "The security token included in the request is expired", status)
    action = permission(service, operation)
    why = f"because no identity-based policy allows the {action} action"
    sentence = f"User: {user} is not authorized to perform: {action} {why}"
    code, status = ("AccessDenied", 403) if service in ("s3", "iam", "sts") else ("AccessDeniedException", 400)
    return ServiceError(code, sentence, status)
