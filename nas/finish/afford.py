"""Which winners are worth their time, where there is too little of it for all?

A winner that is trained about as long as its trial was is no better than the trial, so a short
budget goes to few networks, and to none that is too slow for it: the best of the others first,
then the one where accuracy and size are balanced best, then the rest by their accuracy.

Short trials favour small networks: after few epochs a large network may be behind a small one, and
ahead of it after many. So the best counts with all trials that are as good as far as so few epochs
can tell, and the largest of them is taken.
"""

from collections.abc import Callable, Sequence

import numpy as np

from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import Winner
from nas.finish.length import Room
from nas.pareto.select import knee

# Epochs, and times the epochs of its trial, that the first winner must be able to train. On photos
# wide networks that trained 8 to 14 epochs were ahead of narrow ones that trained 30 to 80 in the
# same time (experiments/photos); with fewer they were behind.
ENOUGH_EPOCHS, ENOUGH_TIMES = 8, 2.5
# The same for each winner, for a further one to be taken: half of the epochs cost a point or two,
# which is what a second winner is worth.
LEAST_TIMES = 6
# What an accuracy after one epoch may hide; after more it is a part: 7.5 points after 4, 1.5 after
# 20 epochs. Reasoned from single runs, not fitted.
DOUBT = 0.3


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
    kept = [_first([known[place] for place in quick], metric, doubt=doubt)]
    kept = [quick[place] for place in kept]
    members = [place for place in quick if place < len(winners)]
    for place in _best_first([winners[place] for place in members], metric) if members else ():
        more = list(dict.fromkeys([*kept, members[place]]))
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


def _first(known: Sequence[Winner], metric: WinnerMetric, *, doubt: float) -> int:
    """Return the place of the largest network that may be the best."""
    gains = [metric.gain(_told(winner, metric.metric), 0.0) for winner in known]
    close = [place for place, gain in enumerate(gains) if gain >= max(gains) - doubt]
    if not doubt:
        return max(close, key=lambda place: -_told(known[place], "size_bytes"))
    return max(close, key=lambda place: (_told(known[place], "size_bytes"), gains[place]))


def _best_first(winners: Sequence[Winner], metric: WinnerMetric) -> list[int]:
    """Return the places of the winners: the best, the knee, the others by what they reached."""
    losses = np.array([-metric.gain(_told(w, metric.metric), 0.0) for w in winners])
    sizes = np.array([_told(winner, "size_bytes") for winner in winners])
    balanced = knee(np.column_stack([losses, np.log(np.maximum(1.0, sizes))]))
    by_loss = sorted(range(len(winners)), key=lambda place: (losses[place], sizes[place]))
    return list(dict.fromkeys([by_loss[0], balanced, *by_loss]))


def _told(winner: Winner, metric: str) -> float:
    assert winner.record is not None, "only trials of a search win"
    return float(winner.record.metrics.get(metric, np.nan))
