"""How many candidates may an ask describe, where describing one takes long?

Describing a candidate means finding its size and other facts without training it. Spaces that know
their costs in closed form do so in microseconds. One whose networks are counted on the meta device
takes tens of milliseconds, and an ask with hundreds of candidates would take half a minute. So the
time of one description is measured once, before the first ask, and all numbers of candidates are
divided accordingly. The divisor is kept with the study, so that a study that is resumed, on
whatever machine, goes on as it began.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.seeding import generator
from nas.space.facts import Facts
from nas.space.space import SearchSpace

# Name of the study attribute that keeps the divisor; studies on disk have it under this name.
DIVISOR_KEY = "frontier:thrift"
# Below this time nothing is divided: an ask with hundreds of candidates takes a second at most.
CHEAP_S = 0.002
MAX_DIVISOR = 64
NUM_TIMED = 5
# However slow a description is, fewer candidates than these would be no search.
MIN_CANDIDATES, MIN_POOL, MIN_ROUNDS = 40, 128, 4
# Up to so many networks, divided, a space is enumerated where descriptions are slow: half a
# minute, once.
MAX_ENUMERATED = 16_000


@dataclass(frozen=True)
class Effort:
    """How many candidates are described.

    Attributes:
        num_candidates: new networks in an ask.
        pool_size: random networks in the pool.
        num_rounds: steps of the descent to the smallest networks.
        max_enumerated: spaces of up to so many networks are enumerated.
    """

    num_candidates: int
    pool_size: int
    num_rounds: int
    max_enumerated: int

    def reduced(self, divisor: int) -> "Effort":
        """Return the effort divided; the same where the divisor is 1."""
        if divisor == 1:
            return self
        candidates = max(MIN_CANDIDATES, self.num_candidates // divisor)
        return Effort(
            num_candidates=min(self.num_candidates, candidates),
            pool_size=min(self.pool_size, max(MIN_POOL, self.pool_size // divisor)),
            num_rounds=min(self.num_rounds, max(MIN_ROUNDS, self.num_rounds // divisor)),
            max_enumerated=min(self.max_enumerated, MAX_ENUMERATED // divisor),
        )


def divisor_for(description_s: float) -> int:
    """Return the divisor (1, 2, 4, ... 64) where one description takes so many seconds."""
    divisor = 1
    while description_s > CHEAP_S * divisor and divisor < MAX_DIVISOR:
        divisor *= 2
    return divisor


def effort_divisor(
    space: SearchSpace, facts: Callable[[Architecture], Facts | None], *, seed: int
) -> int:
    """Return the divisor that suits a space, from the median time of a few descriptions."""
    rng = generator(seed, "thrift")  # the name decides the draws, so it stays
    seconds = [_timed(facts, space.sample(rng)) for _ in range(NUM_TIMED)]
    return divisor_for(float(np.median(seconds)))


def _timed(facts: Callable[[Architecture], Facts | None], architecture: Architecture) -> float:
    begin_s = time.perf_counter()
    facts(architecture)
    return time.perf_counter() - begin_s
