import random

import pytest

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_search_under_faults_equals_the_undisturbed_one(tmp_path):
    from experiments.engine.chaos import wreak_havoc

    seed = random.SystemRandom().randrange(10**6)

    number = 8  # of 17 kinds, by chance; by hand the experiment makes hundreds
    seconds = wreak_havoc(number, seed, tmp_path)  # raises where they differ

    assert len(seconds) == number, f"seed {seed}: {list(seconds)}"
