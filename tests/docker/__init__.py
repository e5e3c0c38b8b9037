"""The container, built and started for real without a Docker engine: ``python -m tests.docker``."""
