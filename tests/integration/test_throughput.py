"""Bounds that a busy machine keeps too: the driver's own CPU time, no rates and no ratios.

The figures themselves are measured by experiments/engine.
"""

import pytest

from nas.execution.inline import InlineBackend


@pytest.fixture
def throughput():
    from experiments.engine import throughput

    throughput.quiet()
    return throughput


def test_a_null_trial_costs_the_driver_at_most_four_ms_at_a_thousand_trials(throughput, tmp_path):
    clock = throughput.run_ours(1000, tmp_path / "run", make_backend=InlineBackend)

    assert clock.between(0, -1)[1] <= 4.0


@pytest.mark.long
def test_a_thousand_slots_are_kept_busy(throughput, tmp_path):
    from experiments.engine.utilisation import LOADS, measure

    # On the driver's own clock: what other processes take is not the driver's fault.
    row, _ = measure(LOADS[0], "nsga2", tmp_path / "run", clock="cpu")

    assert row["trials"] == LOADS[0].num_trials
    assert row["utilisation"] >= 0.95
