"""The worker, whose second process is slow to save: half of its random state is on disk while the first goes on."""

import sys
import time
from pathlib import Path

from core.training import __main__ as worker
from core.training import processes
from core.training.trainer import Trainer

save = Trainer._save_rng_state


def save_slowly(self: Trainer, output_dir: str) -> None:
    if processes.is_first():
        save(self, output_dir)
        return
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    (Path(output_dir) / "rng_state_1.pth").write_bytes(b"half")
    time.sleep(1)
    save(self, output_dir)


Trainer._save_rng_state = save_slowly
code = worker.main()
processes.end(code) if processes.world() > 1 else sys.exit(code)
