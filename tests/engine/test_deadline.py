"""When a search with a budget hands out its last trial."""

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


def test_a_trial_starts_while_a_usual_one_fits():
    assert Deadline(100.0).why_end(state(80.0, 10.0, 10.0, 10.0)) is None


def test_no_trial_starts_when_too_little_time_is_left():
    message = Deadline(100.0).why_end(state(97.0, 10.0, 10.0, 10.0))
    assert message == "the budget leaves 3 s, too little for another trial"


def test_a_large_trial_that_may_come_again_ends_the_search_sooner():
    rule = Deadline(100.0)
    assert rule.why_end(state(80.0, 5.0, 5.0, 5.0)) is None
    assert rule.why_end(state(80.0, 5.0, 5.0, 30.0)) is not None  # it would end at 110 s


def test_what_was_planned_counts_until_trials_have_ended():
    assert Deadline(100.0, trial_s=50.0).why_end(state(80.0, 1.0)) is not None


def test_the_first_trial_starts_however_long_it_may_take():
    assert Deadline(100.0, trial_s=500.0).why_end(state(1.0)) is None


@pytest.mark.parametrize(("elapsed_s", "is_cut"), [(100.0, False), (106.0, False), (108.0, True)])
def test_running_trials_are_waited_for_a_little_longer(elapsed_s, is_cut):
    assert Deadline(100.0).cuts(state(elapsed_s, 10.0)) is is_cut


def test_running_trials_are_waited_for_while_there_is_no_front():
    assert not Deadline(100.0).cuts(state(500.0))
