"""Which networks are worth their time, where there is too little of it for the whole front?

A network that is trained about as long as its trial was is no better than the trial, so a short
budget goes to few networks, and to none that is too slow for it: the best one, then the best that
is much smaller, and so on down to the smallest; where time is left, further members of the front.

Short trials favour small networks: after few epochs a large network may be behind a small one, and
ahead of it after many. So the best of a range of sizes counts with all trials that are as good as
far as so few epochs can tell, on the front or not, and each counts for more the larger it is: a
network that is three times larger may be behind by all that so few epochs hide, one of nearly the
same size by nearly nothing. The best by that count that there is time for is taken.
"""

import math
from collections.abc import Callable, Sequence

from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import Winner
from nas.finish.intervals import sampling_std
from nas.finish.length import Room

# Epochs, and times the epochs of its trial, that the first winner must be able to train. On photos
# wide networks that trained 8 to 14 epochs were ahead of narrow ones that trained 30 to 80 in the
# same time (experiments/photos); with fewer they were behind.
ENOUGH_EPOCHS, ENOUGH_TIMES = 8, 2.5
# Times the epochs of its trial that each winner must be able to train, for a further one to be
# taken: on photos a training of half the time cost the best network two to four points (23 epochs
# in the place of 46).
LEAST_TIMES = 8
# The same for one that is much smaller than all before it. With 8 half an hour of CIFAR-10 took no
# network between 24 and 233 kB, for want of two epochs of 32 (experiments/time_to_front).
LEAST_TIMES_SMALLER = 6
# The same for much smaller ones that together take at most this share of the time of the first.
# Without it half an hour retrained no network below 700 kB.
BESIDE, LEAST_TIMES_BESIDE = 0.75, 5
# What an accuracy after one epoch may hide; after more it is a part: 9 points after 4, 2 after
# 20 epochs. What chance makes of few validation images comes on top. Four networks whose trials
# of 7 epochs had 55 to 70 % gained 5 to 14 points when they trained on (experiments/photos).
DOUBT = 0.35
SMALLER = 3.0  # so many times smaller is much smaller


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
) -> list[Winner]:
    """Return the networks that can train long enough, at least one, smallest first.

    Args:
        winners: members of the front, each with its trial.
        others: trials that are on no front, and may be better than they seem.
        metric: what they are judged by.
        epoch_s: seconds of an epoch of a retraining of each winner, then of each of the others.
        search_epochs: of a trial.
        num_examples: that trials were judged by.
        num_slots: trainings that run at once.
        available_s: seconds of an epoch of each that is retrained -> wall seconds for all
            retrainings.
    """
    known = [*winners, *others]

    def fit(places: Sequence[int], epochs: float) -> bool:
        seconds = [epoch_s[place] for place in places]
        room = Room(seconds, num_slots, available_s(seconds))
        return room.fits([round(epochs)] * len(places), num_seeds=1)

    enough = max(ENOUGH_EPOCHS, ENOUGH_TIMES * search_epochs)
    quick = [place for place in range(len(known)) if fit([place], enough)]
    if not quick:  # what is quickest gets nearest to it
        return [winners[min(range(len(winners)), key=lambda place: epoch_s[place])]]
    doubt = 0.0
    if metric.is_share:
        best = max(_told(known[place], metric.metric) for place in quick)
        doubt = DOUBT / search_epochs + sampling_std(best, num_examples=num_examples)

    def fits_too(kept: Sequence[int], place: int) -> bool:
        return not kept or fit([*kept, place], LEAST_TIMES * search_epochs)

    def fits_beside(kept: Sequence[int], place: int) -> bool:
        if not kept:
            return True
        beside_s = sum(epoch_s[other] for other in [*kept[1:], place])
        takes_little = beside_s <= BESIDE * epoch_s[kept[0]]
        times = LEAST_TIMES_BESIDE if takes_little else LEAST_TIMES_SMALLER
        return fit([*kept, place], times * search_epochs)

    kept = _by_sizes(known, quick, metric, doubt=doubt, fits_too=fits_beside)
    members = [place for place in quick if place < len(winners) and place not in kept]
    for place in sorted(members, key=lambda place: -_gain(known[place], metric)):
        if fits_too(kept, place):
            kept.append(place)
    return sorted((known[place] for place in kept), key=lambda w: _told(w, "size_bytes"))


def trial_epochs_s(winners: Sequence[Winner], search_epochs: int) -> list[float]:
    """Return the seconds of an epoch of each winner's trial; 0 where there is none."""
    records = [winner.record for winner in winners]
    taken = [r.metrics.get("seconds", r.seconds) if r is not None else 0.0 for r in records]
    shares = [r.metrics.get("training_share", 1.0) if r is not None else 1.0 for r in records]
    return [seconds / (search_epochs * s) for seconds, s in zip(taken, shares, strict=True)]


def _by_sizes(
    known: Sequence[Winner],
    places: Sequence[int],
    metric: WinnerMetric,
    *,
    doubt: float,
    fits_too: Callable[[Sequence[int], int], bool],
) -> list[int]:
    """Return the places of the best network, the best that is much smaller, and so on.

    Args:
        known: networks.
        places: of those that may be taken.
        metric: what they are judged by.
        doubt: what the trials cannot tell of two networks whose sizes differ SMALLER times.
        fits_too: whether there is time for one beside those that are taken.
    """
    gains = {place: _gain(known[place], metric) for place in places}
    sizes = {place: _told(known[place], "size_bytes") for place in places}
    expected = {p: gains[p] + doubt * math.log(max(1, sizes[p]), SMALLER) for p in places}
    taken: list[int] = []
    left = sorted(places, key=lambda place: (-expected[place], -sizes[place]))
    while left:
        best = max(gains[place] for place in left)
        close = [place for place in left if gains[place] >= best - doubt]
        found = next((place for place in close if fits_too(taken, place)), None)
        if found is None:
            left = [place for place in left if place not in close]
        else:
            taken.append(found)
            left = [place for place in left if SMALLER * sizes[place] <= sizes[found]]
    return taken


def _gain(winner: Winner, metric: WinnerMetric) -> float:
    return metric.gain(_told(winner, metric.metric), 0.0)


def _told(winner: Winner, metric: str) -> float:
    assert winner.record is not None, "only trials of a search win"
    return float(winner.record.metrics.get(metric, math.nan))
