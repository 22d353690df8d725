"""Whether a search trained long enough to choose by, told by what long trainings say."""

import json
import math
from dataclasses import replace

import pytest

from nas.finish.ranking import ranking_of, write_ranking
from nas.record.winners import WinnerRow

ROW = WinnerRow(
    name="", is_baseline=False, trial=0, architecture_id="", num_params=1.0, num_macs=1.0,
    size_bytes=1.0, metric="accuracy", search_value=0.5, test_mean=0.5, test_std=0.01,
    confidence_low=0.49, confidence_high=0.51, prediction_low=0.4, prediction_high=0.6,
    sampling_std=0.02, num_seeds=3, beaten_by="",
)  # fmt: skip


def rows_of(*pairs, half=0.001, **changes):
    return [
        replace(
            ROW, search_value=searched, test_mean=tested, confidence_low=tested - half,
            confidence_high=tested + half, **changes,
        )
        for searched, tested in pairs
    ]  # fmt: skip


def rank(rows):
    return ranking_of(rows, search_epochs=8, epochs=60)


def test_a_search_that_put_first_what_comes_last_was_too_short():
    """Photographs of clothes: 69.8, 68.9, 66.0 % after 8 epochs; 76.6, 83.1, 81.2 % after 60."""
    found = rank(rows_of((0.698, 0.766), (0.689, 0.831), (0.660, 0.812)))

    assert (found.num_pairs, found.num_reversed) == (3, 2)
    assert found.correlation == pytest.approx(-1 / 3)
    assert found.is_too_short
    assert "8 epochs were too short to choose by" in found.describe()
    assert "training.epochs=16" in found.describe()


def test_a_search_that_ranks_as_long_trainings_do_was_long_enough():
    found = rank(rows_of((0.5, 0.7), (0.6, 0.8), (0.7, 0.9), (0.8, 0.95)))

    assert (found.num_pairs, found.num_reversed, found.correlation) == (6, 0, 1.0)
    assert not found.is_too_short
    assert "were enough to choose by" in found.describe()


def test_a_few_pairs_that_agree_are_no_proof():
    found = rank(rows_of((0.5, 0.7), (0.6, 0.8), (0.7, 0.9)))

    assert not found.is_too_short
    assert found.describe().startswith("Too few pairs tell whether 8 epochs are enough")
    assert "of 3 pairs" in found.describe()


def test_pairs_within_the_noise_say_nothing():
    """Differences of 0.01 and intervals of 0.02 on both sides: 0.028 must be exceeded."""
    found = rank(rows_of((0.6, 0.80), (0.7, 0.79), half=0.02))

    assert found.num_pairs == 0
    assert not found.is_too_short
    assert "cannot be told" in found.describe()


def test_of_one_seed_the_noise_is_that_of_the_test_examples():
    rows = [replace(r, confidence_low=math.nan, confidence_high=math.nan)
            for r in rows_of((0.6, 0.80), (0.7, 0.76))]  # fmt: skip

    assert rank(rows).num_pairs == 0  # 0.04 against 1.96 x 0.02 x the root of 2
    assert rank([replace(row, sampling_std=0.01) for row in rows]).num_reversed == 1


def test_a_loss_that_falls_in_both_agrees():
    found = rank(rows_of((2.0, 1.0), (1.5, 0.8), metric="loss"))

    assert (found.num_pairs, found.num_reversed) == (1, 0)


def test_baselines_and_a_single_winner_are_no_ranking():
    one, other = rows_of((0.6, 0.8), (0.7, 0.9))

    assert rank([one]) is None
    assert rank([one, replace(other, is_baseline=True)]) is None


def test_trainings_as_short_as_those_of_the_search_tell_nothing():
    assert ranking_of(rows_of((0.6, 0.8), (0.7, 0.9)), search_epochs=60, epochs=60) is None


def test_what_is_told_stands_in_a_file(tmp_path):
    found = rank(rows_of((0.6, 0.9), (0.7, 0.8)))

    write_ranking(tmp_path, found)

    told = json.loads((tmp_path / "ranking.json").read_text())
    assert told["is_too_short"] is True
    assert told["says"] == found.describe()


def test_of_networks_of_unlike_size_only_neighbours_count():
    """That 10 kB beat 1 kB tells nothing of how long the search trained."""
    found = rank(
        [
            replace(row, size_bytes=size)
            for row, size in zip(
                rows_of((0.5, 0.7), (0.4, 0.72), (0.6, 0.8), (0.7, 0.9)),
                (1e3, 1.2e3, 5e3, 10e3),
                strict=True,
            )
        ]
    )

    assert (found.num_pairs, found.num_reversed) == (3, 1)
    assert found.is_too_short
