"""One seed, many independent random streams.

No module keeps global random state: each asks here for a generator by the names of its purpose, so
that a stream does not change when another one draws more (NumPy's `SeedSequence`).
"""

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed in [0, 2**32) for the purpose that `names` spell; equal names, equal seed."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return an independent generator for the purpose that `names` spell."""
    return np.random.default_rng(derive_seed(seed, *names))
