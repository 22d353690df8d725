import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor

import pytest

from experiments.engine.kills import wreak
from experiments.engine.windows import SIGNALS, WINDOWS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["false", pytest.param("text", marks=pytest.mark.long)])
def test_kills_and_signals_at_all_moments_lose_no_trial_and_no_weights(tmp_path, kind):
    seed = random.SystemRandom().randrange(10**6)
    number = (len(WINDOWS) + len(SIGNALS)) // 3  # by chance; by hand the experiment makes hundreds

    # Commands are forked, which torch allows only where nothing was trained before.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:  # raises where something is lost
        struck, hits = pool.submit(wreak, number, seed, tmp_path, kind=kind).result()

    assert struck.total() == number
    assert hits.total() >= number // 2, f"seed {seed}: {hits}"
