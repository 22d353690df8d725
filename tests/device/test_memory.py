"""Memory plans against every possible order."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.device.memory import flash_bytes, plan_memory, ram_bytes
from nas.device.operators import Node, Operator, OperatorGraph
from nas.device.trace import operators_of
from nas.task import DataShape


def graph(sizes, inputs_of, *, outputs=None):
    """A graph of one operator for each tensor but the first, which is given."""
    nodes = tuple(
        Node(Operator("other", 0, 0, sizes[place]), tuple(inputs), place)
        for place, inputs in enumerate(inputs_of, start=1)
    )
    last = (len(sizes) - 1,) if outputs is None else outputs
    return OperatorGraph(nodes, dict(enumerate(sizes)), (0,), last)


def peak_of(built, order):
    """The peak of one order, or None where it cannot be run: written from the definition."""
    live, peak = set(built.inputs), sum(built.sizes[t] for t in built.inputs)
    remaining = list(order)
    while remaining:
        node = built.nodes[remaining.pop(0)]
        if not set(node.inputs) <= live:
            return None
        live.add(node.output)
        peak = max(peak, sum(built.sizes[t] for t in live))
        read = {t for place in remaining for t in built.nodes[place].inputs} | set(built.outputs)
        live &= read
    return peak


def best_of_all_orders(built):
    orders = itertools.permutations(range(len(built.nodes)))
    return min(peak for order in orders if (peak := peak_of(built, order)) is not None)


@st.composite
def small_graphs(draw):
    number = draw(st.integers(1, 6))
    sizes = draw(st.lists(st.integers(1, 50), min_size=number + 1, max_size=number + 1))
    inputs_of = [
        draw(st.sets(st.integers(0, place - 1), min_size=1, max_size=3))
        for place in range(1, number + 1)
    ]
    return graph(sizes, inputs_of)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(small_graphs())
def test_the_plan_needs_what_the_best_of_all_orders_needs(built):
    plan = plan_memory(built)
    assert plan.is_optimal
    assert plan.ram_bytes == best_of_all_orders(built) == peak_of(built, plan.order)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(small_graphs())
def test_a_plan_of_few_states_is_an_order_that_can_be_run(built):
    plan = plan_memory(built, max_states=0)
    assert plan.ram_bytes == peak_of(built, plan.order) >= best_of_all_orders(built)


def test_the_order_of_branches_is_chosen_for_the_lowest_peak():
    # 10 -> a 100 -> b 5, and 10 -> c 20; joined to 1. First a and b: 10 + 100 + 5; first c:
    # 10 + 20 + 100, and then 20 + 100 + 5.
    built = graph([10, 100, 5, 20, 1], [{0}, {1}, {0}, {2, 3}])
    assert ram_bytes(built) == 115


def test_flash_holds_bytes_of_weights_and_two_words_for_each_output():
    data = DataShape((3, 8, 8), 5)

    def build():
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5)
        )

    assert flash_bytes(operators_of(build, data)) == 3 * 4 * 9 + 8 * 4 + 144 * 5 + 8 * 5


@pytest.mark.parametrize("num_blocks", [1, 30])
def test_a_chain_of_residual_blocks_needs_the_same_memory_however_long(num_blocks):
    # The block's input, its inner tensor and its result: 3 of 100.
    inputs_of, last = [], 0
    for _ in range(num_blocks):
        inner, outer, summed = (len(inputs_of) + 1 + i for i in range(3))
        inputs_of += [{last}, {inner}, {last, outer}]
        last = summed
    built = graph([100] * (len(inputs_of) + 1), inputs_of)
    assert ram_bytes(built) == 300
