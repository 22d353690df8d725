"""How well does a device's model predict networks that it has not seen? Beside simple rivals.

Cross-validation: the measured networks are dealt into groups, and each group is predicted by a
model that was fitted to the others, settings of the fit included. The rivals, a straight line
through multiply-accumulates or through parameters, are judged in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nas.device.latency_model import LatencyModel, fit_latency_model
from nas.device.similarity import Counts, FloatArray

MAX_GROUPS = 10
CLOSE = 0.1  # a prediction this near, as a share of the time, counts as close

Places: TypeAlias = NDArray[np.intp]
# From places of measured networks and of others: the others' predicted times.
Predictor: TypeAlias = Callable[[Places, Places], FloatArray]


@dataclass(frozen=True)
class PredictionError:
    """How far predictions are from measurements.

    Attributes:
        rank_correlation: Spearman's; 1 for the right order, NaN where all values are equal.
        share_close: share of predictions that are off by at most `CLOSE`.
        median_error: half of the predictions are nearer than this, as a share of the time.
        high_error: nine of ten networks take at most this much longer than predicted, as a share
            of the prediction; at least 0.
    """

    rank_correlation: float
    share_close: float
    median_error: float
    high_error: float


def prediction_error(predicted: FloatArray, measured: FloatArray) -> PredictionError:
    """Return how far predictions (N,) are from measured times (N,), all above 0."""
    off = np.abs(predicted / measured - 1)
    longer = measured / np.maximum(predicted, 1e-12) - 1
    # Of few networks the ninth of ten is between two: the larger is taken.
    high = float(np.quantile(longer, 0.9, method="higher"))
    return PredictionError(
        rank_correlation(predicted, measured),
        float((off <= CLOSE).mean()),
        float(np.median(off)),
        max(high, 0.0),
    )


def rank_correlation(left: FloatArray, right: FloatArray) -> float:
    """Return Spearman's rank correlation; NaN where one side has a single value.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0]))
    0.5
    """
    from scipy.stats import rankdata  # a third of a second: only where models are judged

    ranks = [rankdata(side) - (len(side) + 1) / 2 for side in (left, right)]
    scale = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / scale) if scale > 0 else float("nan")


def cross_validated(
    networks: Sequence[Counts], times_ms: FloatArray, *, known: Sequence[LatencyModel] = ()
) -> FloatArray:
    """Return for each network (N,) what a model says that was fitted without its group, ms."""

    def predict(inside: Places, outside: Places) -> FloatArray:
        fitted = fit_latency_model(
            [networks[place] for place in inside], list(times_ms[inside]), known=known
        )
        return np.array([fitted.predict(networks[place]) for place in outside])

    return by_groups(len(networks), predict)


def line_through(costs: FloatArray, times_ms: FloatArray) -> FloatArray:
    """Return for each network (N,) what a straight line through a cost says, fitted without it."""

    def predict(inside: Places, outside: Places) -> FloatArray:
        return fitted_line(costs[inside], times_ms[inside], costs[outside])

    return by_groups(len(costs), predict)


def fitted_line(costs: FloatArray, times_ms: FloatArray, others: FloatArray) -> FloatArray:
    """Return what the line of least squares says of other networks; it never falls."""
    spread = costs - costs.mean()
    size = (spread**2).sum()
    slope = max(float((spread * times_ms).sum() / size), 0.0) if size > 0 else 0.0
    return np.asarray(times_ms.mean() + slope * (others - costs.mean()))


def by_groups(number: int, predict: Predictor) -> FloatArray:
    """Return predictions (N,), each group's made from the others. The deal is fixed."""
    groups = np.arange(number) % min(MAX_GROUPS, number)
    found = np.empty(number)
    for group in range(groups.max() + 1):
        outside = np.flatnonzero(groups == group)
        found[outside] = predict(np.flatnonzero(groups != group), outside)
    return found
