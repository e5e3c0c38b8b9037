"""Where the time of a training step goes: ``python -m benchmarks.profile_step SIDE FILE``, as in ``throughput``.

Torch's profiler over a few steps, by kind of kernel. ``benchmarks/profiles`` keeps what it printed. One thread, so that
the shares hold where other programs share the machine.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.matrix_rate import matrix_rate, training_flops
from benchmarks.result import machine
from benchmarks.throughput import ROWS, make_trainer, read_rows

#: Kernels by what they are for: the first kind that has a part of the kernel's name.
KINDS = {
    "matrix products": ("addmm", "aten::mm", "linear"),
    "products of the attention": ("bmm", "attention"),
    "softmax": ("softmax",),
    "gelu": ("gelu",),
    "layer norm": ("layer_norm",),
    "optimizer and clipping": ("adamw", "vector_norm", "foreach"),
    "copies and gathering": ("copy", "index", "cat", "embedding"),
    "additions and other element by element": ("add", "mul", "sub", "sum", "fill", "zero", "div", "where", "bernoulli"),
}
OTHER = "Python, random numbers of dropout, book-keeping"
WARM, COUNTED = 2, 3


def main(side: str, pairs: Path) -> None:
    """Profile ``COUNTED`` steps and print the shares."""
    import torch
    from torch.profiler import ProfilerActivity, profile
    from transformers import TrainerCallback

    torch.set_num_threads(1)
    profiler = profile(activities=[ProfilerActivity.CPU])

    class Steps(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == WARM:
                profiler.start()
                self.begin = time.process_time()

        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == WARM + COUNTED:
                self.cpu_seconds = time.process_time() - self.begin
                profiler.stop()
                control.should_training_stop = True

    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        trainer, lengths = make_trainer(side, read_rows(pairs)[:ROWS], folder)
        trainer.add_callback(steps)
        trainer.train()
    passes = COUNTED / len(trainer.get_train_dataloader())
    flops = training_flops(trainer.model, lengths) * passes / steps.cpu_seconds
    shares = dict.fromkeys([*KINDS, OTHER], 0.0)
    for kernel in profiler.key_averages():
        kind = next((kind for kind, parts in KINDS.items() if any(part in kernel.key for part in parts)), OTHER)
        shares[kind if kernel.key.startswith(("aten::", "mkldnn::")) else OTHER] += kernel.self_cpu_time_total
    total = sum(shares.values())
    print(f"{side}, {pairs.name}: {COUNTED} steps on one thread of {machine()}")
    print(
        f"{lengths.sum() * passes / steps.cpu_seconds:,.0f} tokens and {flops / 1e9:.0f} GFLOP a processor second; "
        f"the machine's matrix rate: {matrix_rate(time.process_time) / 1e9:.0f}\n"
    )
    for kind, microseconds in sorted(shares.items(), key=lambda one: -one[1]):
        print(f"{microseconds / total:7.1%}  {kind}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
