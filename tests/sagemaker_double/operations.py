"""The SageMaker operations that the double knows, by name. Each module that defines some registers them here."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sagemaker_double.account import Region
    from tests.sagemaker_double.server import Double

#: ``(double, region, request) -> answer``, called with the account's lock held.
Operation = Callable[["Double", "Region", dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {}


def operation(function: Operation) -> Operation:
    """Register ``create_model`` as CreateModel."""
    name = re.sub(r"(?:^|_)([a-z])", lambda found: found.group(1).upper(), function.__name__)
    OPERATIONS[name] = function
    return function
