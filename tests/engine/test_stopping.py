import pytest
from parts.engine import OBJECTIVES, RecordingView, search, small_task

from nas.architecture import Architecture
from nas.engine.stop_rule import SearchState, StopRule
from nas.engine.stopping import MaxTrials, Stopping, TimeLimit, TooManyFailures
from nas.errors import ConfigError, ExecutionError
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

ARCHITECTURE = Architecture({"width": 1.0})


def state(**changes) -> SearchState:
    told = {
        "objectives": OBJECTIVES,
        "num_trials": 0,
        "num_done": 0,
        "num_resumed": 0,
        "num_failed": 0,
        "ended": [],
        "front": (),
        "elapsed_s": 0.0,
    }
    return SearchState(**(told | changes))


def failed(number: int, message: str) -> TrialRecord:
    failure = Failure(FailureKind.ERROR, message, f"Traceback of {message}")
    return TrialRecord(number, ARCHITECTURE, TrialState.FAILED, {}, failure=failure)


class Never(StopRule):
    """A rule that only says when it would end a search."""

    def why_end(self, state: SearchState) -> str | None:
        return None


@pytest.mark.parametrize("rule", [MaxTrials(3), TimeLimit(1.0), TooManyFailures(0.5), Never()])
def test_each_rule_keeps_the_contract(rule):
    assert isinstance(rule, StopRule)


@pytest.mark.parametrize(("num_trials", "why"), [(2, None), (3, "num_trials=3 is"), (4, "3 is")])
def test_a_number_of_trials_ends_a_search_when_it_is_reached(num_trials, why):
    said = MaxTrials(3).why_end(state(num_trials=num_trials))

    assert said is why is None or why in said


@pytest.mark.parametrize(("elapsed_s", "is_over"), [(0.9, False), (1.0, True), (1.1, True)])
def test_a_time_limit_ends_a_search_when_the_time_is_over(elapsed_s, is_over):
    assert (TimeLimit(1.0).why_end(state(elapsed_s=elapsed_s)) is not None) == is_over


def test_trials_to_come_are_expected_to_take_as_long_as_those_of_this_command():
    now = state(num_done=6, num_resumed=2, elapsed_s=8.0)

    assert MaxTrials(10).remaining_s(now) == 8.0 / 4 * (10 - 6)


def test_nothing_is_expected_before_a_trial_of_this_command_ended():
    assert MaxTrials(10).remaining_s(state(num_done=2, num_resumed=2, elapsed_s=8.0)) is None


def test_the_rule_that_comes_first_says_how_much_time_is_left():
    now = state(num_done=4, elapsed_s=8.0)

    assert Stopping(num_trials=10, time_limit_s=15.0).remaining_s(now) == 7.0
    assert Stopping(num_trials=5, time_limit_s=15.0).remaining_s(now) == 2.0
    assert Stopping().remaining_s(now) is None


def test_five_failures_of_ten_are_not_more_than_half_but_six_of_eleven_are():
    some = [failed(number, "no luck") for number in range(6)]

    assert TooManyFailures(0.5).why_end(state(num_done=10, num_failed=5, ended=some[:5])) is None
    with pytest.raises(ExecutionError, match=r"max_failed_share=0\.5 allows"):
        TooManyFailures(0.5).why_end(state(num_done=11, num_failed=6, ended=some))


def test_four_failures_say_nothing_about_the_share():
    assert TooManyFailures(0.5).why_end(state(num_done=4, num_failed=4)) is None


def test_the_most_frequent_failure_is_told_with_its_traceback():
    ended = [failed(number, "often") for number in range(4)] + [failed(4, "once")]

    with pytest.raises(
        ExecutionError, match=r"(?s)5 of 5 .* 4 of them .*: often\nTraceback of of"
    ):
        TooManyFailures(0.5).why_end(state(num_done=5, num_failed=5, ended=ended))


def test_a_command_that_goes_on_is_judged_once_a_trial_of_its_own_has_ended():
    earlier = state(num_done=8, num_failed=8, num_resumed=8)

    assert TooManyFailures(0.5).why_end(earlier) is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"num_trials": 0}, r"stopping\.num_trials must be at least 1, but got 0"),
        ({"time_limit_s": 0.0}, r"stopping\.time_limit_s must be above 0, but got 0"),
        ({"max_failed_share": 1.5}, r"stopping\.max_failed_share must be in \(0, 1\]"),
    ],
)
def test_a_value_out_of_range_is_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        Stopping(**settings)


class AfterFour(StopRule):
    """Ends a search once four trials have ended."""

    def why_end(self, state: SearchState) -> str | None:
        return "four are enough" if state.num_done >= 4 else None


def test_a_further_rule_ends_a_search_and_the_summary_says_so(tmp_path):
    stopping = Stopping(num_trials=20, rules=(Never(), AfterFour()))

    summary = search(small_task(stopping=stopping), tmp_path / "run")

    assert len(summary.records) == 4
    assert summary.why_ended == "four are enough"


def test_a_rule_knows_the_trials_of_earlier_commands(tmp_path):
    search(small_task(3), tmp_path / "run")

    summary = search(small_task(stopping=Stopping(20, rules=(AfterFour(),))), tmp_path / "run")

    assert len(summary.records) == 4


def test_a_search_of_an_exhausted_space_ends_by_no_rule(tmp_path):
    view = RecordingView()

    summary = search(small_task(200), tmp_path / "run", view=view)

    assert summary.is_exhausted
    assert "the search is complete" in summary.why_ended
    assert summary.why_ended in view.messages


def test_a_rule_that_raises_ends_a_search_with_its_error(tmp_path):
    class Bad(StopRule):
        def why_end(self, state: SearchState) -> str | None:
            if state.num_done >= 2:
                raise ExecutionError("the second trial was one too many")
            return None

    with pytest.raises(ExecutionError, match="one too many"):
        search(small_task(stopping=Stopping(20, rules=(Bad(),))), tmp_path / "run")
