"""How long must winners train until they are done? The rule, and what is remembered of it.

Some of the winners are trained on the training split for the epochs of the search, twice that,
four times that and so on, each by a whole schedule of its own, and judged on the validation split.
A network is done where twice the time gains less than the noise. Others train as long as the
longer of the two that were tried on either side of their size.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nas.evaluation.winner_metric import AnyData, WinnerMetric
from nas.files import write_text
from nas.record.rows import write_rows

MAX_DOUBLINGS = 6  # 64 times the epochs of the search
LEAST_GAIN = 0.003  # of a share, or of the value itself: less is not worth twice the time
_PASSES = 5  # over the test split, for a network's files and its mistakes
_FORWARD = 1 / 3  # of the time of a training step
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
    """How long one winner trains, and why.

    Attributes:
        epochs: of each retraining.
        reason: how the sentence "Trained for so many epochs" goes on.
        seconds: that one retraining is planned to take; 0 where nobody knows.
        each: the epochs of each retraining, where the clock ended them after unlike ones; `epochs`
            are then those of the first, whose weights are shipped.
    """

    epochs: int
    reason: str
    seconds: float = 0.0
    each: tuple[int, ...] = ()


@dataclass(frozen=True)
class Lengths:
    """How long the winners train.

    Attributes:
        of: architecture id -> length.
        num_seeds: retrainings of each winner.
        curve: what the lengths were found by; empty where nothing was tried.
    """

    of: Mapping[str, Length]
    num_seeds: int
    curve: tuple[CurvePoint, ...] = ()

    @property
    def longest(self) -> int:
        """The most epochs of any winner; reference points train so long."""
        return max(length.epochs for length in self.of.values())

    @property
    def epoch_s(self) -> float:
        """The seconds that an epoch of each winner takes, added up, as far as they are known."""
        return sum(length.seconds / length.epochs for length in self.of.values())

    def curve_of(self, architecture_id: str) -> list[CurvePoint]:
        """Return the points of one winner, shortest first."""
        return [point for point in self.curve if point.architecture_id == architecture_id]

    def story(self, architecture_id: str) -> str:
        """Return what a model card says of a winner; a sentence or two, empty if it is none."""
        length = self.of.get(architecture_id)
        if length is None:
            return ""
        told = f"Trained for {length.epochs} epochs: {length.reason}."
        if length.each:
            *others, last = map(str, length.each)
            told += (
                f" Its {len(length.each)} retrainings had {', '.join(others)} and {last} epochs."
            )
        return told


@dataclass(frozen=True)
class Gain:
    """What a doubling of the epochs brought to one network.

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


def gains_of(
    before: Sequence[float], after: Sequence[float], metric: WinnerMetric, *, num_examples: int
) -> list[Gain]:
    """Return what each network gained between some epochs and twice as many.

    The same examples judge both, and two trainings of a network agree on most of them: a share's
    difference has about the variance of one measurement, p (1 - p) / n. Of any other metric the
    networks' own gains say how much they vary; of a single network nothing does. What cannot be
    told from noise is shared: each gain is drawn towards their mean as far as their spread is no
    larger than the noise (empirical Bayes).

    Args:
        before: one value for each network.
        after: likewise.
        metric: what they were judged by.
        num_examples: of the validation split.
    """
    gains = np.array([metric.gain(b, a) for a, b in zip(before, after, strict=True)])
    count, scales = len(gains), np.ones(len(gains))
    spread = float(gains.var(ddof=1)) if count > 1 else 0.0
    if metric.is_share:
        p = np.clip(np.array(after), 0.5 / num_examples, 1 - 0.5 / num_examples)
        variances = p * (1 - p) / num_examples
    else:
        variances, scales = np.full(count, spread), np.abs(np.array(before))
    between = max(0.0, spread - float(variances.mean()))
    own = np.where(variances > 0, between / np.maximum(between + variances, 1e-300), 1.0)
    drawn = own * gains + (1 - own) * gains.mean()
    noise = np.sqrt(variances * (own + (1 - own) / count))
    return [Gain(*map(float, told)) for told in zip(drawn, noise, scales, strict=True)]


def probe_places(number: int) -> list[int]:
    """Return which of so many winners, smallest first, are tried: both ends and the middle.

    >>> probe_places(1), probe_places(2), probe_places(3), probe_places(8)
    ([0], [0, 1], [0, 1, 2], [0, 4, 7])
    """
    spread = {round(i * (number - 1) / (NUM_PROBES - 1) + 1e-9) for i in range(NUM_PROBES)}
    return sorted(spread)


def test_epochs(data: AnyData) -> float:
    """Return how many epochs of its retraining the tests of a network's files take as long as."""
    return _PASSES * _FORWARD * len(data.test) / (len(data.train) + len(data.validation))


@dataclass(frozen=True)
class Room:
    """The time that is there for retrainings.

    Attributes:
        seconds_per_epoch: one for each network.
        num_slots: trainings that run at once.
        available_s: wall seconds.
    """

    seconds_per_epoch: Sequence[float]
    num_slots: int
    available_s: float

    @property
    def epochs(self) -> float:
        """How long all can train once, each as long as the others; infinite where it is free."""
        epoch_s = self._takes_s(self.seconds_per_epoch, num_seeds=1)
        return self.available_s / epoch_s if epoch_s > 0 else math.inf

    def fits(self, epochs: Sequence[int], *, num_seeds: int) -> bool:
        """Say whether each network can train so long, that often."""
        works = [e * s for e, s in zip(epochs, self.seconds_per_epoch, strict=True)]
        return self._takes_s(works, num_seeds=num_seeds) <= self.available_s

    def _takes_s(self, works: Sequence[float], *, num_seeds: int) -> float:
        """Return the wall seconds of trainings that take so many seconds each, that often."""
        longest = max(works)
        # The work shared out; the longest training may be the last one, beside slots that idle.
        idle_s = longest * (1 - 1 / self.num_slots) / 2
        return max(longest, num_seeds * sum(works) / self.num_slots + idle_s)

    def seeds(self, epochs: Sequence[int], *, most: int) -> int:
        """Return how many trainings of each network fit, at most so many; perhaps 0."""
        fitting = [n for n in range(1, most + 1) if self.fits(epochs, num_seeds=n)]
        return max(fitting, default=0)

    def bounded(self, epochs: Sequence[int], *, num_seeds: int) -> list[int]:
        """Return these epochs, the longest of them cut to what fits; each at least 1."""
        low, high = 1, max(epochs)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.fits([min(e, middle) for e in epochs], num_seeds=num_seeds)
            low, high = (middle, high) if fits else (low, middle - 1)
        return [min(e, low) for e in epochs]


def remember_lengths(
    folder: Path, key: str, lengths: Lengths, *, budget_s: float | None = None
) -> None:
    """Write length.json, and length.csv with the curves, into the `finish` folder.

    Args:
        folder: of the finish.
        key: what the lengths were asked for; another question does not get this answer.
        lengths: the answer.
        budget_s: that they were to fit into.
    """
    write_rows(folder / "length.csv", lengths.curve, kind=CurvePoint)
    told = {"key": key, **asdict(lengths), "budget_s": budget_s}
    told["trained"] = _trained_before(folder)
    write_text(folder / "length.json", json.dumps(told, indent=1) + "\n")


def note_trained(
    folder: Path, tested: Collection[str], lengths: Lengths | None, *, epochs: int
) -> None:
    """Write into length.json what each winner was trained for, by this command or the last before.

    Without planned lengths, there is a file only where an earlier command planned some.

    Args:
        folder: of the finish.
        tested: ids of the winners whose retrainings ended.
        lengths: as they were trained; None where they were as long as the recipe says.
        epochs: that the recipe says.
    """
    path = folder / "length.json"
    try:
        told = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return
    of = {i: Length(epochs, "training.epochs") for i in tested} if lengths is None else lengths.of
    now = {i: {"epochs": of[i].epochs, "reason": of[i].reason} for i in tested if i in of}
    told["trained"] = {**_trained_before(folder), **now}
    write_text(path, json.dumps(told, indent=1) + "\n")


def _trained_before(folder: Path) -> Mapping[str, object]:
    try:
        told = json.loads((folder / "length.json").read_text())["trained"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def remembered_budget_s(folder: Path) -> float | None:
    """Return the budget that the last lengths were to fit into; None where none is known."""
    try:
        told = json.loads((folder / "length.json").read_text())["budget_s"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(told) if isinstance(told, int | float) else None


def remembered_lengths(folder: Path, key: str) -> Lengths | None:
    """Return the answer to the same question; None where there is none that can be read."""
    try:
        told = json.loads((folder / "length.json").read_text())
        if told["key"] != key:
            return None
        of = {
            identity: Length(
                int(length["epochs"]), str(length["reason"]), float(length.get("seconds", 0.0))
            )
            for identity, length in told["of"].items()
        }
        curve = tuple(CurvePoint(**point) for point in told["curve"])
        return Lengths(of, int(told["num_seeds"]), curve)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # found again, from trainings that are on record
