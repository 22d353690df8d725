"""Which networks are worth their time, where there is too little of it for the whole front?

A network that is trained about as long as its trial was is no better than the trial, so a short
budget goes to few networks, and to none that is too slow for it: the best one, then the best that
is much smaller, and so on down to the smallest; where time is left, further members of the front.

Short trials favour networks that learn quickly: small ones, and those that see small images. Those
that need more time for an epoch are often behind them after few epochs, and ahead after many. So
the best of a range of sizes counts with all trials that are as good as far as so few epochs can
tell, and the one with the longest epochs is taken, whether it is on the front or not.
"""

import math
from collections.abc import Callable, Sequence

from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import Winner
from nas.finish.length import Room

# Epochs, and times the epochs of its trial, that the first winner must be able to train. On photos
# wide networks that trained 8 to 14 epochs were ahead of narrow ones that trained 30 to 80 in the
# same time (experiments/photos); with fewer they were behind.
ENOUGH_EPOCHS, ENOUGH_TIMES = 8, 2.5
# The same for each winner, for a further one to be taken: on photos a training of half the time
# cost the best network two to four points (23 epochs in the place of 46), which a second winner of
# a third of the bytes is worth.
LEAST_TIMES = 6
# What an accuracy after one epoch may hide; after more it is a part: 10 points after 4, 2 after
# 20 epochs. Four networks whose trials of 7 epochs had 55 to 70 % gained 5 to 14 points when they
# trained on (experiments/photos).
DOUBT = 0.4
SMALLER = 3.0  # so many times smaller is much smaller


def affordable(
    winners: Sequence[Winner],
    others: Sequence[Winner] = (),
    *,
    metric: WinnerMetric,
    epoch_s: Sequence[float],
    search_epochs: int,
    num_slots: int,
    available_s: Callable[[int], float],
) -> list[Winner]:
    """Return the networks that can train long enough, at least one, smallest first.

    Args:
        winners: members of the front, each with its trial.
        others: trials that are on no front, and may be better than they seem.
        metric: what they are judged by.
        epoch_s: seconds of an epoch of a retraining of each winner, then of each of the others.
        search_epochs: of a trial.
        num_slots: trainings that run at once.
        available_s: how many are retrained -> wall seconds for all retrainings.
    """
    known = [*winners, *others]

    def fit(places: Sequence[int], epochs: float) -> bool:
        seconds = [epoch_s[place] for place in places]
        room = Room(seconds, num_slots, available_s(len(places)))
        return room.fits([round(epochs)] * len(places), num_seeds=1)

    enough = max(ENOUGH_EPOCHS, ENOUGH_TIMES * search_epochs)
    quick = [place for place in range(len(known)) if fit([place], enough)]
    if not quick:  # what is quickest gets nearest to it
        return [winners[min(range(len(winners)), key=lambda place: epoch_s[place])]]
    doubt = DOUBT / search_epochs if metric.is_share else 0.0
    quick_s = [epoch_s[place] for place in quick]
    by_size = _by_sizes([known[place] for place in quick], metric, quick_s, doubt=doubt)
    members = [place for place in quick if place < len(winners)]
    by_gain = _best_first([winners[place] for place in members], metric)
    waiting = [*(quick[place] for place in by_size), *(members[place] for place in by_gain)]
    kept = waiting[:1]
    for place in waiting[1:]:
        more = list(dict.fromkeys([*kept, place]))
        if not fit(more, LEAST_TIMES * search_epochs):
            break
        kept = more
    return sorted((known[place] for place in kept), key=lambda w: _told(w, "size_bytes"))


def trial_epochs_s(winners: Sequence[Winner], search_epochs: int) -> list[float]:
    """Return the seconds of an epoch of each winner's trial; 0 where there is none."""
    records = [winner.record for winner in winners]
    taken = [r.metrics.get("seconds", r.seconds) if r is not None else 0.0 for r in records]
    shares = [r.metrics.get("training_share", 1.0) if r is not None else 1.0 for r in records]
    return [seconds / (search_epochs * s) for seconds, s in zip(taken, shares, strict=True)]


def _by_sizes(
    known: Sequence[Winner], metric: WinnerMetric, epoch_s: Sequence[float], *, doubt: float
) -> list[int]:
    """Return the places of the best network, the best that is much smaller, and so on."""
    gains = [metric.gain(_told(winner, metric.metric), 0.0) for winner in known]
    sizes = [_told(winner, "size_bytes") for winner in known]
    taken: list[int] = []
    left = list(range(len(known)))
    while left:
        best = max(gains[place] for place in left)
        close = [place for place in left if gains[place] >= best - doubt]
        taken.append(max(close, key=lambda place: (epoch_s[place], gains[place], -sizes[place])))
        left = [place for place in left if SMALLER * sizes[place] <= sizes[taken[-1]]]
    return taken


def _best_first(winners: Sequence[Winner], metric: WinnerMetric) -> list[int]:
    """Return the places of the winners, by what they reached; the smaller first where equal."""
    gains = [metric.gain(_told(winner, metric.metric), 0.0) for winner in winners]
    sizes = [_told(winner, "size_bytes") for winner in winners]
    return sorted(range(len(winners)), key=lambda place: (-gains[place], sizes[place]))


def _told(winner: Winner, metric: str) -> float:
    assert winner.record is not None, "only trials of a search win"
    return float(winner.record.metrics.get(metric, math.nan))
