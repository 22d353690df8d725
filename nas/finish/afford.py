"""Which networks are worth their time, where there is too little of it for the whole front?

The first is the one that may become the best. Short trials favour small networks: after few epochs
a large network may be behind a small one, and ahead of it after many. So all trials count that are
as good as far as so few epochs can tell, on the front or not, and each counts for more the larger
it is: a network that is three times larger may be behind by all that so few epochs hide, one of
nearly the same size by nearly nothing.

Each further network adds a size to the front and takes epochs from all others. So the networks are
taken one by one, always the one that makes the expected front largest, until none does: the area
under accuracy over the logarithm of size, from what a trivial model reaches upwards, less what the
shorter training costs each. None is taken that is too slow to train much longer than its trial
did, or that would cost the first one much. What is retrained already takes no time and loses none.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import Winner
from nas.finish.intervals import sampling_std
from nas.finish.length import MAX_DOUBLINGS, Room
from nas.pareto.dominance import front_mask

# Epochs, and times the epochs of its trial, that each winner must be able to train. On photos
# wide networks that trained 8 to 14 epochs were ahead of narrow ones that trained 30 to 80 in the
# same time (experiments/photos); with fewer they were behind.
ENOUGH_EPOCHS, ENOUGH_TIMES = 8, 2.5
# What an accuracy after one epoch may hide; after more it is a part: 9 points after 4, 2 after
# 20 epochs. What chance makes of few validation images comes on top. Four networks whose trials
# of 7 epochs had 55 to 70 % gained 5 to 14 points when they trained on (experiments/photos).
DOUBT = 0.35
DOUBTED_FACTOR = 3.0  # of two networks whose sizes differ so much, trials hide all of it
# After e times the epochs of a trial, so large a share of the best trial's errors, divided by the
# root of e, is left that endless training would remove. From trials of 4 to 11 epochs to
# retrainings of 21 to 62 it was .6 on CIFAR-10 and clothes, .9 to 1.2 on crops and letters
# (experiments/photos, experiments/time_to_front).
LACK = 0.8
# What all further winners together may cost the first one, as a share of what the best trial is
# better than a trivial model. Without a bound a second winner of two minutes, a quarter as large,
# cost letters 8 points of 81 (experiments/photos).
MOST_COST = 0.07
_MOST_TIMES = float(2**MAX_DOUBLINGS)  # times the epochs of its trial, that a network trains


def affordable(
    winners: Sequence[Winner],
    others: Sequence[Winner] = (),
    *,
    metric: WinnerMetric,
    epoch_s: Sequence[float],
    search_epochs: int,
    num_examples: int,
    num_slots: int,
    available_s: Callable[[Sequence[float]], float],
    trivial_gain: float | None = None,
) -> list[Winner]:
    """Return the networks that make the best front in the time, at least one, smallest first.

    Args:
        winners: members of the front, each with its trial.
        others: trials that are on no front, and may be better than they seem.
        metric: what they are judged by.
        epoch_s: seconds of an epoch of a retraining of each winner, then of each of the others; 0
            of those that are retrained already.
        search_epochs: of a trial.
        num_examples: that trials were judged by.
        num_slots: trainings that run at once.
        available_s: seconds of an epoch of each that is retrained -> wall seconds for all
            retrainings.
        trivial_gain: what a trivial model reaches, by the metric's gain over 0; None where nobody
            knows: then as far below the worst network as the best one is above it.
    """
    known = [*winners, *others]

    def times_of(places: Sequence[int]) -> float:
        seconds = [epoch_s[place] for place in places if epoch_s[place] > 0]
        if not seconds:
            return _MOST_TIMES
        epochs = Room(seconds, num_slots, available_s(seconds)).epochs
        return min(epochs / search_epochs, _MOST_TIMES)

    enough = max(ENOUGH_EPOCHS / search_epochs, ENOUGH_TIMES)
    judged = [place for place, one in enumerate(known) if math.isfinite(_gain(one, metric))]
    quick = [place for place in judged if times_of([place]) >= enough]
    if not quick:  # what is quickest gets nearest to it
        return [winners[min(range(len(winners)), key=lambda place: epoch_s[place])]]
    front = _ExpectedFront(
        {place: _size(known[place]) for place in quick},
        {place: _gain(known[place], metric) for place in quick},
        trivial_gain=trivial_gain,
        is_share=metric.is_share,
    )
    doubt = _doubt(known, quick, metric, search_epochs=search_epochs, num_examples=num_examples)
    kept = [front.may_become_best(doubt)]
    least = front.least_times(times_of(kept)) if epoch_s[kept[0]] > 0 else 0.0

    def area(places: Sequence[int]) -> float:
        times = times_of(places)
        each = {place: times if epoch_s[place] > 0 else _MOST_TIMES for place in places}
        return front.area(each) if times >= max(least, enough) else -math.inf

    useful = front.useful(epoch_s)
    while left := [place for place in useful if place not in kept]:
        following = max(left, key=lambda place: area([*kept, place]))
        if area([*kept, following]) <= area(kept):
            break
        kept.append(following)
    return sorted((known[place] for place in kept), key=_size)


def trial_epochs_s(winners: Sequence[Winner], search_epochs: int) -> list[float]:
    """Return the seconds of an epoch of each winner's trial; 0 where there is none."""
    records = [winner.record for winner in winners]
    taken = [r.metrics.get("seconds", r.seconds) if r is not None else 0.0 for r in records]
    shares = [r.metrics.get("training_share", 1.0) if r is not None else 1.0 for r in records]
    return [seconds / (search_epochs * s) for seconds, s in zip(taken, shares, strict=True)]


def _doubt(
    known: Sequence[Winner],
    places: Sequence[int],
    metric: WinnerMetric,
    *,
    search_epochs: int,
    num_examples: int,
) -> float:
    """Return what trials cannot tell of two networks whose sizes differ DOUBTED_FACTOR times."""
    if not metric.is_share:
        return 0.0
    best = max(_told(known[place], metric.metric) for place in places)
    return DOUBT / search_epochs + sampling_std(best, num_examples=num_examples)


class _ExpectedFront:
    """What retrainings of some networks would reach, by their trials.

    Args:
        sizes: bytes of each network, by its place.
        gains: how good its trial was; higher is better.
        trivial_gain: what a trivial model reaches; None where nobody knows.
        is_share: a gain is a share of right answers, so that the rest to 1 are errors. Of other
            metrics the best trial is taken to lack as much as it is better than a trivial model.
    """

    def __init__(
        self,
        sizes: Mapping[int, float],
        gains: Mapping[int, float],
        *,
        trivial_gain: float | None,
        is_share: bool,
    ) -> None:
        # Sizes count by the factor between two of them, which DOUBTED_FACTOR is the unit of.
        self._logs = {p: math.log(max(1, size), DOUBTED_FACTOR) for p, size in sizes.items()}
        self._end = max(self._logs.values()) + 1  # what is best is of use for larger devices, too
        self._range = self._end - min(self._logs.values())
        self._gains = gains
        worst, self._best = min(gains.values()), max(gains.values())
        self._base = 2 * worst - self._best if trivial_gain is None else min(trivial_gain, worst)
        self._errors = 1.0 - self._best if is_share else self._best - self._base

    def may_become_best(self, doubt: float) -> int:
        """Return the place of the network that may become the best; of equal ones the smallest.

        Args:
            doubt: what trials cannot tell of two networks whose sizes differ DOUBTED_FACTOR times.
        """
        doubt = min(doubt, self._errors)  # none is better than without errors
        close = [place for place, gain in self._gains.items() if gain >= self._best - doubt]
        expected = {p: self._gains[p] + doubt * self._logs[p] for p in close}
        return max(close, key=lambda place: (expected[place], -self._logs[place]))

    def useful(self, epoch_s: Sequence[float]) -> list[int]:
        """Return the places of networks that no other beats in size, gain and seconds at once."""
        table = [(self._logs[p], -gain, epoch_s[p]) for p, gain in self._gains.items()]
        is_useful = front_mask(table)
        return [place for place, keeps in zip(self._gains, is_useful, strict=True) if keeps]

    def area(self, times: Mapping[int, float]) -> float:
        """Return the area below the front of some networks.

        Args:
            times: place of each network -> times the epochs of a trial, that it trains.
        """
        ordered = sorted(times, key=lambda place: self._logs[place])
        ends = [*(self._logs[place] for place in ordered[1:]), self._end]
        # Smaller than all of them there is nothing, and that lacks as much as the smallest does.
        reached = self._base - self._lack(times[ordered[0]])
        area = (reached - self._base) * (self._range - (self._end - self._logs[ordered[0]]))
        for place, end in zip(ordered, ends, strict=True):
            reached = max(reached, self._gains[place] - self._lack(times[place]))
            area += (reached - self._base) * (end - self._logs[place])
        return area

    def least_times(self, alone: float) -> float:
        """Return how long the first network must train beside others.

        Args:
            alone: times the epochs of a trial, that it trains alone.
        """
        most = self._lack(alone) + MOST_COST * (self._best - self._base)
        return (LACK * self._errors / most) ** 2 if most > 0 else 0.0

    def _lack(self, times: float) -> float:
        return LACK * self._errors / math.sqrt(times)


def _gain(winner: Winner, metric: WinnerMetric) -> float:
    return metric.gain(_told(winner, metric.metric), 0.0)


def _size(winner: Winner) -> float:
    return _told(winner, "size_bytes")


def _told(winner: Winner, metric: str) -> float:
    assert winner.record is not None, "only trials of a search win"
    return float(winner.record.metrics.get(metric, math.nan))
