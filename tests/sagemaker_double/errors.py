"""The one kind of error that the double answers with."""


class ServiceError(Exception):
    """What the real service would refuse a request with.

    Args:
        code: the error's name, as in ``ClientError.response["Error"]["Code"]``.
        message: the sentence beside it.
        status: the HTTP status.
        fields: further members of the error's body.
    """

    def __init__(self, code: str, message: str, status: int = 400, **fields: object):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def invalid(message: str) -> ServiceError:
    """A ValidationException, SageMaker's answer to most things, missing resources included."""
    return ServiceError("ValidationException", message)
