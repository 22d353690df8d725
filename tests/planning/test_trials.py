"""How a time becomes trials. The speed is simple: an epoch of any network takes one second."""

from dataclasses import replace

import pytest

from nas.planning.facts import KnownLearner, SpaceSpeed
from nas.planning.trials import (
    LARGEST_RECOMMENDED_SHARE,
    LARGEST_SHARE,
    SHORTEST,
    WantedTrials,
    plan_trials,
)

ONE_SECOND = SpaceSpeed(side=64, num_macs=(1e6, 2e6, 4e6), epoch_s=(1.0, 1.0, 1.0))
WANTED = WantedTrials(seconds=None, num_workers=2, epochs=20, num_trials=30)


def test_without_a_budget_trials_are_as_the_data_want_them():
    plan = plan_trials(WANTED, [ONE_SECOND])
    assert (plan.epochs, plan.num_trials, plan.trial_s) == (20, 30, 20.0)
    assert plan.seconds == pytest.approx(300.0)  # 30 trials of 20 s, two at once
    assert plan.most_macs is None


@pytest.mark.parametrize("seconds", [60, 200, 800, 3200])
def test_what_is_planned_fits_the_budget(seconds):
    plan = plan_trials(replace(WANTED, seconds=seconds), [ONE_SECOND])
    spent = plan.num_trials * plan.trial_s
    assert spent <= 2 * seconds
    assert spent > 2 * seconds - plan.trial_s  # no further trial would fit


def test_four_times_the_time_makes_trials_twice_as_long_and_twice_as_many():
    short, long = (plan_trials(replace(WANTED, seconds=s), [ONE_SECOND]) for s in (200, 800))
    assert (short.epochs, short.num_trials) == (20, 20)
    assert (long.epochs, long.num_trials) == (40, 40)


def test_epochs_that_were_given_stand():
    wanted = replace(WANTED, seconds=200, epochs=50, are_epochs_given=True)
    plan = plan_trials(wanted, [ONE_SECOND])
    assert (plan.epochs, plan.num_trials) == (50, 8)


def test_a_number_of_trials_that_was_given_stands():
    wanted = replace(WANTED, seconds=200, num_trials=10, is_number_given=True)
    plan = plan_trials(wanted, [ONE_SECOND])
    assert (plan.epochs, plan.num_trials) == (40, 10)


def test_images_are_made_smaller_where_trials_would_be_too_short():
    quicker = SpaceSpeed(side=32, num_macs=(1e6,), epoch_s=(0.25,))
    short = plan_trials(replace(WANTED, seconds=4), [ONE_SECOND, quicker])
    long = plan_trials(replace(WANTED, seconds=300), [ONE_SECOND, quicker])
    assert (short.side, long.side) == (32, 64)


def test_no_trial_takes_more_than_its_share_of_the_time():
    macs = tuple(1e6 * n for n in range(1, 101))
    speed = SpaceSpeed(64, macs, tuple(n / 10 for n in range(1, 101)))
    plan = plan_trials(replace(WANTED, seconds=300), [speed])
    assert plan.most_macs is not None
    assert plan.most_macs / 1e6 / 10 * plan.epochs <= 1.1 * LARGEST_SHARE * 300


@pytest.mark.parametrize("seconds", [6, 20, 100])
def test_what_the_space_recommends_is_never_left_out_as_too_slow(seconds):
    macs = tuple(1e6 * n for n in range(1, 101))
    known = KnownLearner(num_macs=20e6, epoch_s=2.0)
    speed = SpaceSpeed(64, macs, tuple(n / 10 for n in range(1, 101)), known)
    plan = plan_trials(replace(WANTED, seconds=seconds), [speed])
    assert plan.most_macs > 20e6
    assert plan.trial_s == pytest.approx(2.0 * plan.epochs)


@pytest.mark.parametrize(("seconds", "epoch_s"), [(200, 10.0), (40, 2.0), (4, 2.0)])
def test_trials_are_planned_by_the_surest_network_that_leaves_time_for_others(seconds, epoch_s):
    wide, narrow = KnownLearner(100e6, 10.0), KnownLearner(20e6, 2.0)
    macs = tuple(1e6 * n for n in range(1, 201))
    speed = SpaceSpeed(64, macs, tuple(n / 10 for n in range(1, 201)), wide, (narrow,))
    plan = plan_trials(replace(WANTED, seconds=seconds, num_workers=1), [speed])
    assert plan.trial_s == pytest.approx(epoch_s * plan.epochs)


def test_images_stay_large_where_there_is_time_for_three_networks_that_are_recommended():
    wide, narrow = KnownLearner(100e6, 2.0), KnownLearner(20e6, 0.5)
    speed = SpaceSpeed(64, (100e6,), (2.0,), wide, (narrow, narrow))
    smaller = SpaceSpeed(32, (25e6,), (0.5,), KnownLearner(25e6, 0.5))
    wanted = replace(WANTED, num_workers=1)
    some, few = (plan_trials(replace(wanted, seconds=s), [speed, smaller]) for s in (15, 4))
    assert (some.side, some.num_trials) == (64, 1)
    assert few.side == 32


@pytest.mark.parametrize(("epoch_s", "passes"), [(2.5, True), (4.0, False)])
def test_a_further_recommended_network_passes_where_its_trial_leaves_time_for_others(
    epoch_s, passes
):
    macs = tuple(1e6 * n for n in range(1, 201))
    first, further = KnownLearner(10e6, 1.0), KnownLearner(10e6 * epoch_s, epoch_s)
    speed = SpaceSpeed(64, macs, tuple(n / 10 for n in range(1, 201)), first, (further,))
    plan = plan_trials(replace(WANTED, seconds=40), [speed])
    assert plan.epochs * 2.5 < LARGEST_RECOMMENDED_SHARE * 40 < plan.epochs * 4.0
    assert (plan.most_macs > further.num_macs) == passes


def test_little_time_makes_fewer_trials_and_not_ones_of_an_epoch():
    plan = plan_trials(replace(WANTED, seconds=8), [ONE_SECOND])  # 16 epochs
    assert (plan.epochs, plan.num_trials) == (SHORTEST, 4)


def test_less_time_than_one_short_trial_needs_is_one_trial():
    plan = plan_trials(replace(WANTED, seconds=1), [ONE_SECOND])
    assert (plan.epochs, plan.num_trials) == (2, 1)
