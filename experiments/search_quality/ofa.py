"""The OFA MobileNetV3 space (about 2 x 10^19 networks) and its accuracy predictor, in NumPy.

Cai et al., Once-for-All (ICLR 2020): five stages of two to four blocks, each with a kernel and an
expansion, at resolution 224. The predictor is a small MLP whose ranks agree with real ImageNet
evaluations (Spearman 0.98); its values are 5.87 points too high throughout.
"""

import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nas.architecture import Value
from nas.space.space import SearchSpace
from nas.widths import widths_from

KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)
NUM_STAGES, MAX_DEPTH = 5, 4
WIDTHS = (24, 40, 80, 112, 160)
STRIDES = (2, 2, 2, 1, 2)
SIDES = (56, 28, 14, 14, 7)  # of the maps that a stage puts out, at resolution 224
SQUEEZED_STAGES = (1, 3, 4)  # from 0; these have squeeze-and-excite
RESOLUTION = 224
FIRST_WIDTH, LAST_WIDTH, NUM_FEATURES = 16, 960, 1280
PERCENT_TOO_HIGH = 5.87


class OfaSpace(SearchSpace):
    """Depth of each stage, kernel and expansion of each active block."""

    default_parameters: ClassVar[Mapping[str, Any]] = {
        f"stage{stage}": {
            "repeat": {"int": [DEPTHS[0], DEPTHS[-1]]},
            "kernel": {"choice": list(KERNELS)},
            "expansion": {"choice": list(EXPANSIONS)},
        }
        for stage in range(NUM_STAGES)
    }


# Names of the parameters, made once: thousands of networks are counted each second.
_REPEATS = [f"stage{stage}.repeat" for stage in range(NUM_STAGES)]
_PLACES = [
    [
        (f"stage{stage}.{place}.kernel", f"stage{stage}.{place}.expansion")
        for place in range(MAX_DEPTH)
    ]
    for stage in range(NUM_STAGES)
]


def _blocks(architecture: Mapping[str, Value]) -> list[tuple[int, int, int, int]]:
    """Return (stage, place, kernel, expansion) of each active block."""
    return [
        (stage, place, int(architecture[kernel]), int(architecture[expansion]))
        for stage in range(NUM_STAGES)
        for place, (kernel, expansion) in enumerate(
            _PLACES[stage][: int(architecture[_REPEATS[stage]])]
        )
    ]


def costs(architecture: Mapping[str, Value]) -> tuple[int, int]:
    """Return the parameters, and the multiply-accumulates of convolutions and linear layers."""
    side = SIDES[-1]
    params = 3 * 3 * 3 * 16 + 2 * 16  # stem
    params += 9 * 16 + 2 * 16 + 16 * 16 + 2 * 16  # first block: depthwise, pointwise
    params += 160 * 960 + 2 * 960 + 960 * 1280 + 1280 * 1000 + 1000
    macs = (27 * 16 + 9 * 16 + 16 * 16) * (RESOLUTION // 2) ** 2
    macs += 160 * 960 * side**2 + 960 * 1280 + 1280 * 1000
    for stage, place, kernel, expansion in _blocks(architecture):
        block_params, block_macs = _block_costs(stage, place == 0, kernel, expansion)
        params += block_params
        macs += block_macs
    return params, macs


def widths(architecture: Mapping[str, Value]) -> dict[str, float]:
    """Return how wide the network is, as `nas search` would know it (`nas.widths`)."""
    blocks = [
        _log_width(stage, place == 0, expansion)
        for stage, place, _, expansion in _blocks(architecture)
    ]
    return widths_from(
        num_layers=3 + 3 * len(blocks) + 1,
        log_width=3 * math.log10(FIRST_WIDTH) + sum(blocks) + math.log10(LAST_WIDTH),
        min_width=FIRST_WIDTH,
        num_features=NUM_FEATURES,
    )


@cache
def _log_width(stage: int, is_first: bool, expansion: int) -> float:
    """Return the sum of the logarithms of a block's three widths."""
    out = WIDTHS[stage]
    middle = _round8(((FIRST_WIDTH, *WIDTHS)[stage] if is_first else out) * expansion)
    return 2 * math.log10(middle) + math.log10(out)


def num_params(architecture: Mapping[str, Value]) -> int:
    """Return the exact number of parameters."""
    return costs(architecture)[0]


@cache
def _block_costs(stage: int, is_first: bool, kernel: int, expansion: int) -> tuple[int, int]:
    """Return parameters and multiply-accumulates of one block, the first of its stage or not."""
    out, side = WIDTHS[stage], SIDES[stage]
    width = ((16, *WIDTHS)[stage]) if is_first else out
    before = side * STRIDES[stage] if is_first else side
    middle = _round8(width * expansion)
    params = width * middle + 2 * middle + middle * kernel**2 + 2 * middle
    params += middle * out + 2 * out
    macs = width * middle * before**2 + (kernel**2 + out) * middle * side**2
    if stage in SQUEEZED_STAGES:
        squeezed = _round8(middle / 4)
        params += 2 * middle * squeezed + squeezed + middle
        macs += 2 * middle * squeezed
    return params, macs


@cache
def _round8(value: float) -> int:
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def features(architecture: Mapping[str, Value]) -> np.ndarray:
    """Return the predictor's (128,) input: one-hot kernels, expansions and resolution."""
    row = np.zeros(128, dtype=np.float32)
    for stage, place, kernel, expansion in _blocks(architecture):
        block = MAX_DEPTH * stage + place
        row[3 * block + KERNELS.index(kernel)] = 1.0
        row[60 + 3 * block + EXPANSIONS.index(expansion)] = 1.0
    row[120 + (RESOLUTION - 112) // 16] = 1.0
    return row


def write_made_up_predictor(path: Path) -> Path:
    """Write a predictor of that form that has learnt nothing, for small forms."""
    rng, sizes = np.random.default_rng(0), (128, 16, 16, 16, 1)
    arrays: dict[str, Any] = {}
    for layer, (before, after) in zip((0, 2, 4, 6), pairwise(sizes), strict=True):
        arrays[f"{layer}.weight"] = rng.normal(size=(after, before)).astype(np.float32)
        arrays[f"{layer}.bias"] = np.zeros(after, dtype=np.float32)
    np.savez(path, **arrays)
    return path


class Predictor:
    """The accuracy predictor.

    Args:
        path: npz file with weight and bias of the linear layers 0, 2, 4 and 6.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as content:
            self._layers = [
                (content[f"{layer}.weight"], content[f"{layer}.bias"]) for layer in (0, 2, 4, 6)
            ]

    def accuracy(self, architecture: Mapping[str, Value]) -> float:
        """Return the predicted top-1 accuracy in percent, corrected for the known shift."""
        hidden = features(architecture)
        for weight, bias in self._layers[:-1]:
            hidden = np.maximum(weight @ hidden + bias, 0.0)
        weight, bias = self._layers[-1]
        return 100.0 * float((weight @ hidden + bias)[0]) - PERCENT_TOO_HIGH
