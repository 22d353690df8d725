"""What do networks cost that are chains of parts? What each part brings is found once.

Between two parts one tensor alone is in memory, so the best order of execution runs one part after
another, and the peak is the highest of the parts' peaks. Times and stored bytes are sums. Only
where a part begins with what runs inside of the operator before it (a norm, a ReLU) are the two
looked at as one.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

from nas.device.costs import MEMORY
from nas.device.device import KnownDevice
from nas.device.folding import folded, may_fold_into_before
from nas.device.operators import OperatorGraph
from nas.device.trace import recorded
from nas.errors import SpaceError
from nas.measure.cost import on_meta_device
from nas.metric import device_of
from nas.parts import Chain, NetworkPart
from nas.task import DataShape

# Shape and strides of what goes from one part to the next.
_Layout: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
_Key: TypeAlias = tuple[Hashable, _Layout]


@dataclass(frozen=True)
class _Step:
    """A part at inputs of one layout.

    Attributes:
        shares: of each cost, what it brings.
        takes: layout of what it takes.
        puts_out: layout of its result.
        is_open: it begins with what the operator before it may run.
    """

    shares: tuple[float, ...]
    takes: _Layout
    puts_out: _Layout
    is_open: bool


class ChainCosts:
    """Costs of networks that are chains of parts.

    Args:
        metrics: names, all of which follow from operators.
        devices: name -> device, each that the metrics name.

    Attributes:
        num_looked: parts that were asked for, each as often as it was.
    """

    def __init__(self, metrics: Sequence[str], devices: Mapping[str, KnownDevice]) -> None:
        self._costs = [_cost(name, devices) for name in metrics]
        self._metrics = tuple(metrics)
        self._steps: dict[_Key, _Step] = {}
        self.num_looked = 0

    @property
    def num_parts(self) -> int:
        """Parts that are known."""
        return len(self._steps)

    def __call__(self, chain: Chain, data: DataShape) -> dict[str, float]:
        """Return metric name -> value.

        Raises:
            SpaceError: a part has not one result.
            Exception: whatever a part raises.
        """
        columns = zip(*(step.shares for step in self._joined(chain, data)), strict=True)
        return {
            name: cost.whole(column)
            for name, cost, column in zip(self._metrics, self._costs, columns, strict=True)
        }

    def _joined(self, chain: Chain, data: DataShape) -> list[_Step]:
        """Return the steps of a network, none of which folds into the one before it."""
        height, width = chain.input_size or data.input_shape[1:]
        layout = _layout(torch.empty((1, data.input_shape[0], height, width), device="meta"))
        steps: list[_Step] = []
        parts: list[NetworkPart] = []
        for part in chain.parts:
            step = self._step(part, layout)
            while step.is_open and steps:
                part, before = _both(parts.pop(), part), steps.pop()
                step = self._step(part, before.takes)
            steps.append(step)
            parts.append(part)
            layout = step.puts_out
        return steps

    def _step(self, part: NetworkPart, layout: _Layout) -> _Step:
        self.num_looked += 1
        key = (part.key, layout)
        if key not in self._steps:
            self._steps[key] = self._traced(part, layout)
        return self._steps[key]

    def _traced(self, part: NetworkPart, layout: _Layout) -> _Step:
        with on_meta_device():
            module = part.build()
        graph, result = recorded(module, torch.empty_strided(*layout, device="meta"))
        if not isinstance(result, torch.Tensor):
            raise SpaceError(
                f"a part of a network must put out one tensor, but {type(module).__name__} puts "
                f"out {type(result).__name__}"
            )
        whole = folded(graph)
        shares = tuple(cost.share(whole) for cost in self._costs)
        return _Step(shares, layout, _layout(result), may_fold_into_before(graph))


@dataclass(frozen=True)
class _Cost:
    """How a cost of a network comes from its parts.

    Attributes:
        share: of one part.
        whole: from the shares of all.
    """

    share: Callable[[OperatorGraph], float]
    whole: Callable[[Sequence[float]], float]


def _cost(metric: str, devices: Mapping[str, KnownDevice]) -> _Cost:
    on_device = device_of(metric)
    if on_device is not None:
        model = devices[on_device[1]].models[on_device[0]]
        return _Cost(
            lambda graph: model.operators_ms(graph.counts),
            lambda shares: model.network_ms(sum(shares)),
        )
    together = max if metric == "ram_bytes" else sum
    return _Cost(
        lambda graph: float(MEMORY[metric](graph)), lambda shares: float(together(shares))
    )


def _both(first: NetworkPart, second: NetworkPart) -> NetworkPart:
    return NetworkPart(
        (first.key, second.key), lambda: nn.Sequential(first.build(), second.build())
    )


def _layout(tensor: torch.Tensor) -> _Layout:
    return tuple(tensor.shape), tensor.stride()
