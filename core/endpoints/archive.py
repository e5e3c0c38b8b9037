"""``model.tar.gz``, as SageMaker's containers and the local endpoint unpack it: weights at its root, ``code/inference.py``.

The same model gives the same bytes: files in the order of their names, no times, no owners. Weights hardly compress (the
built-in model's by 8 %, in 8 seconds), so gzip stores them as they are; the file is a valid .tar.gz all the same.
"""

import gzip
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from core.errors import WorkbenchError
from core.models import ModelRef, describe, gone
from core.workspace import files_below, read_json, unless_deleted

HANDLER = Path(__file__).with_name("handler") / "inference.py"

#: What of a model's folder is packed: weights without code in them, settings and word lists.
_KINDS = (".safetensors", ".json", ".txt", ".model")
#: Other formats of the same weights, which nothing here reads.
_OTHER_FORMATS = ("onnx", "openvino")

_PIECE = 2**20


def pack(
    model: ModelRef, target: Path, progress: Callable[[int, int], None] | None = None, *, for_tei: bool = False
) -> None:
    """Write the archive of ``model`` to ``target``, complete or not at all.

    Args:
        progress: is called with the bytes that are packed, and that there are.
        for_tei: also write the field names from before sentence-transformers 6, which the
            text-embeddings-inference image needs.

    Raises:
        WorkbenchError: the disk is full, a file cannot be read, the model is deleted meanwhile, or ``for_tei`` and it has no
            such form.
    """
    with unless_deleted(model.path, gone(model.name, model.path)):
        _pack(model, target, progress, for_tei)


def _pack(model: ModelRef, target: Path, progress: Callable[[int, int], None] | None, for_tei: bool) -> None:
    files: dict[str, Path | bytes] = {name: model.path / name for name in _names(model.path)}
    if for_tei:
        files |= _older_settings(model)
    files["code/inference.py"] = HANDLER
    model.path.stat()  # else these may be no files of it any more
    everything = sum(len(it) if isinstance(it, bytes) else it.stat().st_size for it in files.values())
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as raw:
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=raw, mtime=0)
            # its types lack copybufsize
            with packed, tarfile.open(fileobj=packed, mode="w|", copybufsize=_PIECE) as tar:  # type: ignore[call-overload]
                done = 0
                for name in sorted(files):
                    done = _add(tar, name, files[name], done, everything, progress)
        os.replace(temporary, target)
    except OSError as error:
        raise WorkbenchError(
            f"The model “{model.name}” could not be packed.", f"The system says: {error.strerror or error}.",
            "Make room on the disk, then try again.",
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    """The paths of the model's files below ``folder``; hidden ones and other formats of the weights are left out."""
    found = []
    for path in files_below(folder):
        parts = path.relative_to(folder).parts
        if path.suffix in _KINDS and parts[0] not in _OTHER_FORMATS and not any(part.startswith(".") for part in parts):
            found.append("/".join(parts))
    return found


def _add(
    tar: tarfile.TarFile, name: str, content: Path | bytes, done: int, everything: int,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Add one file; returns how many bytes are packed now."""
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        info = tarfile.TarInfo(name)  # no time, no owner, readable by all
        info.size = file.seek(0, os.SEEK_END)
        file.seek(0)

        class Counted:
            def read(self, size: int) -> bytes:
                nonlocal done
                piece = file.read(size)
                done += len(piece)
                if progress is not None:
                    progress(done, everything)
                return piece

        tar.addfile(info, cast(IO[bytes], Counted()))  # which is only read
    return done


def _older_settings(model: ModelRef) -> dict[str, bytes]:
    """The settings files that text-embeddings-inference reads, with the older names beside the newer."""
    modules = read_json(model.path / "modules.json") or []
    paths = {str(module.get("type")).rsplit(".", 1)[-1]: str(module.get("path", "")) for module in modules}
    kinds = set(paths)
    if kinds - {"Transformer", "Pooling", "Normalize"} or paths.get("Transformer") or "Pooling" not in paths:
        raise WorkbenchError(
            f"“{model.name}” cannot be served by text-embeddings-inference.",
            "It serves a transformer at the root of the folder with a pooling behind it, and nothing else.",
            "Deploy it as an ordinary SageMaker endpoint.",
        )
    pooling_file = f"{paths['Pooling']}/config.json"
    pooling: dict[str, Any] = read_json(model.path / pooling_file) or {}
    modes = pooling.get("pooling_mode")
    if modes is not None:
        modes = [modes] if isinstance(modes, str) else modes
        pooling["word_embedding_dimension"] = pooling.get("embedding_dimension")
        for older, mode in {
            "cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max",
            "mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "weightedmean_tokens": "weightedmean",
            "lasttoken": "lasttoken",
        }.items():
            pooling[f"pooling_mode_{older}"] = mode in modes
    transformer = read_json(model.path / "sentence_bert_config.json") or {}
    transformer.setdefault("max_seq_length", describe(model).max_tokens)
    transformer.setdefault("do_lower_case", False)
    return {pooling_file: _json(pooling), "sentence_bert_config.json": _json(transformer)}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
