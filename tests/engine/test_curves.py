"""When a learning curve cannot reach the front any more."""

from nas.architecture import Architecture
from nas.engine.curves import LearningCurves
from nas.objective import objective_for
from nas.trial import Rung, TrialRecord, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def trial(number, *, at, end=None, size=100.0):
    """A trial that had the accuracy `at` at half of its training, and perhaps `end` at its end."""
    rung = Rung(0.5, {"accuracy": at, "size_bytes": size}, seconds=1.0)
    state = TrialState.RUNNING if end is None else TrialState.COMPLETE
    metrics = {"size_bytes": size} if end is None else {"accuracy": end, "size_bytes": size}
    return TrialRecord(number, Architecture({"x": number}), state, metrics, rungs=(rung,))


def curves_of(*gains):
    curves = LearningCurves(OBJECTIVES)
    for number, gain in enumerate(gains):
        curves.ended(trial(number, at=0.5, end=0.5 + gain))
    return curves


FRONT = [(-0.9, 100.0)]


def test_a_trial_is_stopped_where_half_as_much_again_as_the_largest_gain_is_too_little():
    curves = curves_of(0.1, 0.2, *[0.05] * 6)

    assert curves.is_hopeless(trial(8, at=0.59), FRONT)  # 0.59 + 1.5 * 0.2 < 0.9
    assert not curves.is_hopeless(trial(9, at=0.61), FRONT)


def test_seven_whole_trainings_stop_nobody():
    assert not curves_of(*[0.0] * 7).is_hopeless(trial(8, at=0.1), FRONT)
    assert curves_of(*[0.0] * 8).is_hopeless(trial(8, at=0.1), FRONT)


def test_a_smaller_trial_is_not_stopped_by_a_larger_member():
    assert not curves_of(*[0.0] * 8).is_hopeless(trial(8, at=0.1, size=99.0), FRONT)


def test_trainings_that_were_stopped_tell_nothing():
    curves = LearningCurves(OBJECTIVES)
    for number in range(20):
        curves.ended(trial(number, at=0.5))

    assert not curves.is_hopeless(trial(20, at=0.0), FRONT)
