"""Encoders of BERT's kind: their definition in numbers, weights by BERT's names, costs.

The arithmetic is that of `nas.models.embed_without_nas`, which travels with the files.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nas.models.embed_without_nas import PROJECTION, PortableEncoder
from nas.widths import widths_from

_BYTES_PER_WEIGHT = 4


@dataclass(frozen=True)
class EncoderPlan:
    """An encoder in numbers.

    Attributes:
        vocabulary: number of tokens.
        positions: most tokens of a text.
        num_types: kinds of tokens that the table of types tells apart.
        width: features between layers.
        num_heads: of the attention.
        head_features: of a head; the width holds a whole number of heads.
        hidden_features: inside a feed-forward.
        num_layers: of them.
        activation: gelu or relu.
        norm_epsilon: of the norms.
        embedding_features: of the vector of a text; other than the width, it is projected.
    """

    vocabulary: int
    positions: int
    num_types: int
    width: int
    num_heads: int
    head_features: int
    hidden_features: int
    num_layers: int
    activation: str
    norm_epsilon: float
    embedding_features: int

    @property
    def attention_features(self) -> int:
        """Features of all heads together."""
        return self.num_heads * self.head_features

    @property
    def is_projected(self) -> bool:
        """Whether vectors of texts have another number of features than the layers."""
        return self.width != self.embedding_features


@dataclass(frozen=True)
class Kept:
    """Which of its teacher's features a student has.

    Attributes:
        layers: of the teacher, one for each of the student's.
        width_V: places of the student's features among the teacher's.
    """

    layers: tuple[int, ...]
    width_V: torch.Tensor  # noqa: N815 - shape in the name


class Encoder(nn.Module):
    """An encoder; its state has BERT's names.

    Args:
        plan: its definition.
        kept: where its features are in its teacher; None where it has none.

    Attributes:
        context: tokens of the texts that its costs are counted with.
    """

    context: int

    def __init__(self, plan: EncoderPlan, kept: Kept | None = None) -> None:
        super().__init__()
        self.plan = plan
        self.kept = kept
        self.context = plan.positions
        for name, shape in shapes_of(plan).items():
            tensor = torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
            if len(shape) == 2:
                tensor = nn.init.normal_(torch.empty(shape), std=0.02)
            _place(self, name, nn.Parameter(tensor))

    @property
    def portable(self) -> PortableEncoder:
        """What computes with the weights as they are."""
        return PortableEncoder(config_of(self.plan), dict(self.named_parameters()))

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:  # noqa: N803 - shape in the name
        """Return the vectors (B, embedding_features) of texts, of length 1."""
        return self.portable.embed(tokens_BT)


def shapes_of(plan: EncoderPlan) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight by BERT's name."""
    width, hidden, mixed = plan.width, plan.hidden_features, plan.attention_features
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (plan.vocabulary, width),
        "embeddings.position_embeddings.weight": (plan.positions, width),
        "embeddings.token_type_embeddings.weight": (plan.num_types, width),
    }
    found |= _norm_shapes("embeddings.LayerNorm", width)
    for index in range(plan.num_layers):
        name = f"encoder.layer.{index}"
        for word in ("query", "key", "value"):
            found |= _linear_shapes(f"{name}.attention.self.{word}", mixed, width)
        found |= _linear_shapes(f"{name}.attention.output.dense", width, mixed)
        found |= _norm_shapes(f"{name}.attention.output.LayerNorm", width)
        found |= _linear_shapes(f"{name}.intermediate.dense", hidden, width)
        found |= _linear_shapes(f"{name}.output.dense", width, hidden)
        found |= _norm_shapes(f"{name}.output.LayerNorm", width)
    if plan.is_projected:
        found[PROJECTION] = (plan.embedding_features, width)
    return found


def encoder_costs(plan: EncoderPlan, *, context: int) -> dict[str, float]:
    """Return what an encoder costs, without building it.

    Args:
        plan: its definition.
        context: tokens of the text whose multiply-accumulates are counted.
    """
    width, hidden, layers = plan.width, plan.hidden_features, plan.num_layers
    mixed = plan.attention_features
    products = 4 * width * mixed + 2 * width * hidden
    body = 2 * width + layers * (products + 3 * mixed + 6 * width + hidden)
    if plan.is_projected:
        body += plan.embedding_features * width
    num_params = body + (plan.vocabulary + plan.positions + plan.num_types) * width
    macs = layers * (context * products + 2 * context**2 * mixed)
    widths = [w for _ in range(layers) for w in (mixed, mixed, mixed, width, hidden, width)]
    return {
        "num_params": num_params,
        "size_bytes": _BYTES_PER_WEIGHT * num_params,
        "trained_bytes": _BYTES_PER_WEIGHT * num_params,
        "num_body_params": body,
        "num_macs": macs + (plan.embedding_features * width if plan.is_projected else 0),
        **widths_from(
            num_layers=len(widths),
            log_width=sum(map(math.log10, widths)),
            min_width=min(widths),
            num_features=width,
        ),
    }


def config_of(plan: EncoderPlan) -> dict[str, Any]:
    """Return the content of config.json, as transformers reads it.

    BERT's definition has as many heads as the width holds: `bert_tensors` fills up those that a
    student lacks.
    """
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": plan.vocabulary,
        "max_position_embeddings": plan.positions,
        "type_vocab_size": plan.num_types,
        "hidden_size": plan.width,
        "num_attention_heads": plan.width // plan.head_features,
        "intermediate_size": plan.hidden_features,
        "num_hidden_layers": plan.num_layers,
        "hidden_act": plan.activation,
        "layer_norm_eps": plan.norm_epsilon,
        "position_embedding_type": "absolute",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "pad_token_id": 0,
        "dtype": "float32",
    }


def bert_tensors(plan: EncoderPlan, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights that BertModel has: all but the projection; absent heads are zeros."""
    missing = plan.width - plan.attention_features
    found = {}
    for name, tensor in state.items():
        if name == PROJECTION:
            continue
        filled = tensor.detach().cpu().float()
        if ".attention.self." in name:  # rows of the heads
            filled = functional.pad(
                filled, (0, 0, 0, missing) if filled.ndim == 2 else (0, missing)
            )
        elif name.endswith("attention.output.dense.weight"):
            filled = functional.pad(filled, (0, missing))
        found[name] = filled.contiguous()
    return found


def _linear_shapes(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_shapes(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _place(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Put a parameter where its name with dots says."""
    *path, leaf = name.split(".")
    for part in path:
        if part not in dict(module.named_children()):
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    module.register_parameter(leaf, parameter)
