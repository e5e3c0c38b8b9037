"""What is looked at before a model from elsewhere is loaded: that its files hold weights and settings, and no code."""

import json
import math
from collections.abc import Iterable
from glob import glob
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import WorkbenchError
from core.workspace import files_below, read_json

#: What a transformer cuts texts into is in one of these; without any, the library makes up an empty list of words.
_WORD_LISTS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
#: The list of tensors in a safetensors file; that of a model with thousands of them has 1 MB.
_LARGEST_HEADER = 16 << 20


def check_safe(folder: Path) -> None:
    """Nothing, where a model's folder is complete, has safetensors weights in each part that has weights, and asks to run
    no code.

    Raises:
        WorkbenchError: it does not.
    """
    parts = module_folders(folder)
    for part in parts.values():
        if _holds(part, _PICKLES) and not _holds(part, ("*.safetensors",)):
            raise pickled(str(folder))
        for name in ("tokenizer_config.json", "processor_config.json"):
            if settings(part / name).get("auto_map"):
                raise _foreign_code(folder, f"{name} names code of its own for the tokenizer")
    for name, part in parts.items():
        reads_words = not name or name.endswith(" Transformer")
        if reads_words and not _holds(part, _WORD_LISTS):
            raise _damaged(str(folder), "Its tokenizer.json is missing: without it texts are read as other words")
    if not files_below(folder, "*.safetensors"):
        raise WorkbenchError(
            f"{folder} has no weights.", "There is no .safetensors file in it.", "Choose another model."
        )


def _holds(part: Path, patterns: Iterable[str]) -> bool:
    """Whether a file of such a name is in the folder of a part itself."""
    return any(glob(pattern, root_dir=part, include_hidden=True) for pattern in patterns)


def module_folders(folder: Path) -> dict[str, Path]:
    """Name -> folder of the parts that a model in sentence-transformers format lists, "" -> ``folder`` for another.

    Raises:
        WorkbenchError: the list is damaged, leads out of the folder, or names code that is not the library's.
    """
    if not (folder / "modules.json").exists():
        if (folder / "config_sentence_transformers.json").exists():
            raise _damaged(str(folder), "Its modules.json is missing: without it vectors are made in another way")
        return {"": folder}
    modules = read_json(folder / "modules.json")
    if not isinstance(modules, list) or not modules:
        raise _damaged(str(folder), "Its modules.json is not a list of its parts")
    found = {}
    for number, module in enumerate(modules):
        kind, path = (module.get("type"), module.get("path", "")) if isinstance(module, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(path, str):
            raise _damaged(str(folder), "Its modules.json is not a list of its parts")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or any(sign in path for sign in "\\:\0"):
            raise _damaged(str(folder), f"Its modules.json leads out of the folder: {path[:100]!r}")
        if not kind.startswith("sentence_transformers."):
            raise _foreign_code(folder, f"modules.json names “{kind[:100]}”")
        activation = settings(folder / path / "config.json").get("activation_function") or "torch.nn."
        if not str(activation).startswith("torch.nn."):
            raise _foreign_code(folder, f"{path[:100]}/config.json names “{str(activation)[:100]}”")
        found[f"{number} {kind.rsplit('.', 1)[-1]}"] = folder / path
    return found


def settings(path: Path) -> dict[str, Any]:
    """The JSON object in a file, {} where there is none."""
    value = read_json(path)
    return value if isinstance(value, dict) else {}


def tensor_shapes(path: Path) -> dict[str, list[int]]:
    """Name -> shape of the tensors in a safetensors file: 8 bytes with the header's length, then JSON (format's README).

    Raises:
        WorkbenchError: the header is no such thing, or speaks of more than the file has.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size - 8 - length
            if length > _LARGEST_HEADER or size < 0:
                raise ValueError("Its header is longer than the file, or than any")
            header = json.loads(file.read(length))
        shapes = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            if not 0 <= start <= end <= size or not all(isinstance(side, int) and side >= 0 for side in entry["shape"]):
                raise ValueError(f"The tensor “{name[:100]}” is not in it")
            if math.prod(entry["shape"]) > 8 * (end - start):  # no number takes less than a bit
                raise ValueError(f"The tensor “{name[:100]}” is larger than its bytes")
            shapes[name] = entry["shape"]
        return shapes
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, OSError) as error:
        why = str(error) if type(error) is ValueError else "Its header cannot be read"
        raise _damaged(path.name, why) from error


def pickled(name: str) -> WorkbenchError:
    """The error for a model with weights that can run code."""
    return WorkbenchError(
        f"“{name}” cannot be used.",
        "Its weights are in an old format that can run code on this machine; only safetensors weights are loaded.",
        "Choose a model with a model.safetensors file, or ask its authors for one.",
    )


def _foreign_code(folder: Path, where: str) -> WorkbenchError:
    return WorkbenchError(
        f"{folder} cannot be used.", f"The model asks to run code of its own, which is never done here: {where}.",
        "Choose a model that is made of the library's own parts.",
    )


def _damaged(name: str, why: str) -> WorkbenchError:
    return WorkbenchError(f"{name} is damaged.", f"{why}.", "Download or copy the model again.")
