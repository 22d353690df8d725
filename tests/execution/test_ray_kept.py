"""Backends of one command share a local Ray and its workers."""

import os
from dataclasses import dataclass

import pytest

from nas.execution.ray_backend import RayBackend, RaySettings
from nas.execution.ray_kept import end_kept_workers, kept_ray, one_local_ray
from nas.trial import TrialResult, TrialSpec, TrialState


@dataclass
class Tells:
    """Tells its name, and in which process it was asked."""

    name: float

    def prepare(self):
        """Get nothing ready."""

    def static_costs(self, architecture):
        return {}

    def evaluate(self, spec):
        metrics = {"name": self.name, "pid": float(os.getpid())}
        return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, metrics)


def asked(name, **settings):
    """Return what all workers of a backend of its own tell, by process."""
    backend = RayBackend(Tells(name), RaySettings(num_workers=2, **settings))
    try:
        while backend.num_free < 2:
            backend.next_finished(timeout_s=1.0)
        found = []
        for number in range(2):
            backend.submit(TrialSpec(number, {}, 0))
        while len(found) < 2:
            found += backend.next_finished(timeout_s=1.0)
    finally:
        backend.close()
    return {result.metrics["pid"]: result.metrics["name"] for result in found}


def test_nothing_is_shared_outside_of_a_block():
    assert kept_ray() is None


def test_a_block_within_another_one_shares_its_ray():
    with one_local_ray():
        outer = kept_ray()
        with one_local_ray():
            assert kept_ray() is outer
        assert kept_ray() is outer


def test_workers_of_a_ray_that_is_not_ours_are_not_kept():
    with one_local_ray():
        assert not kept_ray().leave(["worker"], kind="any")


def test_there_may_be_no_workers_to_end():
    end_kept_workers()
    with one_local_ray():
        end_kept_workers()


@pytest.mark.ray
@pytest.mark.long
def test_the_next_backend_has_the_same_workers_with_its_own_evaluator():
    with one_local_ray():
        first, second = asked(1.0), asked(2.0)
        other = asked(3.0, cpus_per_trial=0.5)
        end_kept_workers()
        fresh = asked(4.0, cpus_per_trial=0.5)

    assert set(first.values()) == {1.0}
    assert second == dict.fromkeys(first, 2.0)
    assert set(other.values()) == {3.0}
    assert not set(other) & set(first)
    assert not set(fresh) & set(other)
