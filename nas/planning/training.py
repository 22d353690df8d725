"""How should networks train on these data, when nobody says so?

Trainings must be long enough to choose by: after 8 epochs, some networks stood before others that
are far better after 60. The numbers below follow from that by reasoning; no experiment chose them.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from nas.planning.facts import DataFacts, MachineFacts

# Epochs for 3,000 images. Fewer are needed where there are more images: what counts are steps and
# how often an image comes, by the root of both.
_EPOCHS, _IMAGES = 20, 3000
LEAST_EPOCHS, MOST_EPOCHS = 8, 60
LEAST_STEPS = 16  # of an epoch


@dataclass(frozen=True)
class TrainingChoice:
    """Settings of `training` that depend on the data.

    Attributes:
        epochs: passes over the training images.
        batch_size: images in a step.
        optimizer: adamw or muon.
        learning_rate: its peak.
        shift: images are moved by up to this share of their side.
        whitening: the first convolution begins as whitening filters.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    shift: float
    whitening: bool = False
    optimizer: str = "adamw"

    def settings(self) -> dict[str, Any]:
        """Return setting -> value."""
        return asdict(self)


SMALL_TRAINING = TrainingChoice(epochs=4, batch_size=32, learning_rate=0.02, shift=0.0)
SMALL_NUM_TRIALS, NUM_TRIALS = 64, 30


def suited_training(data: DataFacts, machine: MachineFacts) -> TrainingChoice:
    """Return what suits the data; without a budget it is what a search trains by.

    >>> suited_training(DataFacts(3000, 64), MachineFacts(2)).epochs
    20
    >>> suited_training(DataFacts(1100, 8), MachineFacts(2)) == SMALL_TRAINING
    True
    """
    if data.is_small:
        return SMALL_TRAINING
    wanted = _EPOCHS * math.sqrt(_IMAGES / max(1, data.num_train))
    return TrainingChoice(
        epochs=round(min(MOST_EPOCHS, max(LEAST_EPOCHS, wanted))),
        batch_size=_batch_size(data, machine),
        learning_rate=0.007,
        shift=0.125,
        whitening=True,
        optimizer="muon",
    )


def suited_num_trials(data: DataFacts) -> int:
    """Return how many trials a search without a budget has."""
    return SMALL_NUM_TRIALS if data.is_small else NUM_TRIALS


def _batch_size(data: DataFacts, machine: MachineFacts) -> int:
    """Return a power of two with 16 steps an epoch or more, as far as that is possible.

    Steps of 16 images take a core nearly twice as long an image as steps of 64
    (experiments/photos).
    """
    most = 256 if machine.has_accelerator else 64
    fits = max(1.0, data.num_train / LEAST_STEPS)
    return int(min(most, max(16, 2 ** int(math.log2(fits)))))
