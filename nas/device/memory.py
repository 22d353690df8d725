"""How much memory does a network need on a microcontroller, at 8 bits a number?

Counted as interpreters for microcontrollers do: an operator runs while its inputs and its output
are in memory; a tensor is freed after the last operator that reads it. Which operator runs next is
free where the graph leaves a choice, so the peak is that of the best order (Liberis, Lane 2019,
*Neural networks on microcontrollers: saving memory at inference via operator reordering*).

The search over orders is exact: a state is the set of operators that have run, and the state with
the lowest peak so far is extended first. Where a graph has too many states, a beam of them is
followed instead, and the order that it finds is the answer: a bound that a device can reach.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from nas.device.operators import CONVOLUTIONS, Operator, OperatorGraph

MAX_STATES = 20_000
_BEAM = 64
_BYTES_PER_BIAS, _BYTES_PER_SCALE, _BYTES_PER_FLOAT = 4, 4, 4


@dataclass(frozen=True)
class MemoryPlan:
    """An order of execution and what it needs.

    Attributes:
        ram_bytes: peak of the activations at one byte a number.
        order: places of the graph's nodes.
        is_optimal: no other order needs less.
    """

    ram_bytes: int
    order: tuple[int, ...]
    is_optimal: bool


def ram_bytes(graph: OperatorGraph) -> int:
    """Return the peak of the activations at 8 bits, in the best order of execution."""
    return plan_memory(graph).ram_bytes


def flash_bytes(graph: OperatorGraph) -> int:
    """Return the bytes of the stored numbers at 8 bits.

    A weight of a convolution or a linear layer takes a byte; each of its outputs has a bias in 32
    bits, into which a batch norm is folded, and a scale in 32 bits. Numbers of other operators
    that are added or multiplied take a byte, those of a normalisation 4.
    """
    return sum(_stored_bytes(node.operator) for node in graph.nodes)


def _stored_bytes(operator: Operator) -> int:
    if operator.kind in CONVOLUTIONS:
        weights = operator.in_channels // operator.groups * operator.channels * operator.kernel
        return weights + operator.channels * (_BYTES_PER_BIAS + _BYTES_PER_SCALE)
    if operator.kind == "linear":
        weights = operator.in_channels * operator.channels
        return weights + operator.channels * (_BYTES_PER_BIAS + _BYTES_PER_SCALE)
    if operator.kind == "norm":
        return _BYTES_PER_FLOAT * operator.num_weights
    return operator.num_weights


def plan_memory(graph: OperatorGraph, *, max_states: int = MAX_STATES) -> MemoryPlan:
    """Return the order of execution with the lowest peak.

    Args:
        graph: what is run.
        max_states: sets of operators that are looked at before a beam search takes over.
    """
    costs = _LiveMemory(graph)
    found = _best_first(costs, max_states)
    if found is not None:
        return MemoryPlan(*found, is_optimal=True)
    peak, order = _beam(costs)
    return MemoryPlan(peak, order, is_optimal=peak == costs.lowest_peak)


class _LiveMemory:
    """What is in memory when a set of operators has run; sets are bits of whole numbers."""

    def __init__(self, graph: OperatorGraph) -> None:
        nodes = graph.nodes
        maker = {node.output: place for place, node in enumerate(nodes)}
        self.size = graph.sizes
        self.num_nodes = len(nodes)
        self.needs = [
            sum(1 << maker[tensor] for tensor in set(node.inputs) if tensor in maker)
            for node in nodes
        ]
        self.output = [node.output for node in nodes]
        self.inputs = [tuple(dict.fromkeys(node.inputs)) for node in nodes]
        self.readers: dict[int, int] = {}
        for place, node in enumerate(nodes):
            for tensor in node.inputs:
                self.readers[tensor] = self.readers.get(tensor, 0) | 1 << place
        self.kept = frozenset(graph.outputs)
        self.given = sum(self.size[tensor] for tensor in graph.inputs)
        self.lowest_peak = max(
            (
                self.size[o] + sum(self.size[t] for t in i)
                for o, i in zip(self.output, self.inputs, strict=True)
            ),
            default=self.given,
        )

    def step(self, done: int, live: int, place: int) -> tuple[int, int]:
        """Return the peak while an operator runs, and what is in memory after it."""
        peak = live + self.size[self.output[place]]
        after = done | 1 << place
        freed = sum(
            self.size[tensor]
            for tensor in self.inputs[place]
            if tensor not in self.kept and not self.readers[tensor] & ~after
        )
        output = self.output[place]
        if output not in self.kept and output not in self.readers:
            freed += self.size[output]  # nobody reads it
        return peak, peak - freed

    def ready(self, done: int, waiting: int) -> Iterator[int]:
        """Yield the operators of a set that can run."""
        while waiting:
            bit = waiting & -waiting
            place = bit.bit_length() - 1
            if not self.needs[place] & ~done:
                yield place
            waiting ^= bit


def _best_first(costs: _LiveMemory, max_states: int) -> tuple[int, tuple[int, ...]] | None:
    """Return the lowest peak and its order; None if more states than allowed are needed."""
    everything = (1 << costs.num_nodes) - 1
    # Among equal peaks the one that has run most comes first: it ends soonest.
    heap = [(costs.given, 0, 0, costs.given)]
    came_from: dict[int, tuple[int, int]] = {}
    settled: set[int] = set()
    best = {0: costs.given}
    while heap:
        peak, _, done, live = heapq.heappop(heap)
        if done == everything:
            return peak, _order_to(done, came_from)
        if done in settled:
            continue
        settled.add(done)
        if len(settled) > max_states:
            return None
        for place in costs.ready(done, everything & ~done):
            during, after = costs.step(done, live, place)
            reached, total = done | 1 << place, max(peak, during)
            if total < best.get(reached, total + 1):
                best[reached] = total
                came_from[reached] = (done, place)
                heapq.heappush(heap, (total, -reached.bit_count(), reached, after))
    raise AssertionError("a graph without cycles can always be run")


def _order_to(done: int, came_from: dict[int, tuple[int, int]]) -> tuple[int, ...]:
    order = []
    while done:
        done, place = came_from[done]
        order.append(place)
    return tuple(reversed(order))


def _beam(costs: _LiveMemory) -> tuple[int, tuple[int, ...]]:
    """Return a low peak and its order, by following the best states of each length."""
    everything = (1 << costs.num_nodes) - 1
    beam: dict[int, tuple[int, int, tuple[int, ...]]] = {0: (costs.given, costs.given, ())}
    for _ in range(costs.num_nodes):
        found: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        for done, (peak, live, order) in beam.items():
            for place in costs.ready(done, everything & ~done):
                during, after = costs.step(done, live, place)
                entry = (max(peak, during), after, (*order, place))
                reached = done | 1 << place
                if reached not in found or entry < found[reached]:
                    found[reached] = entry
        kept = sorted(found.items(), key=lambda item: item[1][:2])[:_BEAM]
        beam = dict(kept)
    peak, _, order = beam[everything]
    return peak, order
