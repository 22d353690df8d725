"""Reads a checkpoint of Llama's kind into our own blocks: the way back of `decoder_files`.

A folder with config.json and safetensors, as `nas finish` and transformers write it, or one file
in GGUF, which transformers reads.
"""

import contextlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nas.errors import SpaceError, gguf_packages_missing
from nas.models.decoder import (
    ACTIVATIONS,
    ATTENTION,
    LINEAR,
    LOGIT_SCALE,
    WINDOW,
    DecoderLayer,
    DecoderPlan,
)

# Definitions that our blocks hold: Llama's, and those that add windows or our linear attention.
KINDS = ("llama", "smollm3", "mistral", "nas_decoder")
_MIXERS = {
    "full_attention": ATTENTION,
    "sliding_attention": WINDOW,
    "linear_attention": LINEAR,
}
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class ReadDecoder:
    """A trained decoder as it was read.

    Attributes:
        plan: of the network, with the longest context that it was made for.
        state: weights of `nas.models.decoder.Decoder`.
        tokenizer: content of its tokenizer.json; empty where there is none, or it is GGUF.
    """

    plan: DecoderPlan
    state: Mapping[str, torch.Tensor]
    tokenizer: str = ""


def read_decoder(path: Path) -> ReadDecoder:
    """Return the decoder of a folder or of a GGUF file.

    Raises:
        SpaceError: there is none, it is of another kind, or something of it is missing.
        MissingPackageError: it is GGUF, and what reads that is not installed.
    """
    if path.is_file() and path.suffix == ".gguf":
        tokenizer = ""
        config, tensors = _from_gguf(path)
    elif (path / "config.json").is_file():
        config, tensors = _read_config(path), _read_tensors(path)
        tokenizer = _read_tokenizer(path)
    else:
        raise SpaceError(
            f"search_space.model: {path} is no folder with config.json and {_WEIGHTS}, and no "
            ".gguf file; give a folder of nas finish (runs/NAME/finish/12) or of transformers"
        )
    plan = plan_of(config, where=path)
    return ReadDecoder(plan, state_of(plan, tensors, where=path), tokenizer)


def plan_of(config: Mapping[str, Any], *, where: Path) -> DecoderPlan:
    """Return what a config.json describes.

    Raises:
        SpaceError: our blocks cannot hold it; what of it, and which kinds they hold.
    """
    try:
        _refuse_other_kinds(config, where)
        width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        number = int(config["num_hidden_layers"])
        types = config.get("layer_types") or ["full_attention"] * number
        layer = int(config["intermediate_size"])
        plan = DecoderPlan(
            vocabulary=int(config["vocab_size"]),
            context=int(config["max_position_embeddings"]),
            width=width,
            num_heads=heads,
            num_kv_heads=int(config.get("num_key_value_heads") or heads),
            head_features=int(config.get("head_dim") or width // heads),
            activation=str(config["hidden_act"]),
            is_tied=bool(config.get("tie_word_embeddings", False)),
            window=int(config.get("sliding_window") or config["max_position_embeddings"]),
            layers=tuple(DecoderLayer(_MIXERS[types[i]], layer) for i in range(number)),
            rope_base=_rope_base(config),
            norm_epsilon=float(config.get("rms_norm_eps", 1e-6)),
        )
        _check_numbers(plan)
        return plan
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SpaceError(
            f"search_space.model: {where}/config.json is not as transformers writes it: {error!r}"
        ) from error


def state_of(
    plan: DecoderPlan, tensors: Mapping[str, torch.Tensor], *, where: Path | str
) -> dict[str, torch.Tensor]:
    """Return weights of our blocks from tensors by Llama's names.

    Raises:
        SpaceError: one is missing or has another shape.
    """
    prefix = "" if "embed_tokens.weight" in tensors else "model."

    def taken(name: str, *shape: int) -> torch.Tensor:
        found = tensors.get(name)
        if found is None or tuple(found.shape) != shape:
            has = "is missing" if found is None else f"has shape {tuple(found.shape)}"
            raise SpaceError(
                f"search_space.model: {where}: {name} {has}, but config.json makes it {shape}"
            )
        return found.float()

    width, query, kv = plan.width, plan.query_features, plan.kv_features
    state = {"embedding.weight": taken(f"{prefix}embed_tokens.weight", plan.vocabulary, width)}
    for index, layer in enumerate(plan.layers):
        ours, theirs = f"blocks.{index}", f"{prefix}layers.{index}"
        rows = {"q": query, "k": kv, "v": kv}
        names = {f"{theirs}.self_attn.{letter}_proj.weight": n for letter, n in rows.items()}
        parts = [taken(name, number, width) for name, number in names.items()]
        state[f"{ours}.mixer.qkv.weight"] = torch.cat(parts)
        state[f"{ours}.mixer.out.weight"] = taken(
            f"{theirs}.self_attn.o_proj.weight", width, query
        )
        hidden = layer.hidden_features
        gate, up = (taken(f"{theirs}.mlp.{n}_proj.weight", hidden, width) for n in ("gate", "up"))
        state[f"{ours}.feed_forward.gate_in.weight"] = torch.cat([gate, up])
        state[f"{ours}.feed_forward.out.weight"] = taken(
            f"{theirs}.mlp.down_proj.weight", width, hidden
        )
        norms = {"mixer_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm"}
        for own, name in norms.items():
            state[f"{ours}.{own}.weight"] = taken(f"{theirs}.{name}.weight", width)
    # Our blocks scale the last features; the last norm takes that back.
    state["norm.weight"] = taken(f"{prefix}norm.weight", width) * (width / LOGIT_SCALE)
    if not plan.is_tied:
        state["head.weight"] = taken("lm_head.weight", plan.vocabulary, width)
    return state


def _check_numbers(plan: DecoderPlan) -> None:
    """Refuse numbers of which no network can be built.

    Raises:
        ValueError: which.
    """
    least = min(plan.vocabulary, plan.context, plan.width, plan.num_kv_heads, len(plan.layers))
    if least < 1 or min(layer.hidden_features for layer in plan.layers) < 1:
        raise ValueError("a size is below 1")
    if plan.num_heads % plan.num_kv_heads:
        raise ValueError(f"{plan.num_kv_heads} key-value heads do not divide {plan.num_heads}")
    if plan.head_features % 2:
        raise ValueError(f"a head has {plan.head_features} features, an odd number")


def _refuse_other_kinds(config: Mapping[str, Any], where: Path) -> None:
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    rope = scaling.get("rope_type", scaling.get("type", "default"))
    other_rope = [i for i in config.get("no_rope_layers") or [] if not i]
    kind, activation = config.get("model_type"), config.get("hidden_act")
    for is_wrong, what in (
        (kind not in KINDS, f"model_type {kind!r}"),
        (activation not in ACTIVATIONS, f"hidden_act {activation!r}"),
        (config.get("attention_bias") or config.get("mlp_bias"), "biases"),
        (config.get("quantization_config"), "quantized weights"),
        (rope != "default" or other_rope, f"rotary positions of another kind ({rope})"),
    ):
        if is_wrong:
            raise SpaceError(
                f"search_space.model: {where} has {what}, which our blocks cannot hold; they take "
                f"decoders of the kinds {', '.join(KINDS)} without biases, in floats, with "
                f"hidden_act {', '.join(ACTIVATIONS)}"
            )


def _rope_base(config: Mapping[str, Any]) -> float:
    told = config.get("rope_parameters") or {}
    return float(told.get("rope_theta") or config.get("rope_theta") or 10_000.0)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert isinstance(found, dict), "an object"
    except (OSError, ValueError, AssertionError) as error:
        raise SpaceError(f"search_space.model: {folder}/config.json: {error}") from error
    return found


def _read_tokenizer(folder: Path) -> str:
    """Return the content of tokenizer.json; empty where there is none."""
    place = folder / "tokenizer.json"
    try:
        return place.read_text(encoding="utf-8") if place.is_file() else ""
    except (OSError, ValueError) as error:
        raise SpaceError(f"search_space.model: {place}: {error}") from error


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a folder; in several files where an index names them."""
    try:
        files = [_WEIGHTS]
        if (folder / _INDEX).is_file():
            told = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
            files = sorted(set(told["weight_map"].values()))
        found: dict[str, torch.Tensor] = {}
        for name in files:
            found |= load_file(folder / Path(name).name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise SpaceError(
            f"search_space.model: the weights of {folder} cannot be read: {error}; they must lie "
            f"in {_WEIGHTS} (save_pretrained of transformers writes it)"
        ) from error
    return found


def _from_gguf(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        import accelerate  # noqa: F401 - transformers needs both
        import gguf  # noqa: F401
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise gguf_packages_missing(path.name) from error
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # bars that cannot be switched off
            model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    except Exception as error:  # of a damaged file transformers and gguf raise all kinds
        raise SpaceError(
            f"search_space.model: {path} is damaged, cut off, or of a kind that transformers does "
            f"not read ({error!r}); bring it back from where it came"
        ) from error
    config = model.config.to_dict()
    config.pop("quantization_config", None)  # it tells of the file: the weights are floats now
    return config, dict(model.state_dict())
