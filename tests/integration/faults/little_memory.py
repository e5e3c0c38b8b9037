"""The worker, with little more memory than its libraries take."""

import resource
import sys

import psutil

from core.training import __main__ as worker
from core.training import work  # noqa: F401  loads the libraries

LITTLE = 60_000_000

limit = psutil.Process().memory_info().vms + LITTLE
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(worker.main())
