"""How wide is a network, above all at its narrowest layer? Numbers that help to predict accuracy.

They are known without training. Everything that a network knows of an image passes through its
narrowest layer, and networks of one size differ much in its width. On recorded trainings of four
spaces a model with 8 results ranked unseen networks as well with these three numbers, beside size
and configuration, as with 16 results without them (`experiments/search_quality`, "Facts of the
network").

Spaces compute them with their closed-form costs. For other models they are counted on the meta
device (`nas.measure.cost`), for compressed ones from the shapes that are left.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

# Geometric mean of the widths, the smallest, and the features that the last layer sees.
WIDTHS = ("mean_width", "min_width", "num_features")
# Of two networks of one size, the one with larger values here is the better guess before anything
# is trained: they are large only if the whole network is wide.
NARROWEST = ("min_width", "num_features")


class Layer(NamedTuple):
    """A convolution or linear layer, as far as its width goes.

    Attributes:
        in_features: channels of one input, divided by the groups of a convolution.
        features: channels that it puts out.
        positions: how many vectors of so many features it puts out for one image.
    """

    in_features: int
    features: int
    positions: int

    @property
    def is_counted(self) -> bool:
        """Whether it makes a map of features.

        Channel attention and classifiers put out one vector; what puts out one channel is a filter
        of the image, or again attention.
        """
        return self.positions > 1 and self.features > 1


def widths_of(layers: Sequence[Layer]) -> dict[str, float]:
    """Return `WIDTHS` of a network.

    Args:
        layers: in the order in which they run. Where none makes a map, all but the last count.
    """
    counted = [layer.features for layer in layers if layer.is_counted]
    counted = counted or [layer.features for layer in layers[:-1]]
    return widths_from(
        num_layers=len(counted),
        log_width=sum(map(math.log10, counted)),
        min_width=min(counted, default=1),
        num_features=layers[-1].in_features if layers else 1,
    )


def widths_from(
    *, num_layers: int, log_width: float, min_width: float, num_features: int
) -> dict[str, float]:
    """Return `WIDTHS` from sums.

    Args:
        num_layers: layers that count.
        log_width: sum of the decimal logarithms of their widths.
        min_width: the smallest of these.
        num_features: what the last layer of all sees.
    """
    return {
        # Rounded, so that sums in another order give the same.
        "mean_width": round(10.0 ** (log_width / max(num_layers, 1)), 6),
        "min_width": float(min_width) if num_layers else 1.0,
        "num_features": float(num_features),
    }
