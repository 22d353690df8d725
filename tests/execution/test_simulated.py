import pytest

from nas.architecture import Architecture
from nas.errors import ExecutionError
from nas.execution.simulated import SimulatedBackend
from nas.trial import TrialResult, TrialSpec, TrialState


class Sleeper:
    """Takes as many simulated seconds as its architecture says."""

    def static_costs(self, architecture):
        return {}

    def prepare(self):
        pass

    def evaluate(self, spec):
        seconds = float(spec.architecture["seconds"])
        return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, seconds=seconds)


def order(number, seconds):
    return TrialSpec(number=number, architecture=Architecture({"seconds": seconds}), seed=0)


def numbers(results):
    return [result.number for result in results]


def test_results_come_in_order_of_finishing():
    backend = SimulatedBackend(Sleeper(), num_workers=3)
    for number, seconds in enumerate([5, 1, 3]):
        backend.submit(order(number, seconds))

    finished = [numbers(backend.next_finished(timeout_s=0.0)) for _ in range(3)]

    assert finished == [[1], [2], [0]]
    assert backend.now_s == 5.0


def test_freed_worker_starts_at_the_present_time():
    backend = SimulatedBackend(Sleeper(), num_workers=2)
    backend.submit(order(0, 10))
    backend.submit(order(1, 4))
    backend.next_finished(timeout_s=0.0)
    backend.submit(order(2, 5))  # from second 4 to 9, before trial 0

    assert numbers(backend.next_finished(timeout_s=0.0)) == [2]
    assert backend.now_s == 9.0


def test_trials_that_end_together_come_together_in_order_of_submission():
    backend = SimulatedBackend(Sleeper(), num_workers=3)
    for number in (2, 0, 1):
        backend.submit(order(number, 1))

    assert numbers(backend.next_finished(timeout_s=0.0)) == [2, 0, 1]


def test_slots_are_counted():
    backend = SimulatedBackend(Sleeper(), num_workers=2)
    assert (backend.num_slots, backend.num_free) == (2, 2)

    backend.submit(order(0, 1))
    assert (backend.num_slots, backend.num_free) == (2, 1)

    backend.next_finished(timeout_s=0.0)
    assert (backend.num_slots, backend.num_free) == (2, 2)


def test_submission_without_a_free_worker_is_our_fault():
    backend = SimulatedBackend(Sleeper(), num_workers=1)
    backend.submit(order(0, 1))

    with pytest.raises(AssertionError, match="all simulated workers are busy"):
        backend.submit(order(1, 1))


def test_nothing_runs_after_close():
    backend = SimulatedBackend(Sleeper())
    backend.submit(order(0, 1))

    backend.close()
    backend.close()

    assert backend.next_finished(timeout_s=1.0) == ()


def test_no_workers_are_refused():
    with pytest.raises(ExecutionError, match="at least 1, but got 0"):
        SimulatedBackend(Sleeper(), num_workers=0)
