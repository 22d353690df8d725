"""Removes whole channels from a trained network, which makes it smaller and faster everywhere.

Which channels must be removed together is found by Torch-Pruning's dependency graph (Fang et al.,
2023, https://arxiv.org/abs/2301.12900). The least important go first, by the L2 norm of all their
weights. `find_groups` also finds by how much each group shrinks each tensor, so that the size of
any pruned network is known without pruning it.

Notation:
    group    channels of several layers that can only be removed together; its root is the layer
             that names it
    unit     what is removed at once: one channel, or one of each head or convolution group
    part     channels of one unit; num_parts is the number of heads or convolution groups
    ratio    share of the units that stay; multiple: channels stay in multiples of this
    images   (2, C, H, W), an example input
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from nas.compress.dependency import along_channels, dependency_graph, torch_pruning, traceable

# What a forward pass raises when a custom layer does not bear a pruned input.
_FORWARD_ERRORS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, AttributeError)


@dataclass(frozen=True)
class Shrink:
    """How one tensor shrinks: by `per_unit` along `dim` for each unit that is taken out."""

    tensor: str
    dim: int
    per_unit: int


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that can only be taken out together.

    Attributes:
        root: name of the layer that stands for the group.
        is_input: the channels are the root's inputs, not its outputs (attention).
        members: names of all layers that shrink.
        num_units: how many units it has; a unit is one channel, or one of each head.
        num_parts: channels of one unit: heads or convolution groups.
        order: units, least important first.
        shrinks: what a unit takes out of each tensor.
    """

    root: str
    is_input: bool
    members: tuple[str, ...]
    num_units: int
    num_parts: int
    order: tuple[int, ...]
    shrinks: tuple[Shrink, ...]


def find_groups(model: nn.Module, images: torch.Tensor) -> tuple[ChannelGroup, ...]:
    """Return the groups of channels that can be pruned, in the order of the model.

    Groups whose pruning breaks the model's forward, and the logits, are left out.

    Args:
        model: trained; it is not changed.
        images: (2, C, H, W) an example, on the model's device.

    Raises:
        MissingPackageError: Torch-Pruning is not installed.
    """
    excluded: set[str] = set()
    found, broken = _observe(model, images, excluded, runs_each=False)
    while broken is not None:
        found, broken = _observe(model, images, excluded, runs_each=True)
        if broken is not None:
            # Blocks of one kind break alike: their layers differ in numbers only.
            excluded.add(_kind_of(broken, model.get_submodule(broken)))
    return found


def prune(
    model: nn.Module,
    images: torch.Tensor,
    groups: Sequence[ChannelGroup],
    kept: Mapping[str, int],
) -> None:
    """Take the least important units out of each group, in place.

    Args:
        model: of the shapes that `groups` were found on.
        images: (2, C, H, W) an example, on the model's device.
        groups: from `find_groups`.
        kept: root of a group -> number of units that stay; groups that are not named stay whole.
    """
    modules = dict(model.named_modules())
    with traceable(model):
        graph = dependency_graph(model, images)
        for group in groups:
            gone = group.order[: group.num_units - kept.get(group.root, group.num_units)]
            if gone:
                _take_out(graph, modules[group.root], group, gone)
    _repair_attention(model)


def require_pruning() -> None:
    """Make sure that channels can be taken out.

    Raises:
        MissingPackageError: Torch-Pruning is not installed.
    """
    torch_pruning()


def kept_units(group: ChannelGroup, ratio: float, *, multiple: int) -> int:
    """Return how many units stay at a ratio, so that the channels are a multiple, at least one."""
    if ratio >= 1.0:
        return group.num_units
    multiple = max(1, multiple // group.num_parts)
    nearest = max(1, round(group.num_units * ratio / multiple)) * multiple
    return min(nearest, group.num_units)


def _observe(
    model: nn.Module, images: torch.Tensor, excluded: set[str], *, runs_each: bool
) -> tuple[tuple[ChannelGroup, ...], str | None]:
    """Take half of each group out and see what shrinks; return the groups, or one that breaks.

    The model is run after each group, which tells which one breaks it, or once in the end.
    """
    work = copy.deepcopy(model).eval()
    names = {module: name for name, module in work.named_modules()}
    found = []
    with traceable(work):
        drafts = list(_drafts(work, images, names, excluded))
        graph = dependency_graph(work, images)
        after = _shapes(work)
        for draft in drafts:
            half = draft.order[: draft.num_units // 2]
            try:
                _take_out(graph, work.get_submodule(draft.root), draft, half)
                if runs_each or draft is drafts[-1]:
                    _repair_attention(work)
                    with torch.no_grad():
                        work(images)
            except _FORWARD_ERRORS:
                return (), draft.root
            before, after = after, _shapes(work)
            shrinks = _shrinks(before, after, num_units=len(half))
            if shrinks is None:
                return (), draft.root
            found.append(replace(draft, shrinks=shrinks))
    return tuple(found), None


def _drafts(
    work: nn.Module,
    images: torch.Tensor,
    names: Mapping[nn.Module, str],
    excluded: set[str],
) -> Iterator[ChannelGroup]:
    """Yield the groups with their ranking, before it is known how they shrink."""
    pruning = torch_pruning()
    filters, last = _ends(work, images)
    pruner = _pruner(pruning, work, images, last=last)
    graph = pruner.DG
    for traced in list(graph.get_all_groups([last], pruner.root_module_types)):
        group = traced
        is_attention, _ = pruner._is_atten_group(group)
        if is_attention:
            group = pruner._downstream_node_as_root_if_attention(group)
        if group is None:
            continue
        root, handler = group[0].dep.target.module, group[0].dep.handler
        try:
            importance = pruner.estimate_importance(group)
        except IndexError:
            continue  # maps that are cut and joined in ways that it does not follow
        if importance is None or root not in names:
            continue
        if any(dep.target.module in filters for dep, _ in group):
            continue  # the images would lose a channel
        if _kind_of(names[root], root) in excluded:
            continue
        is_input = bool(graph.is_in_channel_pruning_fn(handler))
        members = [names[d.target.module] for d, _ in group if d.target.module in names]
        num_parts = pruner._get_channel_groups(group)
        draft = _draft(names[root], members, importance, num_parts=num_parts, is_input=is_input)
        if draft is not None:
            yield draft


def _draft(
    root: str,
    members: Sequence[str],
    importance: torch.Tensor,
    *,
    num_parts: int,
    is_input: bool,
) -> ChannelGroup | None:
    """Return a group with its units ranked; None where it cannot lose any."""
    if len(importance) % num_parts:
        return None  # heads beside channels that have none
    unit_importance = importance.view(num_parts, -1).mean(0)
    if len(unit_importance) < 2:
        return None
    return ChannelGroup(
        root=root,
        is_input=is_input,
        members=tuple(dict.fromkeys(members)),
        num_units=len(unit_importance),
        num_parts=num_parts,
        order=tuple(unit_importance.argsort(stable=True).tolist()),
        shrinks=(),
    )


def _pruner(pruning: Any, work: nn.Module, images: torch.Tensor, *, last: nn.Module) -> Any:
    return pruning.BasePruner(
        work,
        images,
        importance=pruning.importance.GroupMagnitudeImportance(p=2),
        ignored_layers=[last],
        num_heads=_heads(work),
        in_channel_groups={},
        out_channel_groups={},
        customized_pruners=along_channels(work),
    )


def _take_out(graph: Any, root: nn.Module, group: ChannelGroup, units: Sequence[int]) -> None:
    pruner = graph.get_pruner_of_module(root)
    handler = pruner.prune_in_channels if group.is_input else pruner.prune_out_channels
    channels = [part * group.num_units + unit for part in range(group.num_parts) for unit in units]
    graph.get_pruning_group(root, handler, channels).prune()


def _shrinks(
    before: Mapping[str, torch.Size], after: Mapping[str, torch.Size], *, num_units: int
) -> tuple[Shrink, ...] | None:
    """Return what one unit takes out of each tensor; None where units differ (concatenations)."""
    lost = [
        (name, dim, old - new)
        for name in before
        for dim, (old, new) in enumerate(zip(before[name], after[name], strict=True))
        if old != new
    ]
    if any(channels % num_units for _, _, channels in lost):
        return None
    return tuple(Shrink(name, dim, channels // num_units) for name, dim, channels in lost)


def _kind_of(name: str, layer: nn.Module) -> str:
    """Return what layers share that differ in numbers alone."""
    return re.sub(r"\d+", "", f"{name} {layer}")


def _shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def _ends(model: nn.Module, images: torch.Tensor) -> tuple[set[nn.Module], nn.Module]:
    """Return the layers that filter each channel of the images alone, and the one of the logits.

    The logits come from the last layer with weights that runs.
    """
    filters: set[nn.Module] = set()
    ran: list[nn.Module] = []
    storage = images.untyped_storage().data_ptr()

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        ran.append(module)
        reads_images = inputs[0].untyped_storage().data_ptr() == storage
        if reads_images and getattr(module, "groups", 1) > 1:
            filters.add(module)

    hooks = [
        module.register_forward_pre_hook(note)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d)
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return filters, ran[-1]


def attention_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return the modules that compute queries, keys and values by one layer, as timm's do."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(getattr(module, "qkv", None), nn.Linear) and hasattr(module, "num_heads")
    }


def _heads(model: nn.Module) -> dict[nn.Module, int]:
    return {m.get_submodule("qkv"): _num_heads(m) for m in attention_modules(model).values()}


def _num_heads(attention: Any) -> int:
    return int(attention.num_heads)


def _repair_attention(model: nn.Module) -> None:
    """Tell attention how wide its heads have become."""
    for module in attention_modules(model).values():
        layer = module.get_submodule("qkv")
        assert isinstance(layer, nn.Linear), "attention_modules chose those with a linear qkv"
        width = layer.out_features // 3
        head = width // _num_heads(module)
        changes = {"attn_dim": width, "head_dim": head, "scale": head**-0.5}
        for name, value in changes.items():
            if hasattr(module, name):
                setattr(module, name, value)
