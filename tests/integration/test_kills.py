import random

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["false", "text"])
def test_kills_and_signals_at_all_moments_lose_no_trial_and_no_weights(tmp_path, kind):
    from experiments.engine.kills import wreak
    from experiments.engine.windows import SIGNALS, WINDOWS

    seed = random.SystemRandom().randrange(10**6)
    number = len(WINDOWS) + len(SIGNALS)  # each once; by hand the experiment makes hundreds

    struck, hits = wreak(number, seed, tmp_path, kind=kind)  # raises where something is lost

    assert struck.total() == number
    assert hits.total() >= number // 2, f"seed {seed}: {hits}"
