"""How many looks may an ask take, where a look costs time?

Spaces that know their costs in closed form answer in microseconds. One that has each network
counted on the meta device takes tens of milliseconds, and an ask of hundreds of looks would take
half a minute. So what a look costs is measured once, before the first ask, and everything that
looks does so less often. The outcome is noted with the study, so that a study that is taken up
again, on whatever machine, goes on as it began.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.seeding import generator
from nas.space.facts import Facts
from nas.space.space import SearchSpace

# Names the note of it with the study.
THRIFT_KEY = "frontier:thrift"
# Looks that take less than this need no thrift: an ask of hundreds takes a second at most.
CHEAP_S = 0.002
MAX_THRIFT = 64
NUM_TIMED = 5
# However dear a look is: fewer would be no search.
MIN_LOOKS, MIN_POOL, MIN_ROUNDS = 40, 128, 4
# Networks up to which a space of dear looks is gone through as a whole, divided by the thrift:
# half a minute, once.
MAX_ENUMERATED = 16_000


@dataclass(frozen=True)
class Effort:
    """How much is looked at.

    Attributes:
        num_looks: new networks in an ask.
        pool_size: random networks in the pool.
        num_rounds: steps of the descent to the smallest networks.
        max_enumerated: up to so many networks a space is gone through as a whole.
    """

    num_looks: int
    pool_size: int
    num_rounds: int
    max_enumerated: int

    def reduced(self, thrift: int) -> "Effort":
        """Return the effort at that thrift; the same at 1."""
        if thrift == 1:
            return self
        return Effort(
            num_looks=min(self.num_looks, max(MIN_LOOKS, self.num_looks // thrift)),
            pool_size=min(self.pool_size, max(MIN_POOL, self.pool_size // thrift)),
            num_rounds=min(self.num_rounds, max(MIN_ROUNDS, self.num_rounds // thrift)),
            max_enumerated=min(self.max_enumerated, MAX_ENUMERATED // thrift),
        )


def thrift_at(look_s: float) -> int:
    """Return by how much less is looked where one look takes so many seconds: 1, 2, 4, ... 64."""
    thrift = 1
    while look_s > CHEAP_S * thrift and thrift < MAX_THRIFT:
        thrift *= 2
    return thrift


def thrift_of(
    space: SearchSpace, facts: Callable[[Architecture], Facts | None], *, seed: int
) -> int:
    """Return the thrift that suits a space, from the time of a few looks."""
    rng = generator(seed, "thrift")
    seconds = [_timed(facts, space.sample(rng)) for _ in range(NUM_TIMED)]
    return thrift_at(float(np.median(seconds)))


def _timed(facts: Callable[[Architecture], Facts | None], architecture: Architecture) -> float:
    begin_s = time.perf_counter()
    facts(architecture)
    return time.perf_counter() - begin_s
