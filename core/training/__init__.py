"""The fine-tuning itself: ``python -m core.training RUN_DIR`` turns a run folder's recipe and pairs into a model.

Built on sentence-transformers' own trainer through its hooks: tokens made once (``tokens``), batches without false
negatives (``batches``), forward passes without padding (``core.forward``), held-out checks that keep the
best weights (``checks``). ``__main__`` is the program, ``work`` the order of things.
"""

#: For the worker's process. Threads that wait for each other spin for milliseconds by default: right on an idle machine,
#: but beside a browser and an app it halves the speed. This short wait costs nothing when idle (measured).
ENVIRONMENT = {"GOMP_SPINCOUNT": "5000"}
