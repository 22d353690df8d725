"""Reads a checkpoint of BERT's kind: a folder with config.json, safetensors and tokenizer.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nas.errors import SpaceError
from nas.models.embed_without_nas import ACTIVATIONS
from nas.models.encoder import EncoderPlan, shapes_of
from nas.models.masked_head import head_state_of

_WEIGHTS, _PREFIX = "model.safetensors", "bert."
_NUMBERS = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "num_types": "type_vocab_size",
    "width": "hidden_size",
    "num_heads": "num_attention_heads",
    "hidden_features": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "embedding_features": "hidden_size",
}


@dataclass(frozen=True)
class ReadEncoder:
    """A trained encoder as it was read.

    Attributes:
        plan: its definition.
        state: its weights by BERT's names, floats.
        tokenizer: content of its tokenizer.json.
        first: token that begins each text.
        last: token that ends each text.
        mask: token that hides another one; None where the tokenizer has none.
        head: weights of what guesses hidden tokens; None where the checkpoint has none.
    """

    plan: EncoderPlan
    state: dict[str, torch.Tensor]
    tokenizer: str
    first: int
    last: int
    mask: int | None = None
    head: dict[str, torch.Tensor] | None = None


def read_encoder(folder: Path) -> ReadEncoder:
    """Return the encoder of a folder.

    Raises:
        SpaceError: there is none, or one of another kind.
    """
    config = _object_of(folder / "config.json")
    _refuse_other_kinds(config, folder)
    try:
        numbers = {ours: int(config[theirs]) for ours, theirs in _NUMBERS.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise SpaceError(
            f"search_space.teacher: {folder}/config.json is not as transformers writes it: "
            f"{error!r}"
        ) from error
    if min(numbers.values()) < 1 or numbers["width"] % numbers["num_heads"]:
        raise SpaceError(
            f"search_space.teacher: {folder}/config.json has hidden_size {numbers['width']} and "
            f"{numbers['num_heads']} heads; all sizes must be at least 1 and the first a multiple "
            "of the second"
        )
    plan = EncoderPlan(
        **numbers,
        head_features=numbers["width"] // numbers["num_heads"],
        activation=config["hidden_act"],
        norm_epsilon=float(config.get("layer_norm_eps", 1e-12)),
    )
    tokenizer = _object_of(folder / "tokenizer.json")
    first, last = (_special(tokenizer, name, folder) for name in ("[CLS]", "[SEP]"))
    tensors = _tensors(folder)
    return ReadEncoder(
        plan,
        _weights(plan, tensors, folder),
        json.dumps(tokenizer),
        first,
        last,
        mask=_added(tokenizer).get("[MASK]"),
        head=head_state_of(plan, tensors),
    )


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    try:
        found: dict[str, torch.Tensor] = load_file(folder / _WEIGHTS)
        return found
    except (OSError, SafetensorError) as error:
        raise SpaceError(
            f"search_space.teacher: {folder}/{_WEIGHTS} cannot be read: {error}; save_pretrained "
            "of transformers writes it"
        ) from error


def _weights(
    plan: EncoderPlan, found: Mapping[str, torch.Tensor], folder: Path
) -> dict[str, torch.Tensor]:
    state = {}
    for name, shape in shapes_of(plan).items():
        tensor = found.get(name, found.get(_PREFIX + name))
        if tensor is None or tuple(tensor.shape) != shape:
            has = "is missing" if tensor is None else f"has shape {tuple(tensor.shape)}"
            raise SpaceError(
                f"search_space.teacher: {folder}: {name} {has}, but config.json makes it {shape}"
            )
        state[name] = tensor.float()
    return state


def _special(tokenizer: Mapping[str, Any], name: str, folder: Path) -> int:
    """Return the token of a name that stands for no text."""
    known = _added(tokenizer)
    if name in known:
        return known[name]
    raise SpaceError(
        f"search_space.teacher: {folder}/tokenizer.json has no {name} among its added_tokens, "
        "which begins or ends each text of an encoder of BERT's kind"
    )


def _added(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Return the tokens that stand for no text, by name."""
    try:
        entries = tokenizer.get("added_tokens") or []
        return {entry["content"]: int(entry["id"]) for entry in entries}
    except (KeyError, TypeError, ValueError):
        return {}  # as where there are none: what is needed of them is told as missing


def _refuse_other_kinds(config: Mapping[str, Any], folder: Path) -> None:
    kind, activation = config.get("model_type"), config.get("hidden_act")
    positions = config.get("position_embedding_type", "absolute")
    for is_wrong, what in (
        (kind != "bert", f"model_type {kind!r}"),
        (activation not in ACTIVATIONS, f"hidden_act {activation!r}"),
        (positions != "absolute", f"position_embedding_type {positions!r}"),
        (config.get("is_decoder"), "is_decoder true"),
        (config.get("quantization_config"), "quantized weights"),
    ):
        if is_wrong:
            raise SpaceError(
                f"search_space.teacher: {folder} has {what}, which encoder_student cannot hold; "
                "it takes encoders of model_type bert with absolute positions, in floats, with "
                f"hidden_act {', '.join(ACTIVATIONS)}"
            )


def _object_of(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpaceError(
            f"search_space.teacher: {path} cannot be read: {error}; give the folder of an encoder "
            "of BERT's kind: config.json, model.safetensors and tokenizer.json"
        ) from error
    if not isinstance(found, dict):
        raise SpaceError(f"search_space.teacher: {path} holds {type(found).__name__}, no object")
    return found
