"""Amazon Web Services: the only room that knows boto3 and the SageMaker SDK."""
