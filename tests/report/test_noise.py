import math

import numpy as np
import pytest

from nas.report.comparison import ComparedRun, compare_runs
from nas.report.noise import difference, noise_lines


def test_the_interval_is_that_of_student_where_both_spreads_are_equal():
    # n = 3 each, variance 1: standard error sqrt(2/3), 4 degrees of freedom, t = 2.776.
    found = difference([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])

    assert found.mean == pytest.approx(1.0)
    assert found.half_width == pytest.approx(2.776445 * math.sqrt(2 / 3), rel=1e-6)
    assert not found.is_more_than_noise


def test_a_single_run_says_nothing_of_noise():
    assert not difference([1.0], [0.0, 0.1]).is_known


def test_equal_means_are_covered_in_19_of_20_draws():
    # n = 1,000 comparisons of equal groups: more than noise in 5 %, give or take 4 deviations.
    draw = np.random.default_rng(0)
    wrong = sum(
        difference(draw.normal(size=5), draw.normal(size=5)).is_more_than_noise
        for _ in range(1000)
    )

    assert 22 <= wrong <= 78


def test_each_rival_has_a_sentence_that_tells_noise_from_more(trial, accuracy_size):
    def run(label, seed, accuracy):
        records = [trial(0, accuracy=accuracy + seed / 1000, size_bytes=10.0)]
        records.append(trial(1, accuracy=0.1, size_bytes=5.0))
        return ComparedRun(f"{label}{seed}", label, records, accuracy_size)

    comparison = compare_runs(
        [run(label, seed, value) for label, value in (("a", 0.9), ("b", 0.5)) for seed in range(3)]
    )

    (line,) = noise_lines(comparison)
    assert line.startswith("a is ahead of b by ")
    assert line.endswith("more than the noise.")


def test_one_run_each_asks_for_more_seeds(trial, accuracy_size):
    runs = [
        ComparedRun(n, n, [trial(0, accuracy=v, size_bytes=9.0)], accuracy_size)
        for n, v in (("a", 0.9), ("b", 0.5))
    ]

    assert "repeat each with other seeds" in noise_lines(compare_runs(runs))[0]


def test_a_seed_that_two_runs_share_is_told(search_records, accuracy_size):
    def group(seeds):
        records = [search_records(9, seed=n) for n in range(2)]
        return [
            ComparedRun(f"x{n}", "a", records[n], accuracy_size, seed)
            for n, seed in enumerate(seeds)
        ]

    (line,) = noise_lines(compare_runs(group([4, 4])))

    assert line.startswith("x0, x1 have the same seed, 4, so the spread of a may be less")
    assert noise_lines(compare_runs(group([4, 5]))) == []
