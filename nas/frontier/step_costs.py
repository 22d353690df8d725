"""How long does a step of a trial take? A line through the logarithms of the steps so far.

Larger networks take longer, so the line runs over the features of the architecture; each pair of
shares has an offset of its own, and a trial that has taken a step before keeps what it was off.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.frontier.step_results import Climb

FloatArray = NDArray[np.float64]

# Weight of the prior that features do not matter, in steps; and the shortest step, in seconds.
RIDGE, LEAST_S = 0.3, 1e-6

_Pair = tuple[float, float]


class StepCosts:
    """Expected seconds of steps.

    Args:
        climbs: trials so far.
        features: (n, columns) of their networks, in order.
    """

    def __init__(self, climbs: Sequence[Climb], features: FloatArray) -> None:
        rows, pairs, logs = [], list[_Pair](), []
        for row, climb in zip(features, climbs, strict=True):
            for low, high, seconds in climb.steps():
                rows.append(row)
                pairs.append((low, high))
                logs.append(np.log(max(seconds, LEAST_S)))
        self._offsets: dict[_Pair, float] = {}
        self._centre: FloatArray = np.zeros(features.shape[1])
        self._weights: FloatArray = np.zeros(features.shape[1])
        first = sum(s for climb in climbs for low, _, s in climb.steps() if low == 0.0)
        total = sum(s for climb in climbs for _, _, s in climb.steps())
        # Of the time so far, what first rungs took.
        self.share_of_first = first / total if total > 0.0 else 1.0
        if rows:
            self._fit(np.array(rows), pairs, np.array(logs))

    def _fit(self, rows: FloatArray, pairs: Sequence[_Pair], logs: FloatArray) -> None:
        self._centre = np.asarray(rows.mean(axis=0), dtype=np.float64)
        x = rows - self._centre
        groups: defaultdict[_Pair, list[int]] = defaultdict(list)
        for index, pair in enumerate(pairs):
            groups[pair].append(index)
        y = logs.copy()
        for members in groups.values():
            y[members] -= logs[members].mean()
        gram = x.T @ x + RIDGE * np.eye(x.shape[1])
        self._weights = np.asarray(np.linalg.solve(gram, x.T @ y), dtype=np.float64)
        rest = logs - x @ self._weights
        self._offsets = {pair: float(rest[m].mean()) for pair, m in groups.items()}

    def seconds(self, features: FloatArray, low: float, high: float) -> FloatArray:
        """Return the expected seconds (n) of a step of networks (n, columns)."""
        return np.asarray(np.exp(self._offset(low, high) + self._slope(features)))

    def off(self, climb: Climb, features: FloatArray) -> float:
        """Return how many times longer than expected a trial took so far."""
        taken = climb.steps()
        if not taken:
            return 1.0
        slope = float(self._slope(features[None, :])[0])
        logs = [np.log(max(s, LEAST_S)) - self._offset(low, high) for low, high, s in taken]
        return float(np.exp(np.mean(logs) - slope))

    def _slope(self, features: FloatArray) -> FloatArray:
        return np.asarray((features - self._centre) @ self._weights)

    def _offset(self, low: float, high: float) -> float:
        """Return a step's offset; one never taken takes as long for its share as the others."""
        known = self._offsets.get((low, high))
        if known is not None:
            return known
        rates = [offset - np.log(b - a) for (a, b), offset in self._offsets.items()]
        return float(np.mean(rates) + np.log(high - low)) if rates else float(np.log(high - low))
