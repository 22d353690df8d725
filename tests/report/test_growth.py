import math

import numpy as np
import pytest

from nas.report.front import comparable_records
from nas.report.growth import box_around, growth_of, on_scale


def test_growth_of_two_trials_follows_from_the_rectangles(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.5, size_bytes=1e3),
        trial(1, accuracy=0.9, size_bytes=1e5),
    ]
    box = box_around([records], accuracy_size)

    growth = growth_of(records, accuracy_size, box)

    # Both objectives scaled to 0..1 between the trials, the box is 1.1 x 1.1: the first trial
    # dominates 0.1 x 1.1 of it, the second 1.1 x 0.1, both at once 0.1 x 0.1.
    first, both = 0.11 / 1.21, (0.11 + 0.11 - 0.01) / 1.21
    assert growth.num_trials.tolist() == [1, 2]
    assert growth.shares == pytest.approx([first, both])


def test_growth_never_falls_and_ends_inside_the_box(search_records, three_objectives):
    records = search_records(120)

    growth = growth_of(records, three_objectives, box_around([records], three_objectives))

    assert (np.diff(growth.shares) >= 0).all()
    assert 0 < growth.shares[-1] < 1
    assert len(growth.shares) == 120


def test_trials_count_in_the_order_in_which_they_ended(trial, accuracy_size):
    late_best = [
        trial(0, accuracy=0.9, size_bytes=10.0),
        trial(1, accuracy=0.5, size_bytes=1000.0),
    ]
    turned = [
        trial(1, accuracy=0.9, size_bytes=10.0),
        trial(0, accuracy=0.5, size_bytes=1000.0),
    ]
    box = box_around([late_best], accuracy_size)

    assert np.diff(growth_of(late_best, accuracy_size, box).shares)[0] == 0
    assert np.diff(growth_of(turned, accuracy_size, box).shares)[0] > 0


def test_one_box_holds_every_run(search_records, accuracy_size):
    runs = [search_records(60, seed=seed) for seed in range(3)]

    box = box_around(runs, accuracy_size)

    best = max(
        r.metrics["accuracy"] for run in runs for r in comparable_records(run, accuracy_size)
    )
    assert box.ideal[0] == -best
    assert all(growth_of(run, accuracy_size, box).shares[-1] <= 1 for run in runs)


def test_without_a_complete_trial_there_is_no_box(accuracy_size):
    assert box_around([[], []], accuracy_size) is None
    assert box_around([], accuracy_size) is None


def test_only_minimised_counts_are_taken_by_their_logarithm(three_objectives):
    seen = on_scale(np.array([[-0.9, 1000.0, 5.0]]), three_objectives)

    assert seen[0].tolist() == [-0.9, math.log10(1000.0), 5.0]
