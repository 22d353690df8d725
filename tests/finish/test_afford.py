"""Which winners a short budget is spent on. Each takes a second an epoch, one at a time."""

import pytest

from nas.evaluation.winner_metric import ACCURACY
from nas.finish.afford import DOUBT, ENOUGH_TIMES, affordable, trial_epochs_s
from nas.finish.confirm import candidate_of
from tests.finish.conftest import record

EPOCHS, MANY = 5, 10**9
ENOUGH = ENOUGH_TIMES * EPOCHS


def trial(number, accuracy, size_bytes):
    told = record(number, channels=2 + number, accuracy=accuracy, size_bytes=size_bytes)
    return candidate_of(told)


# Four members of a front, each much smaller than the next one, which is better.
MEMBERS = [
    trial(number, accuracy, size)
    for number, (accuracy, size) in enumerate([(0.2, 1e3), (0.4, 1e4), (0.6, 1e5), (0.8, 1e6)])
]


def kept(available_s, front=MEMBERS, others=(), *, epoch_s=None, num_examples=MANY, num_slots=1):
    known = [*front, *others]
    found = affordable(
        front,
        others,
        metric=ACCURACY,
        epoch_s=epoch_s or [1.0] * len(known),
        search_epochs=EPOCHS,
        num_examples=num_examples,
        num_slots=num_slots,
        available_s=available_s if callable(available_s) else lambda _: available_s,
        trivial_gain=0.1,
    )
    return [known.index(winner) for winner in found]


@pytest.mark.parametrize("num_long", [1, 2, 3, 4])
def test_never_more_are_taken_than_can_train_long_and_the_best_is_always_among_them(num_long):
    found = kept(num_long * ENOUGH)
    assert 1 <= len(found) <= num_long
    assert 3 in found


def test_with_much_time_all_are_taken():
    assert kept(1e9) == [0, 1, 2, 3]


def test_a_wide_gap_between_sizes_is_filled_before_a_narrow_one():
    front = [trial(0, 0.4, 1e3), trial(1, 0.6, 3e4), trial(2, 0.78, 9e5), trial(3, 0.8, 1e6)]
    assert kept(6 * ENOUGH, front) == [0, 1, 3]


def test_what_costs_the_others_more_than_it_brings_is_left_out():
    small, slow, large = trial(0, 0.4, 1e4), trial(1, 0.45, 1e5), trial(2, 0.8, 1e6)
    front = [small, slow, large]
    assert kept(40 * ENOUGH, front, epoch_s=[0.1, 0.1, 1.0]) == [0, 1, 2]
    assert kept(40 * ENOUGH, front, epoch_s=[0.1, 30.0, 1.0]) == [0, 2]


@pytest.mark.parametrize(("seconds", "is_taken"), [(0.2, True), (0.6, False)])
def test_no_other_network_costs_the_first_one_much(seconds, is_taken):
    """Of its 40 % of errors 1.4 points and 3.8 go with the epochs; 3.5 may (0.07 of 60 - 10)."""
    small, large = trial(0, 0.5, 1e3), trial(1, 0.6, 1e6)
    found = kept(2 * ENOUGH, [small, large], epoch_s=[seconds, 1.0])
    assert found == ([0, 1] if is_taken else [1])


def test_what_a_network_takes_of_the_time_for_files_counts():
    def left_after_files(share):
        return lambda epoch_s: 6 * ENOUGH - share * ENOUGH * sum(epoch_s)

    assert len(kept(left_after_files(0.0))) > len(kept(left_after_files(2.0)))


def test_two_workers_train_more_winners_in_the_same_time():
    assert len(kept(2 * ENOUGH, num_slots=2)) > len(kept(2 * ENOUGH))


def test_what_is_too_slow_for_the_time_makes_way_for_the_next_best():
    assert kept(ENOUGH, epoch_s=[0.5, 0.8, 0.9, 1.2]) == [2]


def test_where_all_are_too_slow_the_quickest_is_trained():
    assert kept(1.0, epoch_s=[0.3, 0.2, 0.5, 1.0]) == [1]


def test_networks_that_are_trained_already_take_no_time():
    assert kept(ENOUGH, epoch_s=[0.0, 0.0, 0.0, 1.0]) == [0, 1, 2, 3]


def test_what_the_first_network_does_not_need_goes_to_others():
    """It is trained already; of its 20 % of errors others can take nothing."""
    assert kept(ENOUGH, MEMBERS[2:], epoch_s=[1.0, 0.0]) == [0, 1]
    assert kept(ENOUGH, MEMBERS[2:], epoch_s=[1.0, 1.0]) == [1]


def test_where_a_small_network_makes_no_error_no_larger_one_is_better():
    front = [trial(0, 0.7, 4e2), trial(1, 1.0, 1e3)]
    assert kept(10 * ENOUGH, front, [trial(2, 1.0, 8e5)], num_examples=100) == [0, 1]


@pytest.mark.parametrize(("behind", "is_taken"), [(0.9, True), (1.1, False)])
def test_a_larger_network_is_taken_where_its_trial_was_too_short_to_say_it_is_worse(
    behind, is_taken
):
    small, large = trial(0, 0.6, 1e5), trial(1, 0.6 - behind * DOUBT / EPOCHS, 3e5)
    assert kept(1.2 * ENOUGH, [small], [large]) == [1 if is_taken else 0]


@pytest.mark.parametrize(("num_examples", "is_taken"), [(100, True), (10_000, False)])
def test_a_larger_network_is_taken_where_few_images_cannot_say_that_it_is_worse(
    num_examples, is_taken
):
    """Of 0.6 a hundred images are 4.9 points uncertain, ten thousand half a point."""
    small, large = trial(0, 0.6, 1e5), trial(1, 0.57 - DOUBT / EPOCHS, 3e5)
    found = kept(1.2 * ENOUGH, [small], [large], num_examples=num_examples)
    assert found == [1 if is_taken else 0]


def test_of_networks_of_nearly_the_same_size_the_more_accurate_is_taken():
    front, other = [trial(0, 0.65, 1.9e5), trial(1, 0.7, 1e6)], trial(2, 0.60, 1.96e5)
    assert kept(3 * ENOUGH, front, [other], epoch_s=[0.5, 2.0, 0.5]) == [0, 1]


def test_without_a_trivial_model_the_worst_network_still_counts():
    found = affordable(
        MEMBERS,
        metric=ACCURACY,
        epoch_s=[1.0] * 4,
        search_epochs=EPOCHS,
        num_examples=MANY,
        num_slots=1,
        available_s=lambda _: 1e9,
    )
    assert found == MEMBERS


def test_a_larger_network_that_is_too_slow_for_the_time_is_not_taken():
    small, large = trial(0, 0.6, 1e5), trial(1, 0.6, 4e5)
    assert kept(1.2 * ENOUGH, [small], [large], epoch_s=[1.0, 2.0]) == [0]


def test_an_epoch_takes_its_share_of_the_trial():
    timed = candidate_of(record(0, channels=2, accuracy=0.5, size_bytes=1e3, seconds=30.0))
    assert trial_epochs_s([timed], 6) == [5.0]
