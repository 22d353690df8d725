"""What does one operator of a network do, in numbers that tell its time and memory?

Kinds, as runtimes have kernels for them:
    conv, pointwise, depthwise, grouped   convolutions; pointwise: 1x1, one group
    linear, matmul      by weights, and of two activations
    pool, reduce        over windows, and over whole axes
    elementwise         of two tensors or with a number; activation: a function of one tensor
    norm, softmax       those that are not folded into a convolution
    copy, other         moves numbers; anything else
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

CONVOLUTIONS = ("conv", "pointwise", "depthwise", "grouped")
KINDS = (
    *CONVOLUTIONS,
    *("linear", "matmul", "pool", "reduce", "elementwise", "activation", "norm", "softmax"),
    *("copy", "other"),
)


class Operator(NamedTuple):
    """One operator at given shapes, for one example. Equal operators take equal time.

    Attributes:
        kind: one of `KINDS`.
        num_macs: multiply-accumulates.
        num_in: numbers of activations read.
        num_out: numbers written.
        num_weights: stored numbers read.
        in_channels: features of one input position.
        channels: features of one output position.
        positions: output positions (pixels, tokens).
        kernel: positions in a window: 9 for 3x3.
        stride: along the height; 1 where there is none.
        groups: of a convolution; 1 where there are none.
        function: of an activation, its name; of another operator, the clamp that runs inside of
            it; empty for none.
    """

    kind: str
    num_macs: int
    num_in: int
    num_out: int
    num_weights: int = 0
    in_channels: int = 1
    channels: int = 1
    positions: int = 1
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    function: str = ""


@dataclass(frozen=True)
class Node:
    """An operator in its place: which tensors it reads and which it writes."""

    operator: Operator
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class OperatorGraph:
    """The operators of a network in an order in which they can run, for one example.

    Attributes:
        nodes: each tensor is written by one of them, or is an input.
        sizes: of every tensor, in numbers.
        inputs: tensors that are given.
        outputs: tensors that are asked for.
        num_params: trained numbers.
    """

    nodes: tuple[Node, ...]
    sizes: dict[int, int]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    num_params: int = 0

    @property
    def counts(self) -> dict[Operator, int]:
        """How often each operator runs."""
        return dict(Counter(node.operator for node in self.nodes))

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates of all operators."""
        return sum(node.operator.num_macs for node in self.nodes)
