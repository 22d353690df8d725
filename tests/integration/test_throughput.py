"""Bounds that a busy machine keeps too: CPU time and ratios, no rates.

The figures themselves are measured by experiments/engine.
"""

import pytest

from nas.execution.inline import InlineBackend


@pytest.fixture
def parts():
    from experiments.engine import growth, throughput

    throughput.quiet()
    return throughput, growth


def test_a_null_trial_costs_the_driver_at_most_four_ms_at_a_thousand_trials(parts, tmp_path):
    throughput, _ = parts

    clock = throughput.run_ours(1000, tmp_path / "run", make_backend=InlineBackend)

    assert clock.between(0, -1)[1] <= 4.0


@pytest.mark.slow
def test_a_trial_costs_no_more_after_ten_thousand_also_with_a_straggler(parts, tmp_path):
    _, growth = parts

    for row in growth.measure(tmp_path):
        assert row["times_the_cost_at_100"] <= 1.5, row


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_the_loop_runs_ten_times_as_many_trials_as_ray_tune(parts, tmp_path):
    throughput, _ = parts

    clock = throughput.run_ours(600, tmp_path / "run", make_backend=throughput.on_ray)
    ours, cpu_ms = clock.between(0, -1)
    theirs, _ = throughput.run_tune_alone()

    assert cpu_ms <= 4.0
    assert ours >= 10 * theirs


@pytest.mark.slow
def test_a_thousand_slots_are_kept_busy(parts, tmp_path):
    from experiments.engine.utilisation import LOADS, measure

    # On the driver's own clock: what other processes take is not the driver's fault.
    row, _ = measure(LOADS[0], "nsga2", tmp_path / "run", clock="cpu")

    assert row["trials"] == LOADS[0].num_trials
    assert row["utilisation"] >= 0.95
