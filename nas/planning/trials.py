"""How long do trials train, and how many are there, in the time that a command has?

More time makes trials longer and more of them, by its square root each: a search that is twice as
long has trials that are 1.4 times as long. Where there is too little of it for trials that are
long enough to choose by, images are made smaller first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.planning.facts import SpaceSpeed

GOOD_NUM_TRIALS = 20  # of as many epochs as are wanted
LEAST_NUM_TRIALS = 6
MOST_TIMES_EPOCHS = 4.0  # times the epochs that are wanted: more changes no ranking
SHORT_EPOCHS = 0.6  # share of the wanted epochs below which smaller images are better
LARGEST_SHARE = 0.15  # of the search's time that one trial may take


@dataclass(frozen=True)
class WantedTrials:
    """What is asked for.

    Attributes:
        seconds: wall time of the search; None for no limit.
        num_workers: trials at once.
        epochs: that suit the data.
        num_trials: that suit the data, without a limit.
        are_epochs_given: the user said how many; they stand.
        is_number_given: the same of the trials.
    """

    seconds: float | None
    num_workers: int
    epochs: int
    num_trials: int
    are_epochs_given: bool = False
    is_number_given: bool = False


@dataclass(frozen=True)
class TrialPlan:
    """What trials of a search are.

    Attributes:
        side: largest side of the images, in pixels.
        epochs: of each.
        num_trials: about how many there are.
        trial_s: mean wall time of one.
        seconds: expected wall time of the search.
        most_macs: that a network may have, so that no trial takes too long; None for no limit.
    """

    side: int
    epochs: int
    num_trials: int
    trial_s: float
    seconds: float
    most_macs: float | None = None


def plan_trials(wanted: WantedTrials, speeds: Sequence[SpaceSpeed]) -> TrialPlan:
    """Return what fits in the time.

    Args:
        wanted: what is asked for.
        speeds: of the space at sides that may be taken, the largest first.
    """
    plans = []
    for speed in speeds:
        plan = _planned(wanted, speed)
        plans.append(plan)
        is_long = plan.epochs >= SHORT_EPOCHS * wanted.epochs
        if wanted.seconds is None or (is_long and plan.num_trials >= LEAST_NUM_TRIALS):
            return plan
    return plans[-1]


def _planned(wanted: WantedTrials, speed: SpaceSpeed) -> TrialPlan:
    if wanted.seconds is None:
        return _as_plan(wanted, speed, wanted.epochs, wanted.num_trials, most_macs=None)
    epochs, most_macs, number = wanted.epochs, None, wanted.num_trials
    for _ in range(4):  # fewer large networks leave time for longer trials, and so on
        epoch_s = speed.mean_epoch_s(most_macs=most_macs)
        epochs, number = _shared_out(wanted, wanted.seconds * wanted.num_workers / epoch_s)
        most_macs = speed.most_macs(epoch_s=LARGEST_SHARE * wanted.seconds / epochs)
    return _as_plan(wanted, speed, epochs, number, most_macs=most_macs)


def _shared_out(wanted: WantedTrials, num_epochs: float) -> tuple[int, int]:
    """Return epochs and number of trials that together take so many epochs."""
    if wanted.are_epochs_given:
        fits = int(num_epochs / wanted.epochs)
        return wanted.epochs, wanted.num_trials if wanted.is_number_given else max(1, fits)
    most = max(1, round(MOST_TIMES_EPOCHS * wanted.epochs))
    if wanted.is_number_given:
        return min(most, max(1, int(num_epochs / wanted.num_trials))), wanted.num_trials
    times = math.sqrt(num_epochs / (GOOD_NUM_TRIALS * wanted.epochs))
    epochs = min(most, max(1, round(wanted.epochs * times)))
    return epochs, max(1, int(num_epochs / epochs))


def _as_plan(
    wanted: WantedTrials,
    speed: SpaceSpeed,
    epochs: int,
    number: int,
    *,
    most_macs: float | None,
) -> TrialPlan:
    trial_s = epochs * speed.mean_epoch_s(most_macs=most_macs)
    return TrialPlan(
        side=speed.side,
        epochs=epochs,
        num_trials=number,
        trial_s=trial_s,
        seconds=trial_s * max(1.0, number / wanted.num_workers),
        most_macs=most_macs,
    )
