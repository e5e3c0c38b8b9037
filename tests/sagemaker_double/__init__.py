"""A loopback SageMaker that really runs things: ``python -m tests.sagemaker_double``. README.md says what is real."""
