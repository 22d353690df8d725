import numpy as np
import pytest

from nas.frontier.conditioned_spread import ConditionedSpread
from nas.frontier.gaussian_process import Kernel, Posterior, equal_blocks

KERNEL = Kernel(equal_blocks([2, 1, 3]), ((0, 1), (1, 2)), (0.5, 0.3, 1.0))


def test_counting_rows_as_seen_equals_expecting_them():
    rng = np.random.default_rng(0)
    seen, rows = rng.random((15, 6)), rng.random((8, 6))
    posterior = Posterior(KERNEL, KERNEL.prior_mean, seen, rng.normal(size=15))
    noise = np.linspace(0.0, 0.5, 8)
    spread = ConditionedSpread(posterior, rows, capacity=2, known_noise=noise)

    spread.count(3)
    spread.count(6)

    _, sd = posterior.expecting(rows[[3, 6]], noise[[3, 6]]).predict(rows)
    assert spread.sd == pytest.approx(sd, abs=1e-6)
