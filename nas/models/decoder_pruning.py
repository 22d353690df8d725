"""What matters least in a trained decoder, and the smaller decoder without it.

After Muralidharan et al., 2024, "Compact language models via pruning and knowledge distillation"
(Minitron), https://arxiv.org/abs/2407.14679, section 2.2: importance comes from what passes
through the network when it reads a calibration text, no gradients.

    layers      how far a layer turns its tokens: 1 - cosine of what enters and leaves
    heads       size of what a head adds; heads that share keys and values go together
    features    inside a feed-forward: size of what one adds
    width       size of a feature behind the norms, over all layers
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

from nas.models.decoder import Decoder, DecoderBlock, DecoderPlan

# ruff: noqa: N803 - names of tensors end in their shapes
# B texts, T tokens, D width, F features inside, G groups of heads, L layers

Given = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Importance:
    """What matters how much in one decoder.

    Attributes:
        layers: (L,).
        groups: (L, G) of heads that share keys and values; of single heads where all share one.
        hidden: of each layer, (F,).
        width: (D,).
    """

    layers: torch.Tensor
    groups: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    width: torch.Tensor


@dataclass(frozen=True)
class KeptParts:
    """How much of a decoder stays.

    Attributes:
        layers: number.
        groups: number in each layer, of what `num_groups` counts.
        hidden: features inside each layer that stays.
        width: features.
    """

    layers: int
    groups: int
    hidden: int
    width: int


def num_groups(plan: DecoderPlan) -> int:
    """Return how many parts a layer's attention has: key-value heads, or heads of the one."""
    return plan.num_kv_heads if plan.num_kv_heads > 1 else plan.num_heads


def find_importance(model: Decoder, texts_BT: torch.Tensor) -> Importance:
    """Return what matters how much when a model reads some texts; one at a time.

    Args:
        model: on the CPU.
        texts_BT: tokens.
    """
    plan, seen = model.plan, _Seen(model)
    model.eval()
    try:
        with torch.inference_mode():
            for text in texts_BT:
                model(text[None])
    finally:
        seen.remove()
    groups = num_groups(plan)
    heads = torch.stack(seen.heads).view(len(plan.layers), groups, -1).sum(-1)
    return Importance(torch.stack(seen.turns), heads, tuple(seen.hidden), seen.width)


class _Seen:
    """Sums of what passes through a decoder."""

    def __init__(self, model: Decoder) -> None:
        plan = model.plan
        self.width = torch.zeros(plan.width)
        self.turns = [torch.zeros(()) for _ in plan.layers]
        self.heads = [torch.zeros(plan.num_heads) for _ in plan.layers]
        self.hidden = [torch.zeros(layer.hidden_features) for layer in plan.layers]
        self._handles = [model.norm.register_forward_hook(self._hear_norm)]
        for index, block in enumerate(model.blocks):
            assert isinstance(block, DecoderBlock), "blocks holds nothing else"
            self._listen(index, block)

    def remove(self) -> None:
        """Hear no more."""
        for handle in self._handles:
            handle.remove()

    def _listen(self, index: int, block: DecoderBlock) -> None:
        def layer(module: nn.Module, given: Given, result: torch.Tensor) -> None:
            del module
            self.turns[index] += (
                1.0 - functional.cosine_similarity(given[0], result, dim=-1).mean()
            )

        def mixed(module: nn.Module, given: Given) -> None:
            weight = module.weight
            assert isinstance(weight, torch.Tensor), "of a linear layer"
            parts = given[0].chunk(len(self.heads[index]), dim=-1)
            matrices = weight.chunk(len(parts), dim=-1)
            added = [(p @ m.T).norm(dim=-1).mean() for p, m in zip(parts, matrices, strict=True)]
            self.heads[index] += torch.stack(added)

        def inner(module: nn.Module, given: Given) -> None:
            weight = module.weight
            assert isinstance(weight, torch.Tensor), "of a linear layer"
            size = given[0].abs().mean(dim=(0, 1))
            self.hidden[index] += size * weight.norm(dim=0)

        self._handles += [
            block.register_forward_hook(layer),
            block.mixer.out.register_forward_pre_hook(mixed),
            block.feed_forward.out.register_forward_pre_hook(inner),
            block.mixer_norm.register_forward_hook(self._hear_norm),
            block.feed_forward_norm.register_forward_hook(self._hear_norm),
        ]

    def _hear_norm(self, module: nn.Module, given: Given, result: torch.Tensor) -> None:
        del module, given
        self.width += result.abs().mean(dim=(0, 1))


def smaller_plan(plan: DecoderPlan, importance: Importance, kept: KeptParts) -> DecoderPlan:
    """Return the plan of a decoder of which some stays."""
    shares = plan.num_kv_heads > 1
    per_group = plan.num_heads // plan.num_kv_heads if shares else 1
    return replace(
        plan,
        width=kept.width,
        num_heads=kept.groups * per_group,
        num_kv_heads=kept.groups if shares else 1,
        layers=tuple(
            plan.layers[index]._replace(hidden_features=kept.hidden)
            for index in most(importance.layers, kept.layers)
        ),
    )


def smaller_state(
    plan: DecoderPlan,
    state: Mapping[str, torch.Tensor],
    importance: Importance,
    kept: KeptParts,
) -> dict[str, torch.Tensor]:
    """Return the weights of what stays: the most important parts, in the order they had.

    Args:
        plan: of the whole.
        state: of the whole.
        importance: of its parts.
        kept: how much stays.
    """
    width = most(importance.width, kept.width)
    found = {"embedding.weight": state["embedding.weight"][:, width]}
    for place, index in enumerate(most(importance.layers, kept.layers).tolist()):
        ours, theirs = f"blocks.{place}", f"blocks.{index}"
        rows, columns = _attention_places(plan, most(importance.groups[index], kept.groups))
        hidden = most(importance.hidden[index], kept.hidden)
        both = torch.cat([hidden, hidden + plan.layers[index].hidden_features])
        for name, outputs, inputs in (
            ("mixer.qkv", rows, width),
            ("mixer.out", width, columns),
            ("feed_forward.gate_in", both, width),
            ("feed_forward.out", width, hidden),
        ):
            whole = state[f"{theirs}.{name}.weight"]
            found[f"{ours}.{name}.weight"] = whole[outputs][:, inputs]
        for name in ("mixer_norm", "feed_forward_norm"):
            found[f"{ours}.{name}.weight"] = state[f"{theirs}.{name}.weight"][width]
    # Our blocks divide the last features by the width, which is another one now.
    found["norm.weight"] = state["norm.weight"][width] * (kept.width / plan.width)
    if not plan.is_tied:
        found["head.weight"] = state["head.weight"][:, width]
    return {name: tensor.clone() for name, tensor in found.items()}


def most(values: torch.Tensor, number: int) -> torch.Tensor:
    """Return the places of the largest values, in order; of equal ones, the first.

    >>> most(torch.tensor([3.0, 1.0, 2.0]), 2).tolist()
    [0, 2]
    """
    order = torch.sort(values, descending=True, stable=True).indices
    return order[:number].sort().values


def _attention_places(
    plan: DecoderPlan, groups: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows of queries, keys and values that stay, and the columns after them."""
    size = plan.head_features
    shares = plan.num_kv_heads > 1
    per_group = plan.num_heads // plan.num_kv_heads if shares else 1
    columns = _blocks(groups, per_group * size)
    keys = _blocks(groups, size) if shares else torch.arange(size)
    first, second = plan.query_features, plan.query_features + plan.kv_features
    return torch.cat([columns, first + keys, second + keys]), columns


def _blocks(places: torch.Tensor, size: int) -> torch.Tensor:
    """Return the places of all members of some blocks of equal size."""
    return (places[:, None] * size + torch.arange(size)).flatten()
