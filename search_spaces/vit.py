"""The space `vit`: vision transformers, each layer with its own heads and MLP.

AutoFormer's kind of space (Chen et al., 2021, https://arxiv.org/abs/2107.00651): patch size,
embedding and depth of all, number of heads and MLP ratio of each layer. Heads have a fixed width,
so that their number changes what a layer costs. Images whose side is no multiple of the patch are
resized up to the next one.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar

from torch import nn

from nas.architecture import Architecture
from nas.errors import UnbuildableError
from nas.models.layer_costs import MAX_KEPT
from nas.models.vit import EncoderLayer, ViT, ViTPlan, vit_costs, vit_parts
from nas.parts import Chain
from nas.space.fitting import filled, suited_patches
from nas.space.rules import (
    MAX_SIDE,
    MAX_TIMES,
    above,
    check_arguments,
    check_parameters,
    whole,
)
from nas.space.space import SearchSpace
from nas.task import DataShape

# With fewer, attention has nothing to choose between.
_MIN_PATCHES = 4
# Thousands of networks are put together from a few dozen layers.
_layer = lru_cache(MAX_KEPT)(EncoderLayer)


@cache
def _names(index: int) -> tuple[str, str]:
    """Return the names of the parameters of a layer."""
    return f"layers.{index}.heads", f"layers.{index}.mlp_ratio"


class ViTSpace(SearchSpace):
    """Vision transformers.

    Args:
        parameters: the tree of parameters; the names must be those of `default_parameters`.
        head_features: features of one attention head; AutoFormer has 64, small images do with 16.

    Raises:
        SpaceError: a parameter is missing, unknown or has a value that cannot be built.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "patch": {"choice": [2, 4]},
        "embedding": {"choice": [32, 48, 64, 96, 128]},
        "layers": {
            "repeat": {"int": [2, 6]},
            "heads": {"choice": [1, 2, 4]},
            "mlp_ratio": {"choice": [1.0, 2.0, 4.0]},
        },
    }

    def __init__(
        self, parameters: Mapping[str, Any] | None = None, *, head_features: int = 16
    ) -> None:
        super().__init__(parameters)
        self.head_features = head_features
        check_arguments(
            {"head_features": head_features}, {"head_features": whole(1, MAX_TIMES)}, space="vit"
        )
        rules = {
            "patch": whole(1, MAX_SIDE),
            "embedding": whole(8),
            "layers.repeat": whole(1),
            "layers.heads": whole(1, MAX_TIMES),
            "layers.mlp_ratio": above(0),
        }
        check_parameters(self.domains, rules, space="vit")

    @classmethod
    def fitted(cls, arguments: Mapping[str, Any], data: DataShape) -> Mapping[str, Any]:
        """Return arguments in which what is `auto` suits images of that size."""
        patches = suited_patches(min(data.input_shape[1:]))
        return filled(arguments, {"parameters.patch.choice": patches})

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network; it takes images of a size that its patches fill.

        Raises:
            UnbuildableError: the images hold fewer than four patches of that size.
        """
        return ViT(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building.

        Raises:
            UnbuildableError: the images hold fewer than four patches of that size.
        """
        return vit_costs(self.plan(architecture, data))

    def parts(self, architecture: Architecture, data: DataShape) -> Chain:
        """Return patches, layers and head.

        Raises:
            UnbuildableError: the images hold fewer than four patches of that size.
        """
        return vit_parts(self.plan(architecture, data))

    def places(self, architecture: Architecture) -> Mapping[str, str]:
        """Return those of the patches and their positions: patches of one size share them."""
        parts = ("patch_embed", "positions_1PD")
        return {part: f"{part}.{architecture['patch']}" for part in parts}

    def plan(self, architecture: Architecture, data: DataShape) -> ViTPlan:
        """Return the network's definition in numbers.

        Raises:
            UnbuildableError: the images hold fewer than four patches of that size.
        """
        chosen: Mapping[str, Any] = architecture
        patch, embedding = chosen["patch"], chosen["embedding"]
        _, height, width = data.input_shape
        plan = ViTPlan(
            in_channels=data.input_shape[0],
            num_classes=data.num_classes,
            size=(-(-height // patch) * patch, -(-width // patch) * patch),
            patch=patch,
            embedding=embedding,
            head_features=self.head_features,
            layers=tuple(
                _layer(chosen[heads], int(embedding * chosen[mlp_ratio]))
                for heads, mlp_ratio in map(_names, range(chosen["layers.repeat"]))
            ),
        )
        if plan.num_patches < _MIN_PATCHES:
            raise UnbuildableError(
                f"patches of {patch} pixels cut images of {height}x{width} into "
                f"{plan.num_patches}; vit needs at least {_MIN_PATCHES}: give smaller patches"
            )
        return plan
