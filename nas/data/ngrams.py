"""How well does a small model guess a text? A model of byte n-grams, counted, not trained.

Perplexity of a small n-gram model sorts text as it did for CCNet (Wenzek et al., 2020,
https://arxiv.org/abs/1911.00359, section 3.3). Counts of longer contexts are mixed with those of
shorter ones, as much as there are few of them (MacKay and Peto, 1995, "A hierarchical Dirichlet
language model"). N-grams share counters by a hash; memory does not grow with the text.
"""

import math

import numpy as np
import numpy.typing as npt

ORDER = 5  # bytes, the guessed one among them
_BITS = 21  # of a counter's address
_STRENGTH = 4.0  # counts that the shorter context stands for
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint32(1)


class NgramModel:
    """Guesses each byte from the few before it.

    Args:
        num_bytes: most bytes to learn from; later texts are passed over.
    """

    def __init__(self, *, num_bytes: int) -> None:
        self._left = num_bytes
        self._total = 0
        self._counts = [np.zeros(1 << _BITS, dtype=np.uint32) for _ in range(ORDER)]

    @property
    def is_full(self) -> bool:
        """Whether it learns no more."""
        return self._left <= 0

    def learn(self, text: bytes) -> None:
        """Count the n-grams of a text."""
        if self.is_full:
            return
        self._left -= len(text)
        self._total += len(text)
        for counts, addresses in zip(self._counts, _addresses(text), strict=True):
            np.add.at(counts, addresses, _ONE)

    def bits_per_byte(self, text: bytes) -> float:
        """Return how many bits a byte of a text takes in the mean; NaN for an empty one."""
        if not text:
            return math.nan
        chance: npt.NDArray[np.float64] = np.full(len(text), 1.0 / 256.0)
        context = np.full(len(text), self._total, dtype=np.float64)
        for counts, addresses in zip(self._counts, _addresses(text), strict=True):
            seen = counts[addresses].astype(np.float64)
            # N-grams that share a counter may seem to be more frequent than their context.
            among = np.maximum(context, seen)
            chance = (seen + _STRENGTH * chance) / (among + _STRENGTH)
            context = np.concatenate([[0.0], seen[:-1]])
        return float(-np.log2(chance).mean())


def _addresses(text: bytes) -> list[npt.NDArray[np.int64]]:
    """Return for each order where the counter of the n-gram that ends at each byte is, (N,)."""
    values = np.frombuffer(text, dtype=np.uint8).astype(np.uint64)
    before = np.concatenate([np.zeros(ORDER - 1, dtype=np.uint64), values])
    found, key = [], values
    for order in range(ORDER):
        if order:
            first = ORDER - 1 - order
            key = key | (before[first : first + len(values)] << np.uint64(8 * order))
        mixed = (key ^ (key >> np.uint64(29))) * _MULTIPLIER
        found.append((mixed >> np.uint64(64 - _BITS)).astype(np.int64))
    return found
