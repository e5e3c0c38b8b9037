"""What a place where models are served has to offer; ``local.py`` is this machine, ``sagemaker.py`` an AWS account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from core.models import ModelRef

#: Ready: a smoke call gave the model's own vectors. Wrong: it is in service, but that call did not. Failed: it does not
#: serve; a delete that got stuck half way is told so too.
State = Literal["Starting", "Ready", "Wrong", "Failed", "Deleting"]

#: This machine, SageMaker real-time, SageMaker serverless, SageMaker with the text-embeddings-inference image.
Target = Literal["here", "sagemaker", "serverless", "tei"]


#: Whose an endpoint is: yours, another person's who used the workbench in this account, or not made by a workbench.
Whose = Literal["mine", "colleague", "foreign"]


@dataclass(frozen=True)
class Scaling:
    """How many instances there are, by the calls that come in.

    Attributes:
        least, most: instances, both 1 or more.
        calls_a_minute: calls an instance is to answer in a minute; above it instances are added, below it removed.
    """

    least: int
    most: int
    calls_a_minute: int


@dataclass(frozen=True)
class DeploySpec:
    """What to deploy on, and for how long.

    Attributes:
        on: the kind of endpoint.
        hours: after how many hours it deletes itself; None for one that stays until it is deleted.
        instance_type: SageMaker's name of the machine ("sagemaker" and "tei").
        count: how many of them ("sagemaker" and "tei").
        scaling: how their number changes, None for one that stays ("sagemaker" and "tei").
        memory_mb: 1024 to 6144 in steps of 1024 ("serverless").
        concurrency: how many calls are answered at a time, 1 to 200 ("serverless").
    """

    on: Target
    hours: float | None
    instance_type: str = "ml.m5.large"
    count: int = 1
    scaling: Scaling | None = None
    memory_mb: int = 3072
    concurrency: int = 5


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is at one moment.

    Attributes:
        name: its one name, the same for every deployment of the same model to the same place.
        on: the kind of endpoint.
        state: one of the five states.
        why: sentences that say what is the matter, or what is going on; "" where there is nothing to say.
        model: the name of the model it serves, as the person called it: a run's id, say.
        created: when it was deployed, in seconds since 1970.
        expires: when it deletes itself, in seconds since 1970; None for never, and where that cannot be told.
        an_hour: what it costs an hour, in US dollars.
        so_far: what it has cost, in US dollars.
        calls: how many requests it answered in the last hour; None where that cannot be told.
        address: where it is called: a URL, or the name that AWS knows it by; "" while there is none.
        machine: what it runs on, in words ("2 × ml.m5.large", "3 GB"); "" for this machine.
        whose: whose it is. What is not "mine" or a "colleague"'s is never touched unless it is unlocked by its name.
        end_known: whether it can be told when it deletes itself, if ever.
    """

    name: str
    on: Target
    state: State
    why: str
    model: str
    created: float
    expires: float | None
    an_hour: float
    so_far: float
    calls: int | None
    address: str
    machine: str = ""
    whose: Whose = "mine"
    end_known: bool = True


@dataclass(frozen=True)
class Deleted:
    """What a delete did.

    Attributes:
        deleted: what is gone, in words, in the order in which it went.
        left: what is still there, each with the reason; empty where nothing is left.
    """

    deleted: tuple[str, ...]
    left: tuple[str, ...]


class Host(Protocol):
    """A place where models are served."""

    def deploy(self, model: ModelRef, spec: DeploySpec, tell: Callable[[str], None]) -> Endpoint:
        """Put ``model`` in service, and return when it is Ready, Wrong or Failed. Where that model is in service
        already, that endpoint is the answer: there are never two.

        Args:
            tell: is called with what is being done, in words, as often as that changes.

        Raises:
            WorkbenchError: it could not even be begun.
        """
        ...

    def embed(self, name: str, texts: Sequence[str]) -> np.ndarray:
        """The vectors that the endpoint answers for ``texts`` (float32, [texts, dimensions]).

        Raises:
            WorkbenchError: there is no such endpoint, it cannot be reached, or it refuses the texts.
        """
        ...

    def extend(self, name: str, hours: float) -> Endpoint:
        """Have the endpoint delete itself ``hours`` from now, whatever was chosen before.

        Raises:
            WorkbenchError: there is no such endpoint, or it does not serve any more.
        """
        ...

    def log_tail(self, name: str) -> str:
        """The end of what the endpoint's processes wrote, "" where there is nothing.

        Raises:
            WorkbenchError: there is no such endpoint, or the log cannot be read.
        """
        ...

    def delete(self, name: str, tell: Callable[[str], None] = lambda _: None) -> Deleted:
        """Remove the endpoint with all that belongs to it, then look again what is left. May be repeated.

        Args:
            tell: is called with each step, in words, as it is begun.

        Raises:
            WorkbenchError: there is no such endpoint.
        """
        ...

    def sweep(self) -> list[str]:
        """Delete every endpoint whose time is over.

        Returns:
            The names of those that are gone now.
        """
        ...

    # last, because below it the word list would mean this method
    def list(self) -> list[Endpoint]:
        """Every endpoint that is there, or of which something is left, the newest first."""
        ...
