"""How long do trials train, and how many are there, in the time that a command has?

More time makes trials longer and more of them, by its square root each: a search that is twice as
long has trials that are 1.4 times as long. Where there is too little of it for some trials of
several epochs, images are made smaller. What the space recommends is left out as too slow only
where its trial would take most of the search, and the quickest of it never: on photos such
networks learn three times as fast as others (experiments/photos).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nas.planning.facts import SpaceSpeed

GOOD_NUM_TRIALS = 20  # of as many epochs as are wanted
LEAST_NUM_TRIALS = 3  # fewer leave nothing to choose
MOST_TIMES_EPOCHS = 4.0  # times the epochs that are wanted: more changes no ranking
SHORTEST = 4  # epochs: after fewer, all networks are about as bad
LARGEST_SHARE = 0.15  # of the search's time that one trial may take; more where it has few
# Likewise of a network that the space recommends: a wide one learns more than its trial shows.
LARGEST_RECOMMENDED_SHARE = 0.6
_ROOM = 1.06  # limits are told in two digits, and must let the recommended network pass


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
        is_long = plan.epochs >= min(SHORTEST, wanted.epochs)
        if wanted.seconds is None or (is_long and _has_choice(plan, speed, wanted)):
            return plan
    return plans[-1]


def _has_choice(plan: TrialPlan, speed: SpaceSpeed, wanted: WantedTrials) -> bool:
    """Say whether there is time for some trials, or for as many of what the space recommends."""
    if plan.num_trials >= LEAST_NUM_TRIALS or wanted.seconds is None:
        return True
    named = [one.epoch_s for one in (speed.recommended, *speed.further) if one is not None]
    known_s = plan.epochs * sum(named[:LEAST_NUM_TRIALS])
    return len(named) >= LEAST_NUM_TRIALS and known_s <= wanted.num_workers * wanted.seconds


def _planned(wanted: WantedTrials, speed: SpaceSpeed) -> TrialPlan:
    if wanted.seconds is None:
        return _as_plan(wanted, speed, wanted.epochs, wanted.num_trials, most_macs=None)
    speed = _led_in_time(speed, wanted.seconds / min(SHORTEST, wanted.epochs))
    epochs, most_macs, number = wanted.epochs, None, wanted.num_trials
    for _ in range(4):  # fewer large networks leave time for longer trials, and so on
        epoch_s = speed.usual_epoch_s(most_macs=most_macs)
        epochs, number = _shared_out(wanted, wanted.seconds * wanted.num_workers / epoch_s)
        share = max(LARGEST_SHARE, 1 / number)
        longest = LARGEST_RECOMMENDED_SHARE * wanted.seconds / epochs
        most_macs = _most_macs(speed, share * wanted.seconds / epochs, longest)
    return _as_plan(wanted, speed, epochs, number, most_macs=most_macs)


def _led_in_time(speed: SpaceSpeed, seconds: float) -> SpaceSpeed:
    """Return the speed with that recommended network as the first which leaves time for others.

    Args:
        speed: of a space.
        seconds: of an epoch, if one short trial took all of the search.
    """
    if speed.recommended is None:
        return speed
    named = [speed.recommended, *speed.further]
    quick = [one for one in named if one.epoch_s <= LARGEST_RECOMMENDED_SHARE * seconds]
    first = quick[0] if quick else min(named, key=lambda one: one.epoch_s)
    return replace(speed, recommended=first, further=[one for one in named if one is not first])


def _most_macs(speed: SpaceSpeed, epoch_s: float, longest_s: float) -> float | None:
    """Return the limit for trials whose epochs may take so long; recommended ones longer."""
    known = speed.recommended
    if known is None:
        return speed.most_macs(epoch_s=epoch_s)
    found = speed.most_macs(epoch_s=max(epoch_s, known.epoch_s))
    passing = [known, *(one for one in speed.further if one.epoch_s <= longest_s)]
    return None if found is None else max(found, *(_ROOM * one.num_macs for one in passing))


def _shared_out(wanted: WantedTrials, num_epochs: float) -> tuple[int, int]:
    """Return epochs and number of trials that together take so many epochs."""
    if wanted.are_epochs_given:
        fits = int(num_epochs / wanted.epochs)
        return wanted.epochs, wanted.num_trials if wanted.is_number_given else max(1, fits)
    most = max(1, round(MOST_TIMES_EPOCHS * wanted.epochs))
    if wanted.is_number_given:
        return min(most, max(1, int(num_epochs / wanted.num_trials))), wanted.num_trials
    times = math.sqrt(num_epochs / (GOOD_NUM_TRIALS * wanted.epochs))
    least = max(1, min(SHORTEST, wanted.epochs, int(num_epochs)))
    epochs = min(most, max(least, round(wanted.epochs * times)))
    return epochs, max(1, int(num_epochs / epochs))


def _as_plan(
    wanted: WantedTrials,
    speed: SpaceSpeed,
    epochs: int,
    number: int,
    *,
    most_macs: float | None,
) -> TrialPlan:
    trial_s = epochs * speed.usual_epoch_s(most_macs=most_macs)
    return TrialPlan(
        side=speed.side,
        epochs=epochs,
        num_trials=number,
        trial_s=trial_s,
        seconds=trial_s * max(1.0, number / wanted.num_workers),
        most_macs=most_macs,
    )
