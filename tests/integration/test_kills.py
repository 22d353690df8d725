import random

import pytest


@pytest.mark.slow
def test_kills_and_signals_at_all_moments_lose_no_trial_and_no_weights(tmp_path):
    from experiments.engine.kills import SIGNALS, WINDOWS, wreak

    seed = random.SystemRandom().randrange(10**6)
    number = len(WINDOWS) + len(SIGNALS)  # each once; by hand the experiment makes hundreds

    struck, hits = wreak(number, seed, tmp_path)  # raises where something is lost

    assert struck.total() == number
    assert hits.total() >= number // 2, f"seed {seed}: {hits}"
