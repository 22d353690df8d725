"""How far a training has come, by its steps or by its time."""

import pytest

from nas.train import course
from nas.train.course import Course


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose last number is the time in seconds."""
    now_s = [100.0]
    monkeypatch.setattr(course, "running_s", lambda: now_s[-1])
    return now_s


def test_without_a_time_the_steps_alone_count(clock):
    way = Course(1000)
    clock.append(1e9)
    assert way.place(3) == 3.0


def test_where_steps_are_slow_the_place_follows_the_time(clock):
    way = Course(1000, within_s=20.0)
    clock.append(105.0)
    assert way.place(10) == pytest.approx(250.0)
    assert way.place(400) == 400.0


def test_the_clock_leaves_the_least_number_of_steps(clock):
    way = Course(1000, within_s=20.0, least_steps=100)
    clock.append(150.0)
    assert [way.place(step) for step in (1, 50, 100)] == [10.0, 500.0, 1000.0]


def test_a_training_that_goes_on_has_its_new_time_for_what_is_left(clock):
    way = Course(1000, within_s=20.0)
    clock.append(500.0)
    way.go_on_from(600.0)
    assert way.place(300) == pytest.approx(600.0)
    clock.append(510.0)
    assert way.place(310) == pytest.approx(800.0)
