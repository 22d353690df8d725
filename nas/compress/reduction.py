"""One trained network, and all the smaller ones that can be made of it.

A `Reducer` analyses a network once: channels that must be removed together (`prune`), blocks that
can be left out (`stages`), linear layers that can be factorised (`low_rank`). Any `Reduction` is
then costed in closed form and made in a fraction of a second, with the weights of the original.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.compress.compression import linear_layers, quantized_weights
from nas.compress.cost_forecast import CostForecast
from nas.compress.inventory import Inventory, stored_tensors_of
from nas.compress.low_rank import factorise
from nas.compress.prune import attention_modules, find_groups, prune
from nas.compress.stages import drop_blocks, find_stages


@dataclass(frozen=True)
class Reduction:
    """What is kept of a network.

    Attributes:
        units: root of a group of channels -> units that stay; groups that are not named stay
            whole.
        blocks: name of a stage -> blocks that stay.
        shares: name of a linear layer -> share of its weights that stays, as two factors.
    """

    units: Mapping[str, int] = field(default_factory=dict)
    blocks: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


class Reducer:
    """Makes smaller networks of one.

    Args:
        model: trained, on the CPU; it is kept, and not changed.
        images: (2, C, H, W) an example.
        stages: names of the containers that are stages; None finds them.

    Attributes:
        groups: channels that can be taken out together.
        stages: where the blocks are.
    """

    def __init__(
        self, model: nn.Module, images: torch.Tensor, *, stages: Sequence[str] | None = None
    ) -> None:
        self.model = model.eval()
        self.images = images
        self.groups = find_groups(self.model, images)
        self.stages = find_stages(self._uneven(), images, names=stages)
        positions = _positions(self.model, images)
        self._inventory = Inventory(
            stored_tensors_of(self.model), positions, _attended(self.model, positions)
        )
        whole = self._inventory.num_macs(self._shapes(Reduction()), {})
        # Where other products of matrices are involved, only counting tells.
        self._knows_macs = whole == _counted_macs(self.model, images)

    def reduce(self, reduction: Reduction) -> nn.Module:
        """Return a new, smaller network with the weights of the original."""
        model = copy.deepcopy(self.model)
        prune(model, self.images, self.groups, reduction.units)
        for stage in self.stages:
            drop_blocks(model, stage, reduction.blocks.get(stage.name, len(stage.blocks)))
        factorise(model, self._live_shares(reduction))
        for parameter in model.parameters():
            parameter.grad = None
        return model

    def costs(self, reduction: Reduction) -> dict[str, float]:
        """Return parameters, bytes and, where known in closed form, products and widths."""
        shapes = self._shapes(reduction)
        shares = self._live_shares(reduction)
        found = {
            "num_params": float(self._inventory.num_params(shapes, shares)),
            "size_bytes": float(self._inventory.size_bytes(shapes, shares)),
        }
        if self._knows_macs:
            found["num_macs"] = float(self._inventory.num_macs(shapes, shares))
            found |= self._inventory.widths(shapes, shares)
        return found

    def cost_forecast(self, reduction: Reduction) -> CostForecast | None:
        """Return what tells what compressions of a smaller network cost, without making it.

        None where layers are factorised already, or other products of matrices are involved.
        """
        if self._live_shares(reduction) or not self._knows_macs:
            return None
        shapes = self._shapes(reduction)
        tensors = {
            name: replace(self._inventory.tensors[name], shape=tuple(shape))
            for name, shape in shapes.items()
        }
        groups = (
            replace(group, num_units=reduction.units.get(group.root, group.num_units))
            for group in self.groups
            if any(shrink.tensor in shapes for shrink in group.shrinks)
        )
        return CostForecast(
            groups=tuple(group for group in groups if group.num_units > 1),
            inventory=replace(self._inventory, tensors=tensors),
            linears=tuple(n for n in linear_layers(self.model) if f"{n}.weight" in shapes),
            quantized=quantized_weights(self.model) & shapes.keys(),
        )

    def _uneven(self) -> nn.Module:
        """Return a copy in which each group has lost another number of channels.

        A block whose input and output have equal shapes in it has them in all reductions.
        """
        model = copy.deepcopy(self.model)
        kept = {
            group.root: group.num_units - 1 - index % (group.num_units - 1)
            for index, group in enumerate(self.groups)
        }
        prune(model, self.images, self.groups, kept)
        return model

    def _shapes(self, reduction: Reduction) -> dict[str, list[int]]:
        """Return the shape of each tensor that stays, before factorising."""
        shapes = self._inventory.shapes(self.groups, reduction.units)
        return {name: s for name, s in shapes.items() if not self._is_dropped(name, reduction)}

    def _is_dropped(self, name: str, reduction: Reduction) -> bool:
        return any(
            name.startswith(f"{stage.name}.{block}.")
            for stage in self.stages
            for block in stage.blocks[reduction.blocks.get(stage.name, len(stage.blocks)) :]
        )

    def _live_shares(self, reduction: Reduction) -> dict[str, float]:
        return {
            name: share
            for name, share in reduction.shares.items()
            if share < 1.0 and not self._is_dropped(f"{name}.weight", reduction)
        }


def _positions(model: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """Return how many vectors of one image each convolution and linear layer puts out."""
    found: dict[str, int] = {}

    def record(name: str, channels: int) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def add(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            found[name] = found.get(name, 0) + output.numel() // channels // len(images)

        return add

    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(record(name, module.out_channels)))
        elif isinstance(module, nn.Linear):
            hooks.append(module.register_forward_hook(record(name, module.out_features)))
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return found


def _attended(model: nn.Module, positions: Mapping[str, int]) -> dict[str, int]:
    """Return, for the layer of each attention over all positions, two times their square."""
    return {
        f"{name}.qkv": 2 * positions[f"{name}.qkv"] ** 2
        for name in attention_modules(model)
        if f"{name}.qkv" in positions
    }


def _counted_macs(model: nn.Module, images: torch.Tensor) -> int:
    """Return the multiply-accumulates of one image, counted where attention is counted too."""
    ghost = copy.deepcopy(model).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        ghost(images[:1].to("meta"))
    return int(flops.get_total_flops()) // 2
