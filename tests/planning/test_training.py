import pytest

from nas.planning.facts import DataFacts, MachineFacts
from nas.planning.training import (
    LEAST_EPOCHS,
    MOST_EPOCHS,
    SMALL_TRAINING,
    suited_num_trials,
    suited_training,
)

CPU = MachineFacts(num_workers=2)


def test_digits_keep_their_small_settings():
    digits = DataFacts(num_train=901, side=8)
    assert suited_training(digits, CPU) == SMALL_TRAINING
    assert suited_num_trials(digits) == 64


def test_rows_of_numbers_keep_the_small_settings_too():
    assert suited_training(DataFacts(5000, 40, are_images=False), CPU) == SMALL_TRAINING


@pytest.mark.parametrize("num_train", [1, 30, 384, 3000, 10_000, 50_000, 10**7])
def test_epochs_and_batches_stay_in_their_ranges(num_train):
    found = suited_training(DataFacts(num_train, 64), CPU)
    assert LEAST_EPOCHS <= found.epochs <= MOST_EPOCHS
    assert found.batch_size & (found.batch_size - 1) == 0
    assert 16 <= found.batch_size <= 64


def test_photos_begin_with_whitening_filters_and_learn_by_muon():
    found = suited_training(DataFacts(1500, 64), CPU)
    assert (found.whitening, found.optimizer) == (True, "muon")


def test_four_times_the_images_take_half_of_the_epochs():
    few, many = (suited_training(DataFacts(n, 64), CPU).epochs for n in (1500, 6000))
    assert few == 2 * many


def test_a_gpu_takes_larger_batches():
    gpu = MachineFacts(num_workers=1, has_accelerator=True)
    data = DataFacts(50_000, 64)
    assert suited_training(data, gpu).batch_size > suited_training(data, CPU).batch_size
