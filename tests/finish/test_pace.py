"""Retrainings share the time that is left, in the proportions of their plan."""

import pytest

from nas.finish import pace
from nas.finish.pace import Pace
from nas.planning.command_time import Retrainings

ALL = 1.0 - 0.03  # of the time is for training


@pytest.fixture
def clock(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(pace, "running_s", lambda: now_s[-1])
    return now_s


def made(left_s, **settings):
    until_s = Retrainings(0.0, 1.0).until_s(0)  # so much is for the end of the command
    return Pace(Retrainings(left_s - until_s, 1.0), num_networks=0, **settings)


def test_one_retraining_has_all_of_the_time_whatever_was_planned(clock):
    for work_s in (10.0, 1000.0):
        assert made(100.0).within_s(work_s, [], num_slots=2) == pytest.approx(ALL * 100.0)


def test_the_tests_of_their_files_have_their_time(clock):
    assert made(100.0, tests_s=40.0).within_s(1.0, [], num_slots=1) == pytest.approx(ALL * 60.0)


def test_those_that_follow_each_other_share_it_by_their_work(clock):
    shared = made(100.0)
    first_s = shared.within_s(30.0, [10.0], num_slots=1)
    assert first_s == pytest.approx(ALL * 75.0)
    clock.append(50.0)  # it ended sooner
    assert shared.within_s(10.0, [], num_slots=1) == pytest.approx(ALL * 50.0)


def test_three_alike_on_two_slots_have_half_of_it_each(clock):
    shared = made(100.0)
    times = [shared.within_s(1.0, [1.0] * later, num_slots=2) for later in (2, 1)]
    assert times == pytest.approx([ALL * 50.0] * 2)
    clock.append(times[0])
    assert shared.within_s(1.0, [], num_slots=2) == pytest.approx(ALL * (100.0 - times[0]))


def test_where_others_follow_a_share_of_it_is_theirs(clock):
    assert made(100.0, share=0.5).within_s(1.0, [], num_slots=1) == pytest.approx(ALL * 50.0)
