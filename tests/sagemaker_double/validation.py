"""Requests checked on the service's side against botocore's own description of SageMaker, as the real service does."""

import functools
import re
from typing import Any

from tests.sagemaker_double.errors import invalid


@functools.cache
def _service():
    import botocore.session

    return botocore.session.get_session().get_service_model("sagemaker")


def check(operation: str, request: dict[str, Any]) -> None:
    """Refuse what the operation's description does not allow: missing members, lengths, patterns, enumerations.

    Raises:
        ServiceError: a ValidationException that names the first few things wrong.
    """
    wrong = list(_problems(_service().operation_model(operation).input_shape, request, ""))
    if wrong:
        count = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
        raise invalid(count + "; ".join(wrong[:5]))


def _problems(shape, value: Any, path: str):
    where = f"at '{path}' failed to satisfy constraint: Member must"
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_below(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _problems(member, value[name], _below(path, name))
    elif shape.type_name == "list":
        yield from _size(len(value), shape, value, where)
        for number, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        yield from _size(len(value), shape, value, where)
        for key, item in value.items():
            yield from _problems(shape.key, key, path)
            yield from _problems(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _size(len(value), shape, value, where)
        if shape.enum and value not in shape.enum:
            yield f"Value '{value}' {where} satisfy enum value set: [{', '.join(shape.enum)}]"
        pattern = _expression(shape.metadata.get("pattern", ".*"))
        if pattern and not pattern.fullmatch(value):
            yield f"Value '{value}' {where} satisfy regular expression pattern: {shape.metadata['pattern']}"
    elif shape.type_name in ("integer", "long", "float", "double"):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            yield f"Value '{value}' {where} have value greater than or equal to {low}"
        if high is not None and value > high:
            yield f"Value '{value}' {where} have value less than or equal to {high}"


def _size(size: int, shape, value: Any, where: str):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"Value '{value}' {where} have length greater than or equal to {low}"
    if high is not None and size > high:
        yield f"Value '{value}' {where} have length less than or equal to {high}"


@functools.cache
def _expression(pattern: str) -> re.Pattern | None:
    """The description's patterns are Java's: its classes as Python has them, None where Python has none like it."""
    for theirs, ours in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s"), (r"\p{Alnum}", "a-zA-Z0-9")):
        pattern = pattern.replace(theirs, ours)
    return None if r"\p" in pattern else re.compile(pattern, re.DOTALL)


def _below(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name
