"""The worker in a control group, in which the kernel gives it little more memory than its libraries take: ``GROUP RUN``."""

import os
import sys
from pathlib import Path

import psutil

from core.training import __main__ as worker
from core.training import work  # noqa: F401  loads the libraries

LITTLE = 60_000_000

group = Path(sys.argv.pop(1))
(group / "memory.max").write_text(str(LITTLE))  # what was used before is counted where it was
(group / "cgroup.procs").write_text(str(os.getpid()))
print(f"{psutil.Process().memory_info().rss:,} bytes so far, {LITTLE:,} more in {group}", file=sys.stderr)
sys.exit(worker.main())
