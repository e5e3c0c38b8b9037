"""What lets a forward pass be fed one row of real tokens: the libraries' own hooks, and the models that are known to work so.

transformers lets a model's attention be chosen by name, and sentence-transformers pools a packed row by ``cu_seq_lens_q``
(where each text begins).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling
from transformers import AttentionInterface, AttentionMaskInterface

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Model types whose attention can be chosen and whose positions are given as numbers; those of the second group begin to
#: count after the number of the padding token.
_FROM_ZERO = {"bert", "electra"}
_AFTER_PADDING = {"roberta", "xlm-roberta", "camembert"}


def takes_rows(model: "SentenceTransformer") -> bool:
    """Whether each of the model's parts is known to work on a row of texts without padding."""
    backbone = getattr(model[0], "auto_model", None)
    kind = getattr(getattr(backbone, "config", None), "model_type", None)
    return kind in _FROM_ZERO | _AFTER_PADDING and all(type(part) in (Pooling, Normalize, Dense) for part in list(model)[1:])


def first_position(config: Any) -> int:
    """The position number of a text's first token."""
    return config.pad_token_id + 1 if config.model_type in _AFTER_PADDING else 0


def choose_attention(model: "SentenceTransformer", name: str, attention: Callable[..., Any], given: str) -> None:
    """Let the model attend by ``attention``, called ``name``, which also gets what the features hold as ``given``."""
    first: Any = model[0]  # the library's, of a kind that takes_rows knows
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, lambda *_, **__: None)  # who is whose is in ``given``
    first.auto_model.set_attn_implementation(name)
    if first.model_forward_params is not None:  # what the library lets through to the model
        first.model_forward_params |= {given}
