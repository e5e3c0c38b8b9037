"""One loopback SageMaker for all tests below this folder that ask for it."""

from collections.abc import Iterator

import pytest

from tests.sagemaker_double.client import RunningDouble, running_double


@pytest.fixture(scope="session")
def double_process() -> Iterator[RunningDouble]:
    with running_double() as double:
        yield double


@pytest.fixture
def sagemaker_double(double_process: RunningDouble) -> Iterator[RunningDouble]:
    """The double, with nothing asked to go wrong; its ``environment`` is what a program of the test is to be given."""
    yield double_process
    double_process.clear()
