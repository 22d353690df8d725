"""A decoder as Llama's published definition has it: `config.json` and tensors by their names.

Where layers see a window, the definition is SmolLM3's, which is Llama's with a window for some
layers. Equal logits: products that are one here are taken apart, the scale of the last features
goes into the last norm, and a narrower feed-forward is filled up with zeros, because Llama has one
width for all layers. No published definition holds our linear attention; such a model is told to
be `nas_decoder` and runs with the `generate.py` beside it.
"""

from collections.abc import Mapping
from typing import Any

import torch

from nas.models.decoder import (
    ATTENTION,
    LINEAR,
    LOGIT_SCALE,
    WINDOW,
    Decoder,
    DecoderPlan,
)
from nas.models.generate_without_nas import PortableDecoder

# Names of layer types in config.json.
_TYPES = {
    ATTENTION: "full_attention",
    WINDOW: "sliding_attention",
    LINEAR: "linear_attention",
}
OWN_KIND = "nas_decoder"


def config_of(plan: DecoderPlan, *, end: int | None = None) -> dict[str, Any]:
    """Return the content of config.json.

    Args:
        plan: of the network.
        end: the token that ends a document; None where there is none.
    """
    config: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": plan.vocabulary,
        "hidden_size": plan.width,
        "intermediate_size": max(layer.hidden_features for layer in plan.layers),
        "num_hidden_layers": len(plan.layers),
        "num_attention_heads": plan.num_heads,
        "num_key_value_heads": plan.num_kv_heads,
        "head_dim": plan.head_features,
        "hidden_act": plan.activation,
        "max_position_embeddings": plan.context,
        "rms_norm_eps": plan.norm_epsilon,
        "rope_theta": plan.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": plan.rope_base},
        "tie_word_embeddings": plan.is_tied,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": None,
        "dtype": "float32",
        "use_cache": True,
    }
    mixers = [_seen_as(layer.mixer, plan) for layer in plan.layers]
    if set(mixers) == {ATTENTION}:
        return config
    config["layer_types"] = [_TYPES[mixer] for mixer in mixers]
    config["sliding_window"] = plan.window
    if LINEAR in mixers:
        return config | {"architectures": [OWN_KIND], "model_type": OWN_KIND}
    own = {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3"}
    return config | own | {"use_sliding_window": True, "no_rope_layers": [1] * len(mixers)}


def is_published(plan: DecoderPlan) -> bool:
    """Say whether transformers has a definition that holds the network."""
    return bool(config_of(plan)["model_type"] != OWN_KIND)


def tensors_of(plan: DecoderPlan, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights by Llama's names.

    Args:
        plan: of the network.
        state: of `nas.models.decoder.Decoder`.
    """
    widest = max(layer.hidden_features for layer in plan.layers)
    tensors = {"model.embed_tokens.weight": state["embedding.weight"]}
    for index, layer in enumerate(plan.layers):
        ours, theirs = f"blocks.{index}", f"model.layers.{index}"
        sizes = [plan.query_features, plan.kv_features, plan.kv_features]
        parts = torch.split(state[f"{ours}.mixer.qkv.weight"], sizes)
        for name, part in zip("qkv", parts, strict=True):
            tensors[f"{theirs}.self_attn.{name}_proj.weight"] = part
        tensors[f"{theirs}.self_attn.o_proj.weight"] = state[f"{ours}.mixer.out.weight"]
        tensors[f"{theirs}.input_layernorm.weight"] = state[f"{ours}.mixer_norm.weight"]
        norm = state[f"{ours}.feed_forward_norm.weight"]
        tensors[f"{theirs}.post_attention_layernorm.weight"] = norm
        missing = widest - layer.hidden_features
        gate, inner = state[f"{ours}.feed_forward.gate_in.weight"].chunk(2)
        out = state[f"{ours}.feed_forward.out.weight"]
        fill = torch.nn.functional.pad
        tensors[f"{theirs}.mlp.gate_proj.weight"] = fill(gate, (0, 0, 0, missing))
        tensors[f"{theirs}.mlp.up_proj.weight"] = fill(inner, (0, 0, 0, missing))
        tensors[f"{theirs}.mlp.down_proj.weight"] = fill(out, (0, missing))
    tensors["model.norm.weight"] = state["norm.weight"] * (LOGIT_SCALE / plan.width)
    if not plan.is_tied:
        tensors["lm_head.weight"] = state["head.weight"]
    return {name: tensor.detach().cpu().float().contiguous() for name, tensor in tensors.items()}


def portable_model(model: Decoder) -> PortableDecoder:
    """Return the model as `generate.py` runs it: with a cache, from Llama's names."""
    tensors = tensors_of(model.plan, model.state_dict())
    return PortableDecoder(config_of(model.plan), tensors)


def _seen_as(mixer: str, plan: DecoderPlan) -> str:
    """Return the mixer; a window that holds the whole context is attention."""
    return ATTENTION if mixer == WINDOW and plan.context <= plan.window else mixer
