"""When a search with a budget hands out its last trial."""

from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.engine.deadline import Deadline
from nas.engine.stop_rule import SearchState
from nas.trial import TrialRecord, TrialState


def state(elapsed_s, *seconds, front=((0.1,),)):
    ended = [
        TrialRecord(number, Architecture({"a": number}), TrialState.COMPLETE, {}, seconds=one)
        for number, one in enumerate(seconds)
    ]
    return SearchState(
        objectives=(),
        num_trials=len(ended),
        num_done=len(ended),
        num_resumed=0,
        num_failed=0,
        ended=ended,
        front=front if ended else (),
        elapsed_s=elapsed_s,
    )


def deadline(elapsed_s, **settings):
    """Return the rule of a search of 100 s, so many seconds after it began."""
    return Deadline(100.0, seconds=100.0, clock=lambda: elapsed_s, **settings)


def test_a_trial_starts_while_a_usual_one_fits():
    assert deadline(80.0).why_end(state(80.0, 10.0, 10.0, 10.0)) is None


def test_no_trial_starts_when_too_little_time_is_left():
    message = deadline(97.0).why_end(state(97.0, 10.0, 10.0, 10.0))
    assert message == "the budget leaves 3 s for trials, too little for another"


def test_a_large_trial_that_may_come_again_ends_the_search_sooner():
    rule = deadline(80.0)
    assert rule.why_end(state(80.0, 5.0, 5.0, 40.0)) is None  # it would have half of its time
    assert rule.why_end(state(80.0, 5.0, 5.0, 60.0)) is not None  # a third of it


def test_what_was_planned_counts_until_trials_have_ended():
    assert deadline(80.0, trial_s=50.0).why_end(state(80.0, 1.0)) is not None


def test_the_first_trial_goes_on_from_its_rung_however_late_it_is():
    at_a_rung = replace(state(500.0), num_trials=1)
    assert deadline(500.0, trial_s=9.0).why_end(at_a_rung) is None


def test_the_first_trial_starts_however_long_it_may_take():
    assert deadline(1.0, trial_s=500.0).why_end(state(1.0)) is None


@pytest.mark.parametrize(("elapsed_s", "is_cut"), [(100.0, False), (106.0, False), (108.0, True)])
def test_running_trials_are_waited_for_a_little_longer(elapsed_s, is_cut):
    assert deadline(elapsed_s).cuts(state(elapsed_s, 10.0)) is is_cut


def test_running_trials_are_waited_for_while_there_is_no_front():
    assert not deadline(500.0).cuts(state(500.0))


def test_a_trial_is_told_to_end_with_the_search():
    assert deadline(80.0, trial_s=30.0).within_s(state(80.0, 10.0)) == 20.0


def test_the_first_trials_get_half_of_what_was_planned_however_late_it_is():
    assert deadline(95.0, trial_s=30.0).within_s(state(95.0)) == 15.0


def test_a_late_beginning_costs_the_search_its_own_share_of_the_delay():
    now_s = [40.0]  # the workers were expected at 30
    rule = Deadline(
        60.0, seconds=30.0, begins_s=30.0, passed_on=0.7, clock=lambda: now_s[0], trial_s=5.0
    )
    assert rule.within_s(state(40.0)) == pytest.approx(60.0 + 7.0 - 40.0)
    now_s[0] = 45.0
    assert rule.within_s(state(45.0)) == pytest.approx(60.0 + 7.0 - 45.0)
