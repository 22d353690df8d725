import pytest

from nas.cli.trial_rate import TrialRate
from nas.engine.view import Progress


def progress(elapsed_s, num_done):
    return Progress(
        num_trials=None,
        num_done=num_done,
        num_running=1,
        num_failed=0,
        num_redrawn=0,
        num_known=0,
        num_slots=1,
        front=[],
        elapsed_s=elapsed_s,
        remaining_s=None,
    )


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([(0.0, 10), (60.0, 40)], "30.0 trials/min"),
        ([(0.0, 0), (10.0, 25)], "2.5 trials/s"),
        ([(0.0, 0), (100.0, 1)], "36.0 trials/h"),
        ([(0.0, 0), (2.0, 10)], ""),
        ([(0.0, 7), (100.0, 7)], ""),
        ([(0.0, 0), (1000.0, 5), (1300.0, 35)], "6.0 trials/min"),
    ],
    ids=["resumed", "fast", "slow", "too early", "none ended", "of late"],
)
def test_the_rate_is_that_of_this_command_of_late(heard, words):
    rate = TrialRate()
    for elapsed_s, num_done in heard:
        rate.hear(progress(elapsed_s, num_done))

    assert rate.words(progress(*heard[-1])) == words
