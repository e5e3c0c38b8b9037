"""Everything the workbench shows, usable without it: pairs in, a better embedding model and an honest verdict out.

The rooms, in the order the work flows: ``pairs`` (read, check, split), ``recipe`` and ``plan`` (what to train),
``training`` (the worker program), ``runs`` (a run on disk, and where it runs), ``evaluation`` and ``maps`` (what became
of it), ``models`` (base models and the embedding cache). Nothing in here imports gradio.
"""
