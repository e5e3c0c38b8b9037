"""The one handler that the local endpoint and SageMaker's containers run: texts in, vectors out.

It lies in ``code/inference.py`` of the archive and offers the four functions that SageMaker's serving toolkits look for.
It needs torch and transformers alone, so that nothing is installed when a container starts, and reads how to pool, to
normalise and where to cut from the saved model, so that its vectors are the model's own.

    {"inputs": "a text"}        ->  {"vectors": [0.1, ...]}
    {"inputs": ["one", "two"]}  ->  {"vectors": [[0.1, ...], [0.2, ...]]}

What cannot be answered is refused with HTTP 400 and a sentence that says why.
"""

import inspect
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

try:  # only there in SageMaker's containers, where an error of this kind keeps its status
    from sagemaker_inference.errors import BaseInferenceToolkitError as _ToolkitError
except ImportError:
    _ToolkitError = Exception

#: The most texts in one request, and the most characters in one text: far more than any model reads to the end.
MOST_TEXTS = 512
LONGEST_TEXT = 100_000

#: Padded tokens that go through the model at once: enough to keep a graphics card busy, or few enough for a processor's
#: cache; little memory in both cases.
_TOKENS_AT_ONCE = {"cuda": 8_192, "cpu": 2_048}
#: Padding among them at most: more costs more than another go (on a processor, measured; a guess for a graphics card).
_PADDING_AT_ONCE = {"cuda": 2_048, "cpu": 80}
_TEXTS_AT_ONCE = 64

#: How files from before sentence-transformers 6 name the ways of pooling, in the order in which results are joined.
_OLDER_POOLING = {
    "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


class BadRequest(_ToolkitError):  # type: ignore[misc]  # of what class it is depends on where it runs
    """A request that cannot be answered; the message is for whoever sent it."""

    def __init__(self, message: str):
        Exception.__init__(self, message)  # one argument: the Hugging Face toolkit answers with str(error)
        self.status_code, self.message, self.phrase = 400, message, message

    def __str__(self) -> str:
        return self.message


class UnknownModel(ValueError):
    """A saved model with something in it that this handler cannot do as its library would."""


def model_fn(model_dir: str) -> "Embedder":
    """Load the model in ``model_dir``.

    Raises:
        UnknownModel: it has a part that would have to be guessed.
    """
    return Embedder(Path(model_dir))


def input_fn(body: str | bytes | bytearray, content_type: str = "application/json") -> dict[str, Any]:
    """The request's texts: ``{"inputs": a text or a list of texts}``.

    Raises:
        BadRequest: it is not JSON, has no inputs, an empty list, something that is not a text, or too much.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest('The request is not JSON. Send {"inputs": "a text"} or {"inputs": ["one", "two"]}.') from None
    if not isinstance(request, dict) or "inputs" not in request:
        raise BadRequest('The request has no “inputs”. Send {"inputs": "a text"} or {"inputs": ["one", "two"]}.')
    inputs = request["inputs"]
    if isinstance(inputs, list) and not inputs:
        raise BadRequest("“inputs” is an empty list: there is nothing to embed.")
    if isinstance(inputs, list) and len(inputs) > MOST_TEXTS:
        raise BadRequest(f"“inputs” holds {len(inputs):,} texts; one request takes at most {MOST_TEXTS:,}.")
    for number, text in enumerate(inputs if isinstance(inputs, list) else [inputs], start=1):
        which = f"Text {number:,} of “inputs”" if isinstance(inputs, list) else "“inputs”"
        if not isinstance(text, str):
            raise BadRequest(f"{which} is not a text but {_kind(text)}.")
        if len(text) > LONGEST_TEXT:
            raise BadRequest(f"{which} has {len(text):,} characters; a text may have at most {LONGEST_TEXT:,}.")
    return {"inputs": inputs}


def predict_fn(data: dict[str, Any], model: "Embedder") -> dict[str, Any]:
    """``{"vectors": ...}``: one vector for a text, a list of vectors, in the same order, for a list."""
    inputs = data["inputs"]
    vectors = model.embed([inputs] if isinstance(inputs, str) else inputs)
    return {"vectors": vectors[0] if isinstance(inputs, str) else vectors}


def output_fn(prediction: dict[str, Any], accept: str | None = "application/json") -> str:
    """The answer as JSON, which is all there is.

    Raises:
        BadRequest: only something else is accepted.
    """
    if accept and "json" not in accept and "*/*" not in accept:
        raise BadRequest(f"The answer is application/json, and the request accepts only {accept}.")
    return json.dumps(prediction)


class Embedder:
    """A saved sentence-embedding model.

    Args:
        folder: the model in sentence-transformers format, with safetensors weights.

    Raises:
        UnknownModel: it has a part that would have to be guessed.
    """

    def __init__(self, folder: Path):
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # it would be all that the log shows
        modules = _parts(folder)
        transformer = folder / modules[0][1]
        settings = _transformer_settings(transformer)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        pooling = Pooling(_read(folder / modules[1][1] / "config.json") if modules[1][1] else {})
        self._steps: list[Callable[[Tensor, Tensor], Tensor]] = [
            pooling, *(Dense(folder / path, self._device) if kind == "Dense" else _normalize for kind, path in modules[2:])
        ]
        self._prompt = _prompt(folder, pooling)
        here = {"local_files_only": True, "trust_remote_code": False}
        self._model = AutoModel.from_pretrained(transformer, use_safetensors=True, **here).float().to(self._device).eval()
        if self._model.config.is_encoder_decoder:
            raise UnknownModel("The model has a decoder, and this handler serves encoders.")
        if self._device == "cpu":
            _multiply_by_onednn(self._model)
        self._tokenizer = AutoTokenizer.from_pretrained(transformer, **here)
        if settings.get("do_lower_case"):
            _lower_case(self._tokenizer)
        self._limit = _limit(settings, self._tokenizer, self._model.config)
        self._accepted = set(inspect.signature(self._model.forward).parameters)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """The vectors of ``texts``, as lists of numbers, in the same order."""
        import torch

        # lone surrogates, which JSON can carry and UTF-8 cannot, become question marks
        plain = [(self._prompt + text).encode("utf-8", errors="replace").decode("utf-8") for text in texts]
        tokens = self._tokenizer(plain, truncation=True, max_length=self._limit)
        lengths = [len(ids) for ids in tokens["input_ids"]]
        vectors: list[list[float]] = [[]] * len(texts)
        with torch.inference_mode():
            for batch in _batches(lengths, _TOKENS_AT_ONCE[self._device], _PADDING_AT_ONCE[self._device]):
                some = {name: [values[index] for index in batch] for name, values in tokens.items()}
                padded = self._tokenizer.pad(some, padding=True, return_tensors="pt").to(self._device)
                accepted = {name: value for name, value in padded.items() if name in self._accepted}
                result = self._model(**accepted).last_hidden_state
                for step in self._steps:
                    result = step(result, padded["attention_mask"])
                for index, vector in zip(batch, result.float().cpu().tolist(), strict=True):
                    vectors[index] = vector
        return vectors


def _multiply_by_onednn(model: Any) -> None:
    """The same products up to rounding; torch's usual library leaves the wide units of some processors idle, where this is
    twice as fast (measured)."""
    import torch

    def product(input: "Tensor", weight: "Tensor", bias: "Tensor | None") -> "Tensor":
        output: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
        return output

    # What each new shape takes, up to half a megabyte, is kept for 1,024 of them unless told otherwise, before the first.
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, "64")
    try:  # torch does not promise to keep it, nor how it is called
        draw = torch.Generator().manual_seed(0)
        small = [torch.randn(size, generator=draw) for size in ((2, 5, 6), (8, 6), (8,))]
        own = torch.nn.functional.linear(*small)
        there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch's own
        if not there or not torch.allclose(product(*small), own, rtol=1e-4, atol=1e-4):
            return
    except Exception:  # in whichever way another torch refuses
        return

    class Linear(torch.nn.Linear):
        def forward(self, input: "Tensor") -> "Tensor":
            try:
                return product(input, self.weight, self.bias)
            except RuntimeError:  # as it does where memory is short: torch's own library may do with less, or says so
                return super().forward(input)

    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = Linear


def _batches(lengths: list[int], most_tokens: int, most_padding: int) -> Iterator[list[int]]:
    """Indices in batches of nearly equal lengths, the longest first, so that little padding is computed."""
    batch: list[int] = []
    padding = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch:
            longest = lengths[batch[0]]
            padding += longest - lengths[index]
            full = len(batch) == _TEXTS_AT_ONCE or (len(batch) + 1) * longest > most_tokens
            if full or padding > most_padding:
                yield batch
                batch, padding = [], 0
        batch.append(index)
    if batch:
        yield batch


def _parts(folder: Path) -> list[tuple[str, str]]:
    """Kind and sub-folder of each part of the model, the transformer first and a pooling second."""
    listed = _read(folder / "modules.json")
    if listed is None:  # a plain transformer: the library pools it by the mean
        return [("Transformer", ""), ("Pooling", "")]
    parts = [(module["type"].rsplit(".", 1)[-1], module["path"]) for module in listed]
    kinds = [kind for kind, _ in parts]
    foreign = any(not module["type"].startswith("sentence_transformers.") for module in listed)
    if foreign or kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= {"Dense", "Normalize"}:
        raise UnknownModel(
            f"The model's parts are {', '.join(module['type'] for module in listed)}; this handler serves the library's"
            " own Transformer and Pooling, followed by Dense and Normalize."
        )
    return parts


def _transformer_settings(folder: Path) -> dict[str, Any]:
    settings: dict[str, Any] = _read(folder / "sentence_bert_config.json") or {}
    for name, usual in {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings"}.items():
        if settings.get(name, usual) != usual:
            raise UnknownModel(f"The model's transformer has {name} = {settings[name]}; this handler knows {usual}.")
    text = (settings.get("modality_config") or {}).get("text")
    if text is not None and text != {"method": "forward", "method_output_name": "last_hidden_state"}:
        raise UnknownModel("The model takes its token vectors from an unusual place, which this handler does not know.")
    return settings


def _prompt(folder: Path, pooling: "Pooling") -> str:
    """What the library puts before each text when nothing else is asked for."""
    settings = _read(folder / "config_sentence_transformers.json") or {}
    prompt: str = (settings.get("prompts") or {}).get(settings.get("default_prompt_name")) or ""
    if prompt and not pooling.include_prompt:
        raise UnknownModel("The model leaves its prompt out when it pools, which this handler does not know.")
    return prompt


def _limit(settings: dict[str, Any], tokenizer: Any, config: Any) -> int | None:
    """The most tokens of a text that the library reads, or None for all."""
    stated: int | None = (settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}).get("model_max_length")
    stated = stated or settings.get("max_seq_length")
    if stated:
        return stated
    positions = getattr(config, "max_position_embeddings", None) or -1
    limit: int = tokenizer.model_max_length if positions == -1 else min(tokenizer.model_max_length, positions)
    return limit if limit < 1_000_000 else None  # a tokenizer without a limit states an absurd one


def _lower_case(tokenizer: Any) -> None:
    from tokenizers.normalizers import Lowercase, Sequence

    own = tokenizer.backend_tokenizer.normalizer
    tokenizer.backend_tokenizer.normalizer = Sequence([Lowercase()] if own is None else [Lowercase(), own])


def _normalize(vectors: "Tensor", mask: "Tensor") -> "Tensor":
    import torch

    return torch.nn.functional.normalize(vectors, p=2, dim=-1)


class Pooling:
    """From the vectors of a text's tokens to one vector, in each of the ways that the model names, joined.

    Args:
        settings: the part's config.json, with the field names of any release.
    """

    def __init__(self, settings: dict[str, Any]):
        modes = settings.get("pooling_mode")
        if modes is None:
            modes = [mode for name, mode in _OLDER_POOLING.items() if settings.get(name)] or ["mean"]
        self.modes = [modes] if isinstance(modes, str) else modes
        self.include_prompt = settings.get("include_prompt", True)
        if unknown := set(self.modes) - set(_OLDER_POOLING.values()):
            raise UnknownModel(f"The model pools by {', '.join(sorted(unknown))}, which this handler does not know.")

    def __call__(self, tokens: "Tensor", mask: "Tensor") -> "Tensor":
        import torch

        return torch.cat([self._pool(mode, tokens, mask) for mode in self.modes], dim=-1)

    @staticmethod
    def _pool(mode: str, tokens: "Tensor", mask: "Tensor") -> "Tensor":
        import torch

        rows = torch.arange(len(tokens), device=tokens.device)
        weights = mask.unsqueeze(-1).to(tokens.dtype)
        if mode == "cls":
            return tokens[rows, mask.argmax(dim=1)]
        if mode == "lasttoken":
            return tokens[rows, mask.shape[1] - 1 - mask.flip(1).argmax(dim=1)]
        if mode == "max":
            return tokens.masked_fill(weights == 0, float("-inf")).max(dim=1).values
        if mode == "weightedmean":
            weights = weights * mask.cumsum(dim=1).unsqueeze(-1)
        count = weights.sum(dim=1).clamp(min=1e-9)
        return (tokens * weights).sum(dim=1) / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count)


class Dense:
    """A layer that changes the length of vectors.

    Args:
        folder: the part's folder.
        device: where to compute.
    """

    def __init__(self, folder: Path, device: str):
        import torch
        from safetensors.torch import load_file

        settings = _read(folder / "config.json")
        for name in ("module_input_name", "module_output_name"):
            if settings.get(name) not in (None, "sentence_embedding"):
                raise UnknownModel("A Dense part of the model works on something else than the text's vector.")
        if settings.get("use_residual"):
            raise UnknownModel("A Dense part of the model has a residual connection, which this handler does not know.")
        path, _, name = settings.get("activation_function", "torch.nn.modules.activation.Tanh").rpartition(".")
        layer = getattr(torch.nn, name, None) if path.startswith("torch.nn.modules.") else None
        if layer is None:
            raise UnknownModel(f"A Dense part of the model uses {name}, which is not one of torch's own functions.")
        self._activation: Callable[[Tensor], Tensor] = layer()
        weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors", device=device).items()}
        self._weight, self._bias = weights["linear.weight"], weights.get("linear.bias")

    def __call__(self, vectors: "Tensor", mask: "Tensor") -> "Tensor":
        import torch

        return self._activation(torch.nn.functional.linear(vectors, self._weight, self._bias))


def _read(path: Path) -> Any:
    """The JSON value in ``path``, None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _kind(value: object) -> str:
    """What a JSON value is called."""
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
