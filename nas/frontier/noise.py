"""How far may a reading lie from what it reads?

An accuracy p is read as a share of n validation examples, so its reading has at least a share's
variance, p (1 - p) / n. What another training of the same network would change comes on top; the
model estimates it as its noise. So one reading does not show all that is unknown of a network: it
moves what is believed by

    told = sd^2 / sqrt(sd^2 + noise)

in standard deviations, sd being that of the network's true value (Frazier, Powell, Dayanik 2009,
"The knowledge-gradient policy for correlated normal beliefs", section 2). Where readings are
exact, told is sd.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.frontier.loss_scale import LossScale

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ReadingNoise:
    """Which of the measured objectives are shares of so many examples.

    Attributes:
        num_judged: for each measured objective, the examples that it is a share of; 0 where its
            readings are exact, or nobody knows how far off they are. A share's loss is minus it.
    """

    num_judged: tuple[int, ...]

    def variances(self, losses: FloatArray) -> FloatArray:
        """Return the variances (n, d) of readings that come to these losses.

        A share counts one right and one wrong example more: a perfect one is uncertain, too.
        """
        number = np.array(self.num_judged, dtype=np.float64)
        share = (np.clip(-losses, 0.0, 1.0) * number + 1.0) / (number + 2.0)
        return np.where(number > 0.0, share * (1.0 - share) / np.maximum(number, 1.0), 0.0)

    def on_scale(self, scale: LossScale, losses: FloatArray) -> FloatArray:
        """Return the same on the scale of the models."""
        return np.asarray(self.variances(losses) * scale.steepness(losses) ** 2)


def exact(num_measured: int) -> ReadingNoise:
    """Return the noise of objectives whose readings are taken as exact."""
    return ReadingNoise((0,) * num_measured)


def told(sd: FloatArray, noise: FloatArray) -> FloatArray:
    """Return by how much one reading is going to move what is believed.

    Args:
        sd: standard deviations of the true values.
        noise: variances of the readings.
    """
    return np.asarray(sd * (sd / np.maximum(np.sqrt(sd * sd + noise), 1e-300)))
