import math

import pytest
from parts.engine import OBJECTIVES, search, small_task

from nas.architecture import Architecture
from nas.engine.front_tracker import FrontTracker
from nas.engine.no_progress import NoProgress
from nas.engine.stopping import Stopping
from nas.errors import ConfigError
from nas.trial import TrialRecord, TrialState

ARCHITECTURE = Architecture({"width": 1.0})


def trial(number: int, accuracy: float, size_bytes: float, **more) -> TrialRecord:
    metrics = {"accuracy": accuracy, "size_bytes": size_bytes}
    return TrialRecord(number, ARCHITECTURE, TrialState.COMPLETE, metrics, **more)


def failure(number: int) -> TrialRecord:
    return TrialRecord(number, ARCHITECTURE, TrialState.FAILED, {})


def said(rule: NoProgress, *records: TrialRecord) -> list[str | None]:
    """Return what a rule says after each trial."""
    tracker = FrontTracker(OBJECTIVES, ())
    answers = []
    for record in records:
        tracker.add(record)
        answers.append(rule.why_end(tracker.state(num_trials=tracker.num_done, elapsed_s=0.0)))
    return answers


GOOD = [trial(0, 0.5, 100.0), trial(1, 0.9, 10_000.0)]  # a front that 0.5 at 200 adds nothing to


def worse(number: int) -> TrialRecord:
    return trial(number, 0.4, 20_000.0)


def test_a_search_goes_on_while_one_of_its_last_trials_added_to_the_front():
    answers = said(NoProgress(3), *GOOD, worse(2), worse(3), worse(4))

    assert [answer is None for answer in answers] == [True, True, True, True, False]
    assert "the last 3 trials added 0 %" in answers[-1]


def test_a_gain_after_a_pause_lets_the_search_go_on():
    better = trial(4, 0.95, 1000.0)

    answers = said(NoProgress(3), *GOOD, worse(2), worse(3), better, worse(5), worse(6), worse(7))

    assert [answer is None for answer in answers] == [True] * 7 + [False]


def test_failed_trials_add_nothing():
    assert said(NoProgress(2), *GOOD, failure(2), failure(3))[-1] is not None


def test_a_search_without_any_success_makes_no_progress():
    answers = said(NoProgress(2), failure(0), failure(1))

    assert answers[0] is None
    assert "added 0 %" in answers[1]


def test_a_variant_counts_for_the_front_and_is_no_trial():
    variant = trial(3, 0.95, 1000.0, parent=2, variant="int8")

    answers = said(NoProgress(2), *GOOD, worse(2), variant, worse(4))

    assert answers[-1] is None


def test_the_gain_is_the_share_of_the_volume_that_was_not_dominated_before():
    # Sizes count by their logarithm. The corner is a tenth of the range beyond the worst: at
    # accuracy 0.5 - 0.04 and at 10^4.2 bytes. Before, 0.5 at 10^2 and 0.9 at 10^4 dominate:
    before = (4.2 - 2) * 0.04 + (4.2 - 4) * 0.4
    # and 0.9 at 10^3 instead of 10^4 moves the corner to 10^3.1:
    whole = (3.1 - 2) * 0.04 + (3.1 - 3) * 0.4
    kept = (3.1 - 2) * 0.04  # of the points before, the large one lies beyond the corner
    gain = 1 - kept / whole
    assert math.isclose(before, 0.168)
    records = [*GOOD, trial(2, 0.9, 1000.0)]

    assert said(NoProgress(1, min_gain=gain + 0.001), *records)[-1] is not None
    assert said(NoProgress(1, min_gain=gain - 0.001), *records)[-1] is None


def test_any_gain_is_enough_where_none_is_asked_for():
    assert said(NoProgress(1, min_gain=0.0), *GOOD, trial(2, 0.9001, 10_000.0))[-1] is None
    assert "wants any gain" in said(NoProgress(1, min_gain=0.0), *GOOD, worse(2))[-1]


def test_a_rule_may_be_asked_about_one_search_after_another():
    rule = NoProgress(2)
    said(rule, *GOOD, worse(2), worse(3))

    assert said(rule, *GOOD, worse(2)) == [None, None, None]


def test_a_resumed_search_ends_where_the_first_one_did(tmp_path):
    stopping = Stopping(96, rules=(NoProgress(10, min_gain=0.01),))
    first = search(small_task(stopping=stopping), tmp_path / "run")

    again = search(small_task(stopping=stopping), tmp_path / "run")

    assert 10 < len(first.records) < 96
    assert len(again.records) == len(first.records)
    assert again.why_ended == first.why_ended
    assert "the last 10 trials added" in first.why_ended


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"num_trials": 0}, "num_trials must be at least 1, but got 0"),
        ({"min_gain": 1.0}, "at least 0 and below 1, but got 1"),
        ({"min_gain": -0.1}, "at least 0 and below 1, but got -0.1"),
        ({"min_gain": math.nan}, "at least 0 and below 1, but got nan"),
    ],
)
def test_a_value_out_of_range_is_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        NoProgress(**settings)
