"""What matters least in a trained encoder, and the student that begins with the rest.

As `nas.models.decoder_pruning` has it (after Minitron, https://arxiv.org/abs/2407.14679), from
what passes through the network when it reads a text, no gradients:

    layers      how far a layer turns its tokens: 1 - cosine of what enters and leaves
    heads       size of what a head adds
    features    inside a feed-forward: size of what one adds
    width       size of a feature behind the norms, over all layers

Students have their teacher's layers at even distances (Sanh et al., DistilBERT,
https://arxiv.org/abs/1910.01108, section 3) or those that matter most.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from nas.models.decoder_pruning import most
from nas.models.embed_without_nas import PROJECTION
from nas.models.encoder import Encoder, EncoderPlan

# ruff: noqa: N803 - names of tensors end in their shapes
# B texts, T tokens, W width, F features inside, H heads, L layers


@dataclass(frozen=True)
class EncoderImportance:
    """What matters how much in one encoder.

    Attributes:
        layers: (L,).
        heads: (L, H).
        hidden: (L, F).
        width: (W,).
    """

    layers: torch.Tensor
    heads: torch.Tensor
    hidden: torch.Tensor
    width: torch.Tensor


@dataclass(frozen=True)
class KeptOfEncoder:
    """What of an encoder its student begins with.

    Attributes:
        layers: places of the teacher's layers, in order.
        width: features between layers.
        num_heads: in each layer.
        hidden_features: inside each feed-forward.
    """

    layers: tuple[int, ...]
    width: int
    num_heads: int
    hidden_features: int


def first_importance(plan: EncoderPlan) -> EncoderImportance:
    """Return an order in which the last parts go first: before a text was read."""

    def falling(number: int) -> torch.Tensor:
        return -torch.arange(number, dtype=torch.float32, device="cpu")

    number = plan.num_layers
    return EncoderImportance(
        layers=falling(number),
        heads=torch.stack([falling(plan.num_heads)] * number),
        hidden=torch.stack([falling(plan.hidden_features)] * number),
        width=falling(plan.width),
    )


def find_encoder_importance(model: Encoder, texts_BT: torch.Tensor) -> EncoderImportance:
    """Return what matters how much when a model reads some texts."""
    plan, run = model.plan, model.portable
    layers, heads, hidden = [], [], []
    with torch.inference_mode():
        states = run.hidden(texts_BT)
        for index in range(plan.num_layers):
            name = f"encoder.layer.{index}"
            before, after = states[index], states[index + 1]
            turned = 1.0 - torch.nn.functional.cosine_similarity(before, after, dim=-1)
            layers.append(turned.mean())
            mixed, _, inner = run.inside(before, name)
            heads.append(_sizes(mixed, run.tensors[f"{name}.attention.output.dense.weight"]))
            hidden.append(_sizes(inner, run.tensors[f"{name}.output.dense.weight"]))
        width = torch.stack([state.abs().mean((0, 1)) for state in states]).mean(0)
        per_head = torch.stack(heads).view(plan.num_layers, plan.num_heads, -1).sum(-1)
    found = (torch.stack(layers), per_head, torch.stack(hidden), width)
    return EncoderImportance(*(tensor.clone() for tensor in found))


def kept_layers(importance: EncoderImportance, number: int, order: str) -> tuple[int, ...]:
    """Return which layers stay: at even distances from first to last, or the most important.

    >>> kept_layers(EncoderImportance(torch.arange(6), *[torch.zeros(1)] * 3), 3, "even")
    (0, 2, 5)
    """
    total = len(importance.layers)
    if order == "important":
        return tuple(most(importance.layers, number).tolist())
    if number == 1:
        return (total - 1,)
    return tuple(index * (total - 1) // (number - 1) for index in range(number))


def student_plan(plan: EncoderPlan, kept: KeptOfEncoder) -> EncoderPlan:
    """Return the definition of a student."""
    return EncoderPlan(
        **{
            **vars(plan),
            "width": kept.width,
            "num_heads": kept.num_heads,
            "hidden_features": kept.hidden_features,
            "num_layers": len(kept.layers),
        }
    )


def kept_width(importance: EncoderImportance, kept: KeptOfEncoder) -> torch.Tensor:
    """Return the places of the features between layers that stay."""
    return most(importance.width, kept.width)


def student_state(
    plan: EncoderPlan,
    state: Mapping[str, torch.Tensor],
    importance: EncoderImportance,
    kept: KeptOfEncoder,
) -> dict[str, torch.Tensor]:
    """Return the weights that a student begins with.

    The projection of a narrower one puts its features where they were in the teacher's.

    Args:
        plan: of the teacher.
        state: of the teacher.
        importance: of its parts.
        kept: what stays.
    """
    width = kept_width(importance, kept)
    found = {
        f"embeddings.{word}.weight": state[f"embeddings.{word}.weight"][:, width]
        for word in ("word_embeddings", "position_embeddings", "token_type_embeddings")
    }
    found |= _part(state, "embeddings.LayerNorm", "embeddings.LayerNorm", width)
    size = plan.head_features
    for place, index in enumerate(kept.layers):
        ours, theirs = f"encoder.layer.{place}", f"encoder.layer.{index}"
        heads = most(importance.heads[index], kept.num_heads)
        rows = (heads[:, None] * size + torch.arange(size)).flatten()
        inner = most(importance.hidden[index], kept.hidden_features)
        for word, outputs, inputs in (
            ("attention.self.query", rows, width),
            ("attention.self.key", rows, width),
            ("attention.self.value", rows, width),
            ("attention.output.dense", width, rows),
            ("attention.output.LayerNorm", width, None),
            ("intermediate.dense", inner, width),
            ("output.dense", width, inner),
            ("output.LayerNorm", width, None),
        ):
            found |= _part(state, f"{theirs}.{word}", f"{ours}.{word}", outputs, inputs)
    if len(width) != plan.embedding_features:
        found[PROJECTION] = torch.eye(plan.width)[:, width]
    return {name: tensor.clone() for name, tensor in found.items()}


def _part(
    state: Mapping[str, torch.Tensor],
    theirs: str,
    ours: str,
    outputs: torch.Tensor,
    inputs: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    weight = state[f"{theirs}.weight"][outputs]
    if inputs is not None:
        weight = weight[:, inputs]
    return {f"{ours}.weight": weight, f"{ours}.bias": state[f"{theirs}.bias"][outputs]}


def _sizes(given_BTI: torch.Tensor, weight_OI: torch.Tensor) -> torch.Tensor:
    """Return how much each input of a product adds, in the mean."""
    return given_BTI.abs().mean((0, 1)) * weight_OI.square().sum(0).sqrt()
