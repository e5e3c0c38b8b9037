"""The handler that the model server loads: the Hugging Face toolkit's own, made to import with transformers 5.

The toolkit asks transformers whether TensorFlow is there with a function that transformers 5 no longer has.
"""

import transformers.file_utils

if not hasattr(transformers.file_utils, "is_tf_available"):
    transformers.file_utils.is_tf_available = lambda: False

from sagemaker_huggingface_inference_toolkit import handler_service  # noqa: E402  (after the function is there)


class DoubleHandler(handler_service.HuggingFaceHandlerService):
    """The toolkit's handler, unchanged: the model server takes the one class that a handler's module defines."""
