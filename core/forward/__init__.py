"""Forward passes that give what the libraries' own give and waste little. On a CPU: texts without padding (``packing``, or
``buckets`` for the models that it cannot serve), products by oneDNN, cheap dropout and word look-ups. On a GPU: texts without
padding (``unpadded``). For training, held-out checks and encoding alike. Knows models as torch has them and nothing of the
workbench.
"""
