"""Which channels must be removed together? Found by one forward pass on the meta device.

`prune.find_groups` uses Torch-Pruning, which computes gradients and follows every channel
separately: a tenth of a second for a network that is built in milliseconds. The costs of a pruned
network need less: which axes of which tensors hold the same channels. `trace_channels` runs the
network without values and notes this at each function that it knows (`channel_rules`). At an
unknown function it gives up, and the caller uses `prune`. Tests hold both equal.

Notation:
    unit       what is removed at once: one channel, or one feature of each attention head
    part       channels of one unit; num_parts is the number of heads
    flow       where the channels of a tensor are: an axis, on which each has `repeat` entries
    shrinks    (tensor, axis) -> entries that go with one unit
    position   one vector of features that a layer puts out: one place of a map
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter

from nas.compress.prune import ChannelGroup, Shrink, attention_modules


@dataclass(frozen=True)
class ChannelTrace:
    """What one pass through a network told.

    Attributes:
        groups: channels that can only be taken out together; unranked, as there are no weights.
        positions: layer -> vectors of one image that a convolution or linear layer puts out.
        attended: layer of queries, keys and values -> two times the square of its positions:
            products of one image for each feature of a head.
        sliding: convolution along the channels -> tensor and axis that have as many entries.
    """

    groups: tuple[ChannelGroup, ...]
    positions: Mapping[str, int]
    attended: Mapping[str, int]
    sliding: Mapping[str, tuple[str, int]]


class UnknownFlowError(Exception):
    """Channels go through something that cannot be followed."""


@dataclass(eq=False)
class Channels:
    """Channels of one or more tensors; of those that turn out to be the same, one stands for all.

    Attributes:
        num_units: how many.
        root: layer that stands for them.
        num_parts: channels of one unit: heads.
        is_input: they are the root's inputs.
        shrinks: tensor and axis -> what a unit takes out.
        is_kept: none may go: they are logits.
    """

    num_units: int
    root: str
    num_parts: int = 1
    is_input: bool = False
    shrinks: dict[tuple[str, int], int] = field(default_factory=dict)
    is_kept: bool = False
    same_as: "Channels | None" = None

    def found(self) -> "Channels":
        """Return those that stand for these."""
        return self if self.same_as is None else self.same_as.found()


@dataclass(frozen=True)
class Flow:
    """Where the channels of a tensor are: `repeat` entries of an axis stand for each."""

    axis: int
    channels: Channels
    repeat: int = 1

    def at(self, axis: int) -> "Flow":
        """Return the same channels on another axis."""
        return Flow(axis, self.channels, self.repeat)


def flow_of(tensor: object) -> Flow | None:
    """Return where the channels of a tensor are; None for images and what has none."""
    return getattr(tensor, "channel_flow", None)


def with_flow(tensor: Tensor, flow: Flow | None) -> Tensor:
    """Note where the channels of a new tensor are; return it."""
    tensor.channel_flow = flow  # type: ignore[attr-defined] # ours
    return tensor


class Trace(TorchFunctionMode):
    """Follows channels through the functions of one forward pass.

    Args:
        model: on the meta device.
        rules: function -> what it does to channels, as `channel_rules.RULES`.
    """

    def __init__(self, model: nn.Module, rules: Mapping[Any, Callable[..., Any]]) -> None:
        super().__init__()
        self._rules = rules
        self._names: dict[int, list[str]] = {}
        for walk in (model.named_parameters, model.named_buffers):
            for name, tensor in walk(remove_duplicate=False):
                self._names.setdefault(id(tensor), []).append(name)
        self._channels: list[Channels] = []
        self._claims: dict[tuple[int, int], Flow] = {}
        self._positions: dict[str, int] = {}
        self._attended: dict[str, int] = {}
        self._sliding: dict[str, tuple[str, int]] = {}
        # Weight of a projection -> attention's own channels.
        self.heads: dict[int, Channels] = {}
        for name, module in attention_modules(model).items():
            self._expect_heads(name, module)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Let the rule of a function do it; without one, refuse to let channels through.

        Raises:
            UnknownFlowError: they would go.
        """
        kwargs = kwargs or {}
        rule = self._rules.get(func)
        if rule is not None:
            return rule(self, func, *args, **kwargs)
        result = func(*args, **kwargs)
        writes = func is torch.Tensor.__setitem__ or "out" in kwargs
        gives_tensors = any(isinstance(part, Tensor) for part in tree_iter(result))
        if (writes or gives_tensors) and any(map(self.is_followed, tree_iter((args, kwargs)))):
            raise UnknownFlowError(getattr(func, "__name__", str(func)))
        return result

    def is_followed(self, value: object) -> bool:
        """Say whether a value has channels, or is a weight."""
        return isinstance(value, Tensor) and (flow_of(value) is not None or self.is_own(value))

    def is_own(self, tensor: Tensor) -> bool:
        """Say whether a tensor is a parameter or buffer of the model."""
        return id(tensor) in self._names

    def claim(self, tensor: Tensor | None, axis: int, flow: Flow) -> None:
        """Note that an axis of a weight has the channels of a flow.

        Raises:
            UnknownFlowError: it has not as many.
        """
        if tensor is None:
            return
        channels = flow.channels.found()
        size = channels.num_units * flow.repeat
        if not self.is_own(tensor) or tensor.shape[axis] != size:
            raise UnknownFlowError("a weight that does not fit its channels")
        self.join(self._claims.setdefault((id(tensor), axis), flow), flow)
        for name in self._names[id(tensor)]:
            flow.channels.found().shrinks[name, axis] = flow.repeat

    def join(self, one: Flow, other: Flow) -> None:
        """Note that two flows have the same channels.

        Raises:
            UnknownFlowError: of two kinds.
        """
        first, second = one.channels.found(), other.channels.found()
        kinds = {
            (flow.repeat, flow.channels.found().num_units, flow.channels.found().num_parts)
            for flow in (one, other)
        }
        if len(kinds) > 1:
            raise UnknownFlowError("channels of two kinds")
        if first is not second:
            second.same_as = first
            first.shrinks.update(second.shrinks)
            first.is_kept |= second.is_kept

    def put_out(self, weight: Tensor, bias: Tensor | None, *, axis: int) -> Flow:
        """Return the channels that a layer makes, from the first axis of its weight."""
        flow = self._claims.get((id(weight), 0))
        if flow is None:
            flow = Flow(0, self._new(Channels(weight.shape[0], self.layer_of(weight))))
        self.claim(weight, 0, flow)
        self.claim(bias, 0, flow)
        return flow.at(axis)

    def count(self, weight: Tensor, positions: int) -> None:
        """Note that a layer put out so many vectors."""
        layer = self.layer_of(weight)
        self._positions[layer] = self._positions.get(layer, 0) + positions
        if id(weight) in self.heads and layer in self._attended:
            self._attended[layer] = 2 * self._positions[layer] ** 2

    def count_along(self, weight: Tensor, flow: Flow) -> None:
        """Note that a convolution went along the channels.

        Raises:
            UnknownFlowError: again, or there is nothing that tells how many there are.
        """
        layer, shrinks = self.layer_of(weight), flow.channels.found().shrinks
        place = next((place for place, per_unit in shrinks.items() if per_unit == 1), None)
        if place is None or layer in self._sliding:
            raise UnknownFlowError("a convolution along channels")
        self._sliding[layer] = place

    def layer_of(self, weight: Tensor) -> str:
        """Return the name of the layer that a weight belongs to.

        Raises:
            UnknownFlowError: to none, or to several.
        """
        names = self._names.get(id(weight), [])
        if len(names) != 1 or names[0].rpartition(".")[2] != "weight":
            raise UnknownFlowError("a weight that is no layer's own")
        return names[0].rpartition(".")[0]

    def result(self, logits: object) -> ChannelTrace:
        """Return what was found.

        Raises:
            UnknownFlowError: the logits come from no layer.
        """
        flow = flow_of(logits)
        if flow is None:
            raise UnknownFlowError("logits that no layer put out")
        flow.channels.found().is_kept = True
        groups = tuple(self._groups())
        return ChannelTrace(groups, self._positions, self._attended, self._sliding)

    def _groups(self) -> Iterator[ChannelGroup]:
        for channels in self._channels:
            if channels.same_as is not None or channels.is_kept or channels.num_units < 2:
                continue
            members = dict.fromkeys(name.rpartition(".")[0] for name, _ in channels.shrinks)
            yield ChannelGroup(
                root=channels.root,
                is_input=channels.is_input,
                members=tuple(members),
                num_units=channels.num_units,
                num_parts=channels.num_parts,
                order=(),
                shrinks=tuple(Shrink(*place, per) for place, per in channels.shrinks.items()),
            )

    def _new(self, channels: Channels) -> Channels:
        self._channels.append(channels)
        return channels

    def _expect_heads(self, name: str, module: nn.Module) -> None:
        """Note which layers of an attention put out and take the features of its heads."""
        queries, projection = module.get_submodule("qkv"), getattr(module, "proj", None)
        if not isinstance(queries, nn.Linear) or not isinstance(projection, nn.Linear):
            return
        num_heads = int(module.num_heads)  # type: ignore[arg-type] # attention_modules asked
        features = projection.in_features // num_heads
        heads = Channels(features, f"{name}.proj", num_parts=num_heads, is_input=True)
        heads.shrinks[f"{name}.qkv.weight", 0] = 3 * num_heads
        if queries.bias is not None:
            heads.shrinks[f"{name}.qkv.bias", 0] = 3 * num_heads
        heads.shrinks[f"{name}.proj.weight", 1] = num_heads
        self._new(heads)
        self.heads[id(queries.weight)] = self.heads[id(projection.weight)] = heads
        self._attended[f"{name}.qkv"] = 0


def trace_channels(
    model: nn.Module, shape: Sequence[int], rules: Mapping[Any, Callable[..., Any]]
) -> ChannelTrace | None:
    """Return what hangs together; None where channels go through what no rule is known of.

    Args:
        model: on the meta device, in evaluation mode; it is not changed.
        shape: (C, H, W) of the images that it takes.
        rules: function -> what it does to channels, as `channel_rules.RULES`.
    """
    images = torch.empty((1, *shape), device="meta")
    trace = Trace(model, rules)
    try:
        with torch.no_grad(), trace:
            logits = model(images)
        return trace.result(logits)
    except UnknownFlowError:
        return None
