"""A network as a chain of parts, each of which takes what the one before it puts out.

Thousands of networks are put together from a few hundred parts. A space that says which parts its
networks consist of has each looked at once, where otherwise every network would be built.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # torch takes seconds to import
    from torch import nn


class NetworkPart(NamedTuple):
    """A piece of a network with one input and one output.

    Attributes:
        key: what all else follows from: parts of a space with equal keys run the same operators
            on inputs of equal shapes.
        build: makes it, untrained; it takes one tensor and returns one.
    """

    key: Hashable
    build: Callable[[], "nn.Module"]


@dataclass(frozen=True)
class Chain:
    """A whole network.

    Attributes:
        parts: in the order in which they run; the first takes the images.
        input_size: (height, width) that images are resized to; None for that of the data.
    """

    parts: tuple[NetworkPart, ...]
    input_size: tuple[int, int] | None = None
