import random

import pytest

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.long,  # the experiment's small form strikes once in each CI
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_search_under_faults_of_all_kinds_equals_the_undisturbed_one(tmp_path):
    from experiments.engine.chaos import wreak_havoc

    seed = random.SystemRandom().randrange(10**6)

    number = 17  # each kind once
    seconds = wreak_havoc(number, seed, tmp_path)  # raises where they differ

    assert len(seconds) == number, f"seed {seed}: {list(seconds)}"
