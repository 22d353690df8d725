"""Decoder-only transformers that Llama's published definition can hold, in compact blocks.

Norm before each part without shift (RMSNorm), rotary positions, gated feed-forward, no biases:
Touvron et al., 2023, https://arxiv.org/abs/2302.13971; several query heads share keys and values
(Ainslie et al., 2023, https://arxiv.org/abs/2305.13245). Query, key and value are one product
here, gate and input of the feed-forward another: fewer and larger products, for short trials.

Each layer looks at all earlier tokens, at a window of them, or at a decaying sum of them (linear
attention as in RetNet, Sun et al., 2023, https://arxiv.org/abs/2307.08621).

How large numbers are at the start, and how the last ones are scaled, follows the width, so that
one learning rate serves all widths (`nas.train.width_rules`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, T tokens, D width, H heads, K key-value heads, E features of a head, V vocabulary

ATTENTION, WINDOW, LINEAR = "attention", "window", "linear"
MIXERS = (ATTENTION, WINDOW, LINEAR)
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "silu": functional.silu,
    "gelu": functional.gelu,
    "relu": functional.relu,
}
NORM_EPSILON = 1e-5
ROPE_BASE = 10_000.0
# Logits are the product with the output matrix times this over the width.
LOGIT_SCALE = 8.0


class DecoderLayer(NamedTuple):
    """One layer; a tuple, quick to look up what is kept by.

    Attributes:
        mixer: how tokens see earlier ones: attention, window or linear.
        hidden_features: of the gated feed-forward.
    """

    mixer: str
    hidden_features: int


@dataclass(frozen=True)
class DecoderPlan:
    """All that defines a network.

    Attributes:
        vocabulary: different tokens.
        context: most tokens that it sees at once.
        width: features of a token between layers.
        num_heads: of queries, in all layers.
        num_kv_heads: of keys and values; divides `num_heads`.
        head_features: of one head; even.
        activation: of the gate.
        is_tied: the embedding is the output matrix too.
        window: tokens that a layer with a window sees, itself among them.
        layers: at least one.
        rope_base: how slowly rotary positions turn.
        norm_epsilon: of the norms between layers.
    """

    vocabulary: int
    context: int
    width: int
    num_heads: int
    num_kv_heads: int
    head_features: int
    activation: str
    is_tied: bool
    window: int
    layers: tuple[DecoderLayer, ...]
    rope_base: float = ROPE_BASE
    norm_epsilon: float = NORM_EPSILON

    @property
    def query_features(self) -> int:
        """Features of all query heads together."""
        return self.num_heads * self.head_features

    @property
    def kv_features(self) -> int:
        """Features of all key heads together, and of all value heads."""
        return self.num_kv_heads * self.head_features


class RmsNorm(nn.Module):
    """Divides by the root of the mean square; a scale for each feature.

    Args:
        width: features.
        epsilon: is added to the mean square.
    """

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        return functional.rms_norm(x_BTD, self.weight.shape, self.weight, self.epsilon)


class TokenMixer(nn.Module):
    """Lets each token take from earlier ones.

    Args:
        plan: of the network.
        kind: attention, window or linear.
    """

    def __init__(self, plan: DecoderPlan, kind: str) -> None:
        super().__init__()
        self.plan = plan
        self.kind = kind
        features = plan.query_features + 2 * plan.kv_features
        self.qkv = nn.Linear(plan.width, features, bias=False)
        self.out = nn.Linear(plan.query_features, plan.width, bias=False)

    def forward(self, x_BTD: torch.Tensor, rotary: torch.Tensor) -> torch.Tensor:
        """Return what each token took, (B, T, D).

        Args:
            x_BTD: normed tokens.
            rotary: (2, T, E) cosines and sines.
        """
        plan, (size, length, _) = self.plan, x_BTD.shape
        parts = self.qkv(x_BTD).split([plan.query_features, *2 * [plan.kv_features]], dim=-1)
        q, k, v = (
            part.view(size, length, -1, plan.head_features).transpose(1, 2) for part in parts
        )
        q, k = rotate(q, rotary), rotate(k, rotary)
        groups = plan.num_heads // plan.num_kv_heads
        if groups > 1:
            k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        mixed = self._mixed(q, k, v)
        taken: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(size, length, -1))
        return taken

    def extra_repr(self) -> str:
        """Return what the parts do not show."""
        seen = f", window={self.plan.window}" if self.kind == WINDOW else ""
        heads = f"{self.plan.num_heads}/{self.plan.num_kv_heads}"
        return f"{self.kind}, heads={heads}{seen}"

    def _mixed(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        length = q.shape[2]
        if self.kind == LINEAR:
            decay = decays(self.plan.num_heads, length, q.device)
            scores = (q @ k.transpose(-1, -2)) * (decay / math.sqrt(self.plan.head_features))
            # Each head's sum is normed: its size depends on how many tokens there were.
            return functional.rms_norm(scores @ v, (v.shape[-1],), eps=NORM_EPSILON)
        if self.kind == WINDOW and length > self.plan.window:
            seen = window_mask(length, self.plan.window, q.device)
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class GatedFeedForward(nn.Module):
    """Two products side by side, one of them the gate of the other.

    Args:
        plan: of the network.
        hidden_features: inside.
    """

    def __init__(self, plan: DecoderPlan, hidden_features: int) -> None:
        super().__init__()
        self.activation = plan.activation
        self.gate_in = nn.Linear(plan.width, 2 * hidden_features, bias=False)
        self.out = nn.Linear(hidden_features, plan.width, bias=False)

    def extra_repr(self) -> str:
        """Return what the parts do not show."""
        return self.activation

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        gate, inner = self.gate_in(x_BTD).chunk(2, dim=-1)
        result: torch.Tensor = self.out(ACTIVATIONS[self.activation](gate) * inner)
        return result


class DecoderBlock(nn.Module):
    """One layer.

    Args:
        plan: of the network.
        layer: of this one.
    """

    def __init__(self, plan: DecoderPlan, layer: DecoderLayer) -> None:
        super().__init__()
        self.mixer_norm = RmsNorm(plan.width, plan.norm_epsilon)
        self.mixer = TokenMixer(plan, layer.mixer)
        self.feed_forward_norm = RmsNorm(plan.width, plan.norm_epsilon)
        self.feed_forward = GatedFeedForward(plan, layer.hidden_features)

    def forward(self, x_BTD: torch.Tensor, rotary: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        x_BTD = x_BTD + self.mixer(self.mixer_norm(x_BTD), rotary)
        result: torch.Tensor = x_BTD + self.feed_forward(self.feed_forward_norm(x_BTD))
        return result


class Decoder(nn.Module):
    """A language model: tokens (B, T) to logits (B, T, V) of the next token.

    Args:
        plan: what to build.

    Attributes:
        plan: what was built.
    """

    rotary: torch.Tensor

    def __init__(self, plan: DecoderPlan) -> None:
        super().__init__()
        self.plan = plan
        self.embedding = nn.Embedding(plan.vocabulary, plan.width)
        self.blocks = nn.ModuleList(DecoderBlock(plan, layer) for layer in plan.layers)
        self.norm = RmsNorm(plan.width, plan.norm_epsilon)
        self.head = None if plan.is_tied else nn.Linear(plan.width, plan.vocabulary, bias=False)
        rotary = rotary_table(plan.context, plan.head_features, base=plan.rope_base)
        self.register_buffer("rotary", rotary, persistent=False)
        self._start()

    def forward(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, V); T is at most the context."""
        x_BTD = self.embedding(tokens_BT)
        rotary = self.rotary[:, : tokens_BT.shape[1]]
        for block in self.blocks:
            x_BTD = block(x_BTD, rotary)
        weight = self.embedding.weight if self.head is None else self.head.weight
        return functional.linear(self.norm(x_BTD) * self.logit_scale, weight)

    @property
    def context(self) -> int:
        """Most tokens that it sees at once."""
        return self.plan.context

    @property
    def logit_scale(self) -> float:
        """What the last features are multiplied by; an export folds it into the last norm."""
        return LOGIT_SCALE / self.plan.width

    def _start(self) -> None:
        """Draw weights whose products neither grow nor shrink with the width."""
        depth = math.sqrt(2 * len(self.blocks))
        nn.init.normal_(self.embedding.weight)
        if self.head is not None:
            nn.init.zeros_(self.head.weight)
        for block in self.blocks:
            for linear in (m for m in block.modules() if isinstance(m, nn.Linear)):
                nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            assert isinstance(block, DecoderBlock), "blocks holds nothing else"
            for last in (block.mixer.out, block.feed_forward.out):
                nn.init.normal_(last.weight, std=last.in_features**-0.5 / depth)


def rotary_table(length: int, features: int, *, base: float) -> torch.Tensor:
    """Return (2, T, E) cosines and sines, both halves of a head alike."""
    steps = torch.arange(0, features, 2, dtype=torch.float32) / features
    angles = torch.arange(length, dtype=torch.float32)[:, None] * base**-steps
    doubled = torch.cat([angles, angles], dim=-1)
    return torch.stack([doubled.cos(), doubled.sin()])


def rotate(x_BHTE: torch.Tensor, rotary: torch.Tensor) -> torch.Tensor:
    """Turn pairs of features by an angle that grows with the position (RoPE)."""
    first, second = x_BHTE.chunk(2, dim=-1)
    return x_BHTE * rotary[0] + torch.cat([-second, first], dim=-1) * rotary[1]


def window_mask(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Return (T, T): which tokens (columns) a token (row) sees."""
    place = torch.arange(length, device=device)
    distance = place[:, None] - place
    return (distance >= 0) & (distance < window)


def decays(num_heads: int, length: int, device: torch.device) -> torch.Tensor:
    """Return (H, T, T): how much a token takes of each earlier one; heads forget at other speeds.

    Head h of H keeps 1 - 2**-(3 + 5 h / H) of its sum from one token to the next.
    """
    heads = torch.arange(num_heads, device=device, dtype=torch.float32)
    kept = 1.0 - 2.0 ** -(3.0 + 5.0 * heads / num_heads)
    place = torch.arange(length, device=device)
    distance = (place[:, None] - place).clamp_min(0)
    return torch.tril(kept[:, None, None] ** distance)
