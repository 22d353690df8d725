import random

import pytest

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_search_under_nine_kinds_of_faults_equals_the_undisturbed_one(tmp_path):
    from experiments.engine.chaos import wreak_havoc

    seed = random.SystemRandom().randrange(10**6)

    chaos = wreak_havoc(9, seed, tmp_path)  # raises where they differ

    assert set(chaos.faults) == set(chaos.kinds), f"seed {seed}"
