import numpy as np
import pytest

from nas.metric import Direction
from nas.objective import Objective
from nas.report.growth import growth_of, yardstick_of


def test_growth_of_two_trials_follows_from_the_rectangles(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.5, size_bytes=1e3),
        trial(1, accuracy=0.9, size_bytes=1e5),
    ]
    yardstick = yardstick_of([records], accuracy_size)

    growth = growth_of(records, accuracy_size, yardstick)

    # Both objectives scaled to 0..1 between the trials, up to 1.1: the first trial dominates
    # 0.1 x 1.1, the second 1.1 x 0.1, both at once 0.1 x 0.1.
    first, both = 0.11 / 0.21, 1.0
    assert growth.num_trials.tolist() == [1, 2]
    assert growth.shares == pytest.approx([first, both])


def test_growth_never_falls_and_ends_inside_the_box(search_records, three_objectives):
    records = search_records(120)

    growth = growth_of(records, three_objectives, yardstick_of([records], three_objectives))

    assert (np.diff(growth.shares) >= 0).all()
    assert growth.shares[-1] == pytest.approx(1.0)
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
    yardstick = yardstick_of([late_best], accuracy_size)

    assert np.diff(growth_of(late_best, accuracy_size, yardstick).shares)[0] == 0
    assert np.diff(growth_of(turned, accuracy_size, yardstick).shares)[0] > 0


def test_one_yardstick_holds_for_every_run(search_records, accuracy_size):
    runs = [search_records(60, seed=seed) for seed in range(3)]

    yardstick = yardstick_of(runs, accuracy_size)

    shares = [growth_of(run, accuracy_size, yardstick).shares[-1] for run in runs]
    assert all(0 < share < 1 for share in shares)


def test_bad_trials_do_not_blur_the_difference(trial, accuracy_size):
    good = [trial(0, accuracy=0.90, size_bytes=1e3), trial(1, accuracy=0.99, size_bytes=1e4)]
    less = [trial(0, accuracy=0.90, size_bytes=1e3), trial(1, accuracy=0.94, size_bytes=1e4)]
    awful = trial(2, accuracy=0.01, size_bytes=1e9)

    yardstick = yardstick_of([[*good, awful], [*less, awful]], accuracy_size)

    shares = [growth_of([*r, awful], accuracy_size, yardstick).shares[-1] for r in (good, less)]
    # Scaled to 0..1 between the good ones, up to 1.1, these dominate 0.21. The lesser network has
    # the loss 5/9: 0.1 x 1.1, (1.1 - 5/9) x 0.1, and both at once 0.1 x 0.1.
    assert shares == pytest.approx([1.0, (0.11 + (1.1 - 5 / 9) * 0.1 - 0.01) / 0.21])


def test_without_a_complete_trial_there_is_no_yardstick(accuracy_size):
    assert yardstick_of([[], []], accuracy_size) is None
    assert yardstick_of([], accuracy_size) is None


def test_counts_and_wide_costs_are_taken_by_their_logarithm(trial):
    def objective(metric, direction, *, is_static):
        return Objective(metric, Direction(direction), is_static=is_static)

    objectives = [
        objective("accuracy", "maximize", is_static=False),
        objective("size_bytes", "minimize", is_static=True),
        objective("latency_ms", "minimize", is_static=False),
        objective("params_m", "minimize", is_static=True),
    ]
    metrics = {"accuracy": 0.9, "size_bytes": 1000.0, "latency_ms": 5.0, "params_m": 0.01}
    records = [trial(0, **metrics), trial(1, **{**metrics, "latency_ms": 90.0, "params_m": 3.0})]

    yardstick = yardstick_of([records], objectives)

    assert yardstick.is_log.tolist() == [False, True, False, True]
    seen = yardstick.on_scale(np.array([[-0.9, 1000.0, 5.0, 0.01]]))
    assert seen[0].tolist() == [-0.9, 3.0, 5.0, -2.0]
    assert yardstick.on_scale(np.zeros((1, 4)))[0].tolist() == [0.0, 0.0, 0.0, 0.0]
