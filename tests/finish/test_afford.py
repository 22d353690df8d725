"""Which winners a short budget is spent on. Each takes a second an epoch, one at a time."""

import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish.afford import (
    BESIDE,
    DOUBT,
    ENOUGH_TIMES,
    LEAST_TIMES,
    LEAST_TIMES_BESIDE,
    LEAST_TIMES_SMALLER,
    affordable,
    trial_epochs_s,
)
from nas.finish.confirm import candidate_of
from tests.finish.conftest import record

EPOCHS, MANY = 5, 10**9
# Four members of a front, each much smaller than the next one, which is better.
MEMBERS = [
    candidate_of(record(number, channels=2 + number, accuracy=accuracy, size_bytes=size))
    for number, (accuracy, size) in enumerate([(0.1, 1e3), (0.3, 1e4), (0.5, 1e5), (0.8, 1e6)])
]


def kept(available_s, *, num_slots=1, epoch_s=(1.0, 1.0, 1.0, 1.0)):
    winners = affordable(
        MEMBERS,
        metric=ACCURACY,
        epoch_s=epoch_s,
        search_epochs=EPOCHS,
        num_examples=MANY,
        num_slots=num_slots,
        available_s=available_s if callable(available_s) else lambda _: available_s,
    )
    return [MEMBERS.index(winner) for winner in winners]


@pytest.mark.parametrize(
    ("num_long", "expected"), [(1, [3]), (2, [2, 3]), (3, [1, 2, 3]), (4, [0, 1, 2, 3])]
)
def test_time_for_some_long_trainings_takes_the_best_then_smaller_and_smaller_ones(
    num_long, expected
):
    assert kept(num_long * LEAST_TIMES_SMALLER * EPOCHS) == expected


def test_time_for_files_depends_on_what_an_epoch_of_each_takes():
    plenty = LEAST_TIMES_SMALLER * EPOCHS * 4 + 4

    assert kept(lambda epoch_s: plenty - sum(epoch_s)) == [0, 1, 2, 3]
    assert kept(lambda epoch_s: plenty - 10 * sum(epoch_s)) == [1, 2, 3]


def test_two_workers_train_two_winners_in_the_time_of_one():
    assert kept(1.5 * LEAST_TIMES_SMALLER * EPOCHS, num_slots=2) == [2, 3]


def test_what_is_too_slow_for_the_time_makes_way_for_the_next_best():
    assert kept(ENOUGH_TIMES * EPOCHS, epoch_s=(0.5, 0.8, 0.9, 1.2)) == [2]


def test_a_single_winner_may_train_for_less_time_than_each_of_two():
    assert kept(ENOUGH_TIMES * EPOCHS + 1) == [3]


def test_where_all_are_too_slow_the_quickest_is_trained():
    assert kept(1.0, epoch_s=(0.3, 0.2, 0.5, 1.0)) == [1]


def trial(number, accuracy, size_bytes):
    told = record(number, channels=2 + number, accuracy=accuracy, size_bytes=size_bytes)
    return candidate_of(told)


def chosen(front, others, *, epoch_s, num_long, num_examples=MANY):
    return affordable(
        front,
        others,
        metric=ACCURACY,
        epoch_s=epoch_s,
        search_epochs=EPOCHS,
        num_examples=num_examples,
        num_slots=1,
        available_s=lambda _: num_long * LEAST_TIMES * EPOCHS,
    )


@pytest.mark.parametrize(("behind", "is_taken"), [(0.9, True), (1.1, False)])
def test_a_larger_network_is_taken_where_its_trial_was_too_short_to_say_it_is_worse(
    behind, is_taken
):
    small, large = trial(0, 0.6, 1e5), trial(1, 0.6 - behind * DOUBT / EPOCHS, 2.9e5)
    found = chosen([small], [large], epoch_s=[1.0, 1.0], num_long=1.2)
    assert found == [large if is_taken else small]


@pytest.mark.parametrize(("num_examples", "is_taken"), [(100, True), (10_000, False)])
def test_a_larger_network_is_taken_where_few_images_cannot_say_that_it_is_worse(
    num_examples, is_taken
):
    """Of 0.6 a hundred images are 4.9 points uncertain, ten thousand half a point."""
    small, large = trial(0, 0.6, 1e5), trial(1, 0.57 - DOUBT / EPOCHS, 2.9e5)
    found = chosen([small], [large], epoch_s=[1.0, 1.0], num_long=1.2, num_examples=num_examples)
    assert found == [large if is_taken else small]


@pytest.mark.parametrize(("accuracy", "is_taken"), [(0.57, True), (0.56, False)])
def test_of_much_smaller_networks_too_a_larger_one_that_may_be_as_good_is_taken(
    accuracy, is_taken
):
    """Seven points are hidden, of which one and a half times the size makes two and a half."""
    large, small, other = trial(0, 0.6, 1e6), trial(1, 0.59, 2e5), trial(2, accuracy, 3e5)
    found = chosen([large, small], [other], epoch_s=[2.0, 0.5, 1.0], num_long=3.1)
    assert found == [other if is_taken else small, large]


def test_of_networks_of_nearly_the_same_size_the_more_accurate_is_taken():
    large, small, other = trial(0, 0.7, 1e6), trial(1, 0.65, 1.9e5), trial(2, 0.60, 1.96e5)
    found = chosen([large, small], [other], epoch_s=[2.0, 0.5, 0.5], num_long=3.1)
    assert found == [small, large]


def test_where_the_largest_takes_too_long_beside_the_first_the_next_is_taken():
    large, small, other = trial(0, 0.6, 1e6), trial(1, 0.59, 2e5), trial(2, 0.57, 3e5)
    found = chosen([large, small], [other], epoch_s=[2.0, 0.5, 9.0], num_long=3.1)
    assert found == [small, large]


@pytest.mark.parametrize(("share", "is_taken"), [(0.9, True), (1.1, False)])
def test_a_much_smaller_network_that_takes_less_than_the_first_needs_less_time(share, is_taken):
    large, small = trial(0, 0.6, 1e6), trial(1, 0.5, 1e5)
    seconds = [1.0, share * BESIDE]
    needed = sum(seconds) * LEAST_TIMES_BESIDE / LEAST_TIMES
    found = chosen([large, small], [], epoch_s=seconds, num_long=1.01 * needed)
    assert found == ([small, large] if is_taken else [large])


def test_a_network_that_is_hardly_smaller_waits_until_smaller_ones_have_their_time():
    front = [trial(0, 0.4, 1e4), trial(1, 0.59, 9e5), trial(2, 0.6, 1e6)]
    times = [0.5, 1.0, 2.0]
    assert chosen(front, [], epoch_s=times, num_long=2.6) == [front[0], front[2]]
    assert chosen(front, [], epoch_s=times, num_long=3.6) == front


def test_a_larger_network_that_is_too_slow_for_the_time_is_not_taken():
    small, large = trial(0, 0.6, 1e5), trial(1, 0.6, 4e5)
    found = affordable(
        [small],
        [large],
        metric=ACCURACY,
        epoch_s=[1.0, 2.0],
        search_epochs=EPOCHS,
        num_examples=MANY,
        num_slots=1,
        available_s=lambda _: 1.2 * ENOUGH_TIMES * EPOCHS,
    )
    assert found == [small]


def test_an_epoch_takes_its_share_of_the_trial():
    timed = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3, seconds=30.0))
    assert trial_epochs_s([timed], 6) == [5.0]
