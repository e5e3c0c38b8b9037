"""The containers' images, as the SageMaker SDK lists them. Needs no network; importing the SDK takes seconds."""

from core.errors import WorkbenchError

#: One PyTorch for training on CPU and GPU: the Hugging Face training image is for GPUs alone.
TRAINING = {"framework": "pytorch", "version": "2.10.0", "py_version": "py313", "image_scope": "training"}
#: torch and transformers, no sentence-transformers: what the handler is written for.
INFERENCE = {
    "framework": "huggingface", "version": "5.5.3", "base_framework_version": "pytorch2.6.0", "py_version": "py312",
    "image_scope": "inference",
}
TEI_VERSION = "1.8.2"
#: Serverless endpoints have no instance type, and no GPU.
CPU_TYPE = "ml.m5.xlarge"


def training_image(region: str, instance_type: str) -> str:
    """The address of the training image for an instance type.

    Raises:
        WorkbenchError: AWS has none for this region or type.
    """
    return _retrieve(region, instance_type, **TRAINING)


def inference_image(region: str, instance_type: str = CPU_TYPE) -> str:
    """The address of the Hugging Face inference image for an instance type; likewise."""
    return _retrieve(region, instance_type, **INFERENCE)


def tei_image(region: str, instance_type: str) -> str:
    """The address of the Text Embeddings Inference image for an instance type; likewise."""
    framework = "huggingface-tei" if has_gpu(instance_type) else "huggingface-tei-cpu"
    return _retrieve(region, instance_type, framework=framework, version=TEI_VERSION, image_scope="inference")


def has_gpu(instance_type: str) -> bool:
    """Whether an instance type has an NVIDIA GPU: its family begins with g or p (``ml.g5.xlarge``)."""
    return instance_type.removeprefix("ml.")[:1] in ("g", "p")


def _retrieve(region: str, instance_type: str, **image: str) -> str:
    from sagemaker.core import image_uris

    try:
        return str(image_uris.retrieve(region=region, instance_type=instance_type, **image))
    except ValueError as error:
        raise WorkbenchError(
            f"There is no {image['image_scope']} container for {instance_type} in {region}.",
            f"The SageMaker SDK says: {error}", "Choose another instance type or region.",
        ) from error
