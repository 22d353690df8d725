"""How long must winners train until they are done? The rule, and what is remembered of it.

Some of the winners are trained on the training split for the epochs of the search, twice that,
four times that and so on, each by a whole schedule of its own, and judged on the validation split.
It ends where twice the time gains less than the noise.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nas.evaluation.winner_metric import WinnerMetric
from nas.files import write_text
from nas.record.rows import write_rows

MAX_DOUBLINGS = 6  # 64 times the epochs of the search
LEAST_GAIN = 0.003  # of a share, or of the value itself: less is not worth twice the time
NUM_PROBES = 3  # winners that are trained for it: the smallest, the largest, one between


@dataclass(frozen=True)
class CurvePoint:
    """One training of a winner on the training split.

    Attributes:
        name: of the winner, such as "trial 12".
        architecture_id: of the winner.
        epochs: of its training.
        metric: what it was judged by.
        value: of that, on the validation split.
        seconds: wall time.
    """

    name: str
    architecture_id: str
    epochs: int
    metric: str
    value: float
    seconds: float


@dataclass(frozen=True)
class Length:
    """How long winners train, and why.

    Attributes:
        epochs: of each retraining.
        num_seeds: retrainings of each winner.
        reason: a sentence.
        curve: what it was found by; empty where nothing was tried.
    """

    epochs: int
    num_seeds: int
    reason: str
    curve: tuple[CurvePoint, ...] = ()

    def curve_of(self, architecture_id: str) -> list[CurvePoint]:
        """Return the points of one winner, shortest first."""
        return [point for point in self.curve if point.architecture_id == architecture_id]

    @property
    def story(self) -> str:
        """What a model card says of it; a sentence."""
        return f"Trained for {self.epochs} epochs: {self.reason}."


@dataclass(frozen=True)
class Gain:
    """What a doubling of the epochs brought, on average over the networks that were tried.

    Attributes:
        value: in the unit of the metric; above 0 is better.
        noise: about one standard deviation of that number.
        scale: what a gain that is worth twice the time is compared with.
    """

    value: float
    noise: float
    scale: float

    @property
    def is_worth_it(self) -> bool:
        """Whether training was not done before: more than half the noise, and not tiny."""
        return self.value > max(self.noise / 2, LEAST_GAIN * self.scale)


def gain_of(
    before: Sequence[float], after: Sequence[float], metric: WinnerMetric, *, num_examples: int
) -> Gain:
    """Compare the values of the same networks, trained for some epochs and for twice as many.

    The same examples judge both, and two trainings of a network agree on most of them: a share's
    difference has about the variance of one measurement, p (1 - p) / n. Of any other metric the
    networks' own gains say how much they vary; of a single network nothing does.

    Args:
        before: one value for each network.
        after: likewise.
        metric: what they were judged by.
        num_examples: of the validation split.
    """
    gains = np.array([metric.gain(b, a) for a, b in zip(before, after, strict=True)])
    count = len(gains)
    if metric.is_share:
        p = float(np.clip(np.mean(after), 0.5 / num_examples, 1 - 0.5 / num_examples))
        return Gain(float(gains.mean()), math.sqrt(p * (1 - p) / num_examples / count), 1.0)
    noise = float(gains.std(ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    return Gain(float(gains.mean()), noise, float(np.mean(np.abs(before))))


def probe_places(number: int) -> list[int]:
    """Return which of so many winners, smallest first, are tried: both ends and the middle.

    >>> probe_places(1), probe_places(2), probe_places(3), probe_places(8)
    ([0], [0, 1], [0, 1, 2], [0, 4, 7])
    """
    spread = {round(i * (number - 1) / (NUM_PROBES - 1) + 1e-9) for i in range(NUM_PROBES)}
    return sorted(spread)


def fitting_epochs(
    seconds_per_epoch: Sequence[float], *, num_slots: int, num_seeds: int, available_s: float
) -> int:
    """Return how many epochs fit into a time if all networks train for as many; at least 1.

    Args:
        seconds_per_epoch: one for each network.
        num_slots: trainings that run at once.
        num_seeds: trainings of each network.
        available_s: wall seconds.
    """
    return max(1, int(available_s / _epoch_s(seconds_per_epoch, num_slots, num_seeds)))


def fitting_seeds(
    seconds_per_epoch: Sequence[float], *, num_slots: int, epochs: int, available_s: float
) -> int:
    """Return how many trainings of each network fit into a time; perhaps 0."""
    seeds = 0
    while seeds < 100 and epochs * _epoch_s(
        seconds_per_epoch, num_slots, seeds + 1
    ) <= available_s:  # fmt: skip
        seeds += 1
    return seeds


def _epoch_s(seconds: Sequence[float], num_slots: int, num_seeds: int) -> float:
    """Return the wall time of an epoch of all: the work shared out, the longest last of all."""
    longest = max(seconds)
    shared = num_seeds * sum(seconds) / num_slots
    return max(1e-9, longest, shared + longest * (1 - 1 / num_slots) * (num_slots > 1) / 2)


def remember_length(folder: Path, key: str, length: Length) -> None:
    """Write length.json, and length.csv with the curve, into the `finish` folder.

    Args:
        folder: of the finish.
        key: what the length was asked for; another question does not get this answer.
        length: the answer.
    """
    write_rows(folder / "length.csv", length.curve, kind=CurvePoint)
    write_text(folder / "length.json", json.dumps({"key": key, **asdict(length)}, indent=1) + "\n")


def remembered_length(folder: Path, key: str) -> Length | None:
    """Return the answer to the same question; None where there is none that can be read."""
    try:
        told: Mapping[str, object] = json.loads((folder / "length.json").read_text())
        if told["key"] != key:
            return None
        curve = told["curve"]
        assert isinstance(curve, list), "a list of points"
        return Length(
            epochs=int(str(told["epochs"])),
            num_seeds=int(str(told["num_seeds"])),
            reason=str(told["reason"]),
            curve=tuple(CurvePoint(**point) for point in curve),
        )
    except (OSError, ValueError, KeyError, TypeError, AssertionError):
        return None  # found again, from trainings that are on record
