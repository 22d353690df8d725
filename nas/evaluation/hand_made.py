"""Hand-made networks that a search is compared with, as architectures beside those of its space.

MobileNetV3-small (Howard et al. 2019, https://arxiv.org/abs/1905.02244), scaled to the data.
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from nas.architecture import Architecture
from nas.space.space import SearchSpace
from nas.task import DataShape

KEY = "baseline"  # the one parameter that a hand-made architecture has beside its own
HAND_MADE = ("mobilenetv3_small",)
_SMALLEST_MAP = 4  # pixels of the last feature map, at least, where the image allows it


class WithBaselines(SearchSpace):
    """A search space that also builds the hand-made networks; otherwise what it wraps.

    Args:
        space: builds everything else.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.parameters, self.domains = space.parameters, space.domains

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained model, of a baseline or of the space."""
        if architecture.get(KEY) in HAND_MADE:
            return mobilenetv3_small(data, width=float(architecture["width"]))
        return self._space.build(architecture, data)

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return what the space knows in closed form; baselines are counted."""
        return None if KEY in architecture else self._space.static_costs(architecture, data)


def mobilenetv3_small(data: DataShape, *, width: float) -> nn.Module:
    """Return MobileNetV3-small with `width` times its channels, for images of that shape.

    Made for images of 224 pixels, it halves the map five times. Where that would leave less than
    four pixels a side, the first halvings are left out.
    """
    from timm.models.mobilenetv3 import _gen_mobilenet_v3  # takes seconds to import

    channels, *sides = data.input_shape
    settings: dict[str, Any] = {"in_chans": channels, "num_classes": data.num_classes}
    model: nn.Module = _gen_mobilenet_v3("mobilenetv3_small_100", width, **settings)
    strided = [
        module
        for module in model.modules()
        if isinstance(module, nn.Conv2d) and max(module.stride) > 1
    ]
    kept = max(0, int(math.log2(max(1, min(sides) // _SMALLEST_MAP))))
    for module in strided[: len(strided) - kept]:
        module.stride = (1, 1)
    return model
