"""Do data come in the tokens that a model was trained on?"""

import json
from typing import Any

from nas.errors import SpaceError
from nas.task import DataShape, TokenShape


def text_for(data: DataShape, *, model: str, vocabulary: int) -> TokenShape:
    """Return the shape of a text that a model can read.

    Args:
        data: of the search.
        model: where the model is.
        vocabulary: how many tokens the model knows.

    Raises:
        SpaceError: the data are images or signals, or have another number of tokens.
    """
    if not isinstance(data, TokenShape):
        raise SpaceError(
            f"{model} is a language model, but the data are images or signals of shape "
            f"{data.input_shape}; take data=text data.path=..."
        )
    if data.vocabularies != (vocabulary,):
        listed = ", ".join(f"{size:,}" for size in data.vocabularies)
        raise SpaceError(
            f"{model} has a vocabulary of {vocabulary:,} tokens, but the data have {listed}; read "
            f"the text with its own: data.tokenizer={model}"
        )
    return data


def refuse_other_tokens(own: str, given: str, *, model: str) -> None:
    """Refuse a text in other tokens than the model's.

    Args:
        own: content of the model's tokenizer.json; empty where it has none: nothing is compared.
        given: content of the tokenizer.json that made the text's tokens.
        model: where the model is.

    Raises:
        SpaceError: they differ.
    """
    if own and _vocabulary(own) != _vocabulary(given):
        raise SpaceError(
            f"{model} was trained on other tokens than those of the data, though "
            f"there are as many; read the text with its own: data.tokenizer={model}"
        )


def _vocabulary(content: str) -> dict[str, int]:
    """Return token -> number, those that stand for no text among them."""
    told: dict[str, Any] = json.loads(content)
    added = {entry["content"]: int(entry["id"]) for entry in told.get("added_tokens") or []}
    return {**told["model"]["vocab"], **added}
