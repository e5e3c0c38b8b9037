"""Loading models and turning texts into vectors. torch and its friends are imported only when a model is loaded."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.errors import WorkbenchError
from core.libraries import import_heavy
from core.models.cache import EmbeddingCache
from core.models.reference import ModelRef, gone, local_ref, model_files
from core.workspace import Workspace, read_json, unless_deleted

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

#: Models kept loaded, about 100 MB each at the built-in model's size.
_KEPT = 4
#: Texts to encode between two looks at the cache: what was done is kept, and other callers get their turn.
_CHUNK = 512
#: Texts that go through a model together; on a CPU they are cut by length before they do.
_BATCH = 128

_loaded: "OrderedDict[str, SentenceTransformer]" = OrderedDict()
_loading = threading.Lock()
#: One text batch at a time: fast tokenizers cannot be shared by threads, and one batch fills the processor anyway.
_encoding = threading.Lock()


def load(ref: ModelRef) -> "SentenceTransformer":
    """The model itself, in float32 on the best device; its folder's code is never run.

    Raises:
        WorkbenchError: the folder cannot be loaded, or is not there any more.
    """
    import_heavy("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()

    try:
        return SentenceTransformer(
            str(ref.path), trust_remote_code=False, local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": "float32"},
        )
    except Exception as error:
        if not ref.path.is_dir():
            raise gone(ref.name, ref.path) from error
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        if damaged := [file for file in model_files(ref.path) if file.suffix == ".json" and read_json(file) is None]:
            raise WorkbenchError(
                f"The model “{ref.name}” cannot be loaded.",
                f"{damaged[0].relative_to(ref.path).as_posix()} is damaged. The library says: {reason}",
                "Bring its folder again, or from a backup.",
            ) from error
        raise WorkbenchError(
            f"The model “{ref.name}” cannot be loaded.", f"The library says: {reason}",
            "Choose another model, or bring its folder again.",
        ) from error


def load_cached(ref: ModelRef) -> "SentenceTransformer":
    """``load``, but the few models used last stay in memory, and encode fast. Thread-safe."""
    with _loading:
        model = _loaded.pop(ref.digest, None) or _load_fast(ref)
        _loaded[ref.digest] = model
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
        return model


def _load_fast(ref: ModelRef) -> "SentenceTransformer":
    model = load(ref)
    if local_ref(ref.name, ref.path).digest != ref.digest:  # its vectors would be kept as another's
        raise WorkbenchError(f"The model “{ref.name}” was changed while it was being loaded.", "", "Try again.")
    from core.forward.speed import speed_up  # loads torch

    speed_up(model)
    return model


def token_lengths(ref: ModelRef, texts: Sequence[str]) -> np.ndarray:
    """How many tokens each text has for this model, special tokens counted, nothing cut (int64, one a text).

    Raises:
        WorkbenchError: the model has no tokenizer that can be read.
    """
    with unless_deleted(ref.path, gone(ref.name, ref.path)):
        tokenizer = _tokenizer(ref)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), 10_000):
        some = [_plain(text) for text in texts[start : start + 10_000]]
        lengths[start : start + len(some)] = [len(encoding) for encoding in tokenizer.encode_batch_fast(some)]
    return lengths


def _tokenizer(ref: ModelRef) -> "Tokenizer":
    from tokenizers import Tokenizer

    files = [path for path in (ref.path / "tokenizer.json", *ref.path.glob("*/tokenizer.json")) if path.exists()]
    if not files:
        raise WorkbenchError(
            f"The tokenizer of “{ref.name}” cannot be read.", "There is no tokenizer.json in its folder.",
            "Choose another model.",
        )
    try:
        return Tokenizer.from_file(str(files[0]))
    except Exception as error:  # the library knows no kind of its own
        raise WorkbenchError(
            f"The tokenizer of “{ref.name}” cannot be read.", f"tokenizer.json is damaged: {str(error)[:200]}",
            "Download or copy the model again.",
        ) from error


def encode(model: "SentenceTransformer", texts: Sequence[str], half: bool = False) -> np.ndarray:
    """The vectors of ``texts`` (float32, [texts, dimensions], rows of length 1), without the cache.

    Args:
        half: multiply in half precision (bfloat16) where that is quicker: one and a half times as fast on a processor made for
            it, at cosines of 0.9999 to the exact vectors (``benchmarks/encoding.py``). Never used for what is compared.
    """
    import torch

    from core.forward.half import can_halve  # loads torch

    quicker = half and can_halve(model)
    with _encoding, torch.autocast(model.device.type, torch.bfloat16, enabled=quicker):
        vectors = model.encode(
            [_plain(text) for text in texts], batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True,
            normalize_embeddings=True,
        )
    return np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1)


def embed(
    ref: ModelRef, texts: Sequence[str], workspace: Workspace, progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """The vectors of ``texts`` (float32, [texts, dimensions], rows of length 1), through the workspace's cache.

    Each distinct text is encoded at most once, ever. ``progress(done, all)`` counts distinct texts; the model is only
    loaded when some text is new.
    """
    distinct = list(dict.fromkeys(texts))
    cache = EmbeddingCache(workspace.cache / "embeddings", ref.digest)
    known = cache.get(distinct)
    # Sorted by length, so that texts of one batch need little padding.
    missing = sorted((text for text in distinct if text not in known), key=len)
    for start in range(0, len(missing), _CHUNK):
        if progress is not None:
            progress(len(known), len(distinct))
        some = missing[start : start + _CHUNK]
        fresh = dict(zip(some, encode(load_cached(ref), some), strict=True))
        cache.put(fresh)
        known.update(fresh)
    if progress is not None:
        progress(len(distinct), len(distinct))
    if not distinct:
        return np.zeros((0, 0), dtype=np.float32)
    return np.stack([known[text] for text in texts])


def _plain(text: str) -> str:
    """Lone surrogates, which UTF-8 and so the tokenizer cannot hold, become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
