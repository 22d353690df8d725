import pytest

from nas.architecture import Architecture
from nas.report.time_use import time_use
from nas.trial import TrialRecord, TrialState


def trial(number, start_s, end_s, **parts_s):
    seconds = sum(v for name, v in parts_s.items() if name != "wait")
    return TrialRecord(
        number,
        Architecture({"a": number}),
        TrialState.COMPLETE,
        {},
        seconds=seconds,
        started_s=start_s,
        finished_s=end_s,
        parts_s=parts_s,
    )


def test_parts_of_all_trials_add_up_in_the_order_of_a_trial():
    use = time_use([trial(0, 10, 20, train=9.0, wait=1.0), trial(1, 20, 30, train=8.0, build=2.0)])
    assert list(use.parts_s.items()) == [("wait", 1.0), ("build", 2.0), ("train", 17.0)]


def test_slots_are_busy_while_trials_run():
    # Two at once for 10 s; then one of them for 10 s more: 30 of 40 s.
    use = time_use([trial(0, 10, 20, train=10.0), trial(1, 10, 30, train=20.0)])
    assert use.num_slots == 2
    assert use.busy_share == pytest.approx(0.75)


def test_a_run_of_an_earlier_version_has_no_parts():
    assert not time_use([trial(0, 10, 20)]).parts_s
