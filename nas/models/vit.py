"""Vision transformers whose layers may differ, from timm's patch embedding and blocks.

Dosovitskiy et al., 2021, https://arxiv.org/abs/2010.11929; each layer has its own number of heads,
of fixed width, and its own MLP, as in AutoFormer (Chen et al., 2021,
https://arxiv.org/abs/2107.00651, section 3.2). Learned positions, norm before each part, the mean
of all patches instead of a class token.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from timm.layers import Attention, LayerNorm, PatchEmbed, build_sincos2d_pos_embed
from timm.models.vision_transformer import Block
from torch import nn

from nas.models.layer_costs import MAX_KEPT, LayerCosts, convolution, layer_norm, linear, total_of
from nas.models.pooling import Mean
from nas.parts import Chain, NetworkPart

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, P patches, D embedding, K classes


class EncoderLayer(NamedTuple):
    """One transformer layer; a tuple, quick to look up what is kept by.

    Attributes:
        num_heads: attention heads.
        hidden_features: width of the MLP inside.
    """

    num_heads: int
    hidden_features: int


@dataclass(frozen=True)
class ViTPlan:
    """All that defines a network.

    Attributes:
        in_channels: channels of the images.
        num_classes: number of logits.
        size: (H, W) of the images that the network is fed, multiples of `patch`.
        patch: side of a patch, pixels.
        embedding: features of a patch between layers.
        head_features: features of one head, in all layers.
        layers: at least one.
    """

    in_channels: int
    num_classes: int
    size: tuple[int, int]
    patch: int
    embedding: int
    head_features: int
    layers: tuple[EncoderLayer, ...]

    @property
    def num_patches(self) -> int:
        """Patches of one image."""
        return self.size[0] // self.patch * (self.size[1] // self.patch)


class ViT(nn.Module):
    """A vision transformer: images (B, C, H, W) to logits (B, K).

    Attributes:
        input_size: (H, W) that the trainer resizes images to.
    """

    def __init__(self, plan: ViTPlan) -> None:
        super().__init__()
        self.input_size = plan.size
        self.patch_embed = PatchEmbed(plan.size, plan.patch, plan.in_channels, plan.embedding)
        self.positions_1PD = nn.Parameter(torch.empty(1, plan.num_patches, plan.embedding))
        self.blocks = nn.Sequential(*(_block(layer, plan) for layer in plan.layers))
        self.norm = LayerNorm(plan.embedding)
        self.head = nn.Linear(plan.embedding, plan.num_classes)
        self._initialise(plan)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K)."""
        patches_BPD = self.patch_embed(images_BCHW) + self.positions_1PD
        logits_BK: torch.Tensor = self.head(self.norm(self.blocks(patches_BPD)).mean(1))
        return logits_BK

    def _initialise(self, plan: ViTPlan) -> None:
        # Positions start as waves (Beyer et al., 2022, https://arxiv.org/abs/2205.01580) and
        # weights at a scale that suits narrow layers: timm's 0.02 for both trains small networks
        # far slower.
        waves_PD = build_sincos2d_pos_embed(
            [side // plan.patch for side in plan.size],
            dim=plan.embedding,
            interleave_sin_cos=True,
            device=self.positions_1PD.device,
        )
        with torch.no_grad():
            self.positions_1PD.copy_(waves_PD[None])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        projection = self.patch_embed.proj
        nn.init.normal_(projection.weight, std=1 / math.sqrt(projection.weight[0].numel()))
        nn.init.zeros_(projection.bias)


def _block(layer: EncoderLayer, plan: ViTPlan) -> nn.Module:
    block: nn.Module = Block(
        plan.embedding, num_heads=1, mlp_ratio=layer.hidden_features / plan.embedding
    )
    # The width of a head is fixed, which timm's block does not offer: its heads share the
    # embedding.
    block.attn = Attention(
        plan.embedding, layer.num_heads, attn_head_dim=plan.head_features, qkv_bias=True
    )
    return block


class _Embedding(nn.Module):
    """Patches with their places, as a part of its own."""

    def __init__(self, plan: ViTPlan) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(plan.size, plan.patch, plan.in_channels, plan.embedding)
        self.positions_1PD = nn.Parameter(torch.empty(1, plan.num_patches, plan.embedding))

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        patches_BPD: torch.Tensor = self.patch_embed(images_BCHW) + self.positions_1PD
        return patches_BPD


def vit_parts(plan: ViTPlan) -> Chain:
    """Return the network as a chain: patches, layers, and what follows them."""
    bare = replace(plan, layers=())
    head = (plan.embedding, plan.num_classes)
    return Chain(
        (
            NetworkPart((plan.size, plan.patch, plan.embedding), partial(_Embedding, bare)),
            *(NetworkPart(layer, partial(_block, layer, bare)) for layer in plan.layers),
            NetworkPart(head, partial(_head_part, *head)),
        ),
        plan.size,
    )


def _head_part(features: int, num_classes: int) -> nn.Module:
    return nn.Sequential(LayerNorm(features), Mean(1), nn.Linear(features, num_classes))


def vit_costs(plan: ViTPlan) -> dict[str, float]:
    """Return parameters, bytes, products and widths of the network that `plan` defines."""
    width, patches, features = plan.embedding, plan.num_patches, plan.head_features
    costs = [
        convolution(plan.in_channels, width, kernel=plan.patch, positions=patches, bias=True),
        LayerCosts(patches * width),  # places of the patches
        *[_layer(layer, width, patches, features) for layer in plan.layers],
        layer_norm(width),
        linear(width, plan.num_classes),
    ]
    return total_of(costs).costs(num_features=width)


@lru_cache(MAX_KEPT)
def _layer(layer: EncoderLayer, width: int, patches: int, head_features: int) -> LayerCosts:
    attended = layer.num_heads * head_features
    products = LayerCosts(num_macs=2 * patches**2 * attended)
    return (
        layer_norm(width) * 2
        + linear(width, 3 * attended, positions=patches)
        + products
        + linear(attended, width, positions=patches)
        + linear(width, layer.hidden_features, positions=patches)
        + linear(layer.hidden_features, width, positions=patches)
    )
