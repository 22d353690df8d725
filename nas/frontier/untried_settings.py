"""Which candidates would be trained with settings that nobody tried?

What is learned of a learning rate with one network holds for others, so in a space of architecture
and training together most of the front waits for good settings. A network of another size with the
best settings so far is a sure gain, but a small one that a better setting takes away again. A
search after sure gains alone goes from size to size with the first settings that were passable. So
some trainings choose among untried settings only; they still go where the expected gain is
largest.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# The share of such trainings. With all of them, few sizes are ever trained with the best settings.
SHARE_UNTRIED = 0.5
# Settings nearer than this are the same: a twelfth of a number's range; two options are 1 apart.
MIN_DISTANCE = 0.2


class UntriedSettings:
    """Tells candidates with new settings from those whose settings were tried.

    Args:
        tried: (n, columns) features of what was trained, or is being trained.
        columns: which of these columns are settings; at least one.
    """

    def __init__(self, tried: FloatArray, columns: IntArray) -> None:
        from scipy.spatial import KDTree  # half a second: only where settings are searched

        self._columns = columns
        self._tried = KDTree(tried[:, columns])

    def __call__(self, features: FloatArray) -> NDArray[np.bool_]:
        """Say of each candidate (m, columns) whether its settings are new."""
        own = features[:, self._columns]
        distance, _ = self._tried.query(own, distance_upper_bound=MIN_DISTANCE)
        return np.isinf(distance)
