"""Several processes that train one model together, one a GPU: who they are, and what they must agree on.

``torchrun`` starts them and tells each its place in the environment. Only the first one speaks: it writes the events, the
checkpoints, the report and the model. Without torchrun there is one process, which is the first.
"""

import os
import sys

import torch
from torch import distributed


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's place among them: 0 is the first."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process is the one that speaks."""
    return rank() == 0


def join() -> None:
    """Find the others; to be called before the model is loaded, which is put on this process's own GPU."""
    if world() > 1:
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available())


def wait() -> None:
    """Wait until all processes have come here."""
    if world() > 1:
        distributed.barrier()


def end(code: int) -> None:
    """End this process at once with an exit code. The threads of the group are left to the system: when they are taken
    down in order while another process has ended already, they may abort, and torchrun then takes all for failed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def agree(number: int, device: torch.device) -> int:
    """The first process's ``number``, in all of them."""
    if world() == 1:
        return number
    told = torch.tensor(number, device=device)
    distributed.broadcast(told, src=0)
    return int(told)


def mean(value: torch.Tensor) -> torch.Tensor:
    """The mean of all processes' ``value`` (a scalar); not a number where it is that in one of them."""
    if world() == 1:
        return value
    total = value.detach().float().clone()
    distributed.all_reduce(total)
    return total / world()
