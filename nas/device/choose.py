"""Which networks should be measured? Those whose times would tell most about all others.

Among random networks of the space they are picked one after another, each so that the variance of
the predictions for all of them falls most (Cohn 1996, *Neural network exploration using optimal
experiment design*), under the model's prior: no time is known yet. Variances are relative to the
networks' likely times, so that large networks do not count more than small ones.
"""

from collections.abc import Sequence

import numpy as np

from nas.device.latency_model import prior_deviations
from nas.device.similarity import (
    Counts,
    FloatArray,
    Traits,
    Uses,
    counts_matrix,
    covariance_parts,
    similarities,
)

_NOISE = 0.03  # of a measurement, as a share of its time


def choose_networks(candidates: Sequence[Counts], number: int) -> list[int]:
    """Return the places of the networks to measure, most telling first.

    Args:
        candidates: networks of the space, drawn at random; they stand for all of it.
        number: how many to choose; all where there are fewer.
    """
    covariance = _relative_covariance(candidates)
    variance_left = np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(number, len(candidates))):
        gain = (covariance**2).sum(axis=0) / (np.diag(covariance) + _NOISE**2)
        best = int(np.argmax(np.where(variance_left, gain, -np.inf)))
        column = covariance[:, best]
        covariance = covariance - np.outer(column, column) / (column[best] + _NOISE**2)
        variance_left[best] = False
        chosen.append(best)
    return chosen


def _relative_covariance(networks: Sequence[Counts]) -> FloatArray:
    """Return (N, N) covariances of the networks' times, each divided by its likely time."""
    operators = list(dict.fromkeys(o for counts in networks for o in counts))
    uses = Uses.of(networks)(operators)
    counts = counts_matrix(networks, operators)
    side = (counts, uses)
    traits = Traits.of(operators)
    parts = covariance_parts(side, side, similarities(traits, traits))
    variances = prior_deviations(uses.shape[1])[:-1] ** 2
    likely = (counts @ uses).mean(axis=1)
    return np.asarray(np.tensordot(variances, parts, 1) / np.outer(likely, likely))
