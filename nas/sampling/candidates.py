"""Which architectures are worth a look before one is trained?

Looking is nearly free: exact size and facts, no training. `Candidates` keeps a pool: every architecture
where the space is small, else a random sample and a descent to the smallest. For each ask it adds
neighbours of given architectures. What cannot be built, is not allowed, or is known already is left
out. A look is remembered, which changes speed and nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.errors import ConstraintError, SpaceError
from nas.sampling.embedding import Embedding
from nas.sampling.encoding import Encoding
from nas.seeding import generator
from nas.space.facts import Facts
from nas.space.space import SearchSpace

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

# The descent to the smallest architectures: rounds, parents a round, children of each.
DESCENT_ROUNDS, DESCENT_PARENTS, DESCENT_CHILDREN = 25, 20, 4
# Looks that are remembered; about 1 kB each.
MAX_REMEMBERED = 50_000


@dataclass(frozen=True)
class Look:
    """One architecture that was looked at.

    Attributes:
        row: its code (parameters).
        facts: what is known of it.
        is_allowed: whether it keeps the constraints.
    """

    row: FloatArray
    facts: Facts
    is_allowed: bool = True


@dataclass(frozen=True)
class Looks:
    """Several looks as arrays.

    Attributes:
        rows: (n, parameters) codes.
        facts: (n) facts.
        features: (n, columns) what the model looks at.
        static: (n, s) the static objectives, lower is better.
        is_allowed: (n) whether each keeps the constraints.
    """

    rows: FloatArray
    facts: tuple[Facts, ...]
    features: FloatArray
    static: FloatArray
    is_allowed: BoolArray

    def __len__(self) -> int:
        return len(self.facts)

    def take(self, which: IntArray) -> "Looks":
        """Return some of them."""
        facts = tuple(self.facts[i] for i in which.tolist())
        return Looks(
            self.rows[which],
            facts,
            self.features[which],
            self.static[which],
            self.is_allowed[which],
        )

    def join(self, other: "Looks") -> "Looks":
        """Return these and the others."""
        return Looks(
            np.vstack([self.rows, other.rows]),
            self.facts + other.facts,
            np.vstack([self.features, other.features]),
            np.vstack([self.static, other.static]),
            np.concatenate([self.is_allowed, other.is_allowed]),
        )


class Candidates:
    """Looks at architectures.

    Args:
        space: what architectures are drawn from.
        facts: what is known of an architecture; None if it cannot be built.
        is_allowed: whether the constraints on static costs are kept.
        seed: of the pool.
        pool_size: random architectures in the pool of a large space.
        max_enumerated: up to this many architectures a space is looked at as a whole.

    Raises:
        ConstraintError: nothing that was looked at can be built and is allowed.
    """

    def __init__(
        self,
        space: SearchSpace,
        facts: Callable[[Architecture], Facts | None],
        *,
        is_allowed: Callable[[Architecture], bool] | None,
        seed: int,
        pool_size: int,
        max_enumerated: int,
    ) -> None:
        self.encoding = Encoding(space)
        self._facts = facts
        self._is_allowed = is_allowed
        self._remembered: dict[bytes, Look | None] = {}
        self.is_exhaustive = space.num_architectures() <= max_enumerated
        if self.is_exhaustive:
            every = map(self._look, map(self.encoding.encode, space.enumerate()))
            found = [look for look in every if look is not None]
        else:
            found = self._sample(space, generator(seed, "pool"), pool_size)
        # One configuration of each network, whichever comes last in a random order.
        order = generator(seed, "order").permutation(len(found)).tolist()
        one_each = {found[i].facts.identity: found[i] for i in order if found[i].is_allowed}
        if not one_each:
            raise ConstraintError(
                f"none of the {len(found)} architectures that could be built keeps the "
                "constraints; widen the limits or the search space"
            )
        self.embedding = Embedding(
            self.encoding,
            np.array([look.row for look in found]),
            [look.facts for look in found],
            is_exhaustive=self.is_exhaustive,
        )
        self.pool = self.gather(list(one_each.values()))
        self.is_left = np.ones(len(self.pool), dtype=np.bool_)
        self._place = {fact.identity: i for i, fact in enumerate(self.pool.facts)}
        self._pool_codes = np.where(np.isnan(self.pool.rows), -1.0, self.pool.rows).astype(
            np.float32
        )

    def look(self, row: FloatArray) -> Look | None:
        """Look at one architecture; None if it cannot be built."""
        key = row.tobytes()
        if key not in self._remembered:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = self._look(row)
        return self._remembered[key]

    def gather(self, looks: Sequence[Look]) -> Looks:
        """Return the looks as arrays."""
        rows = np.array([look.row for look in looks]).reshape(len(looks), -1)
        facts = tuple(look.facts for look in looks)
        static = np.array([fact.losses for fact in facts])
        is_allowed = np.array([look.is_allowed for look in looks], dtype=np.bool_)
        return Looks(rows, facts, self.embedding(rows, facts), static, is_allowed)

    def leave_out(self, identities: Iterable[str]) -> None:
        """Take networks out of what is left of the pool."""
        for identity in identities:
            if identity in self._place:
                self.is_left[self._place[identity]] = False

    def some(self, count: int, rng: np.random.Generator) -> Looks | None:
        """Return up to `count` random networks of what is left of the pool."""
        which = np.flatnonzero(self.is_left)
        if len(which) > count:
            which = rng.choice(which, size=count, replace=False)
        return self.pool.take(which) if len(which) else None

    def near(
        self,
        rows: FloatArray,
        *,
        count: int,
        max_changes: int,
        known: Collection[str],
        rng: np.random.Generator,
    ) -> Looks | None:
        """Return up to `count` unknown neighbours of some architectures, at most so many changes away.

        In a space that is looked at as a whole they come from the pool.
        """
        if self.is_exhaustive:
            return self._near_in_pool(rows, count, max_changes, rng)
        parents = rows[rng.integers(len(rows), size=count)]
        changes = rng.integers(1, max_changes + 1, size=count)
        found: dict[str, Look] = {}
        for row in self.encoding.mutate(parents, rng, num_changes=changes):
            look = self.look(row)
            if look is not None and look.is_allowed and look.facts.identity not in known:
                found.setdefault(look.facts.identity, look)
        return self.gather(list(found.values())) if found else None

    def _near_in_pool(
        self,
        rows: FloatArray,
        count: int,
        max_changes: int,
        rng: np.random.Generator,
    ) -> Looks | None:
        codes = np.where(np.isnan(rows), -1.0, rows).astype(np.float32)
        is_near = np.zeros(len(self.pool), dtype=np.bool_)
        for code in codes:
            is_near |= np.count_nonzero(self._pool_codes != code, axis=1) <= max_changes
        which = rng.permutation(np.flatnonzero(is_near & self.is_left))[:count]
        return self.pool.take(which) if len(which) else None

    def _look(self, row: FloatArray) -> Look | None:
        try:
            architecture = self.encoding.decode(row)
        except SpaceError:
            return None
        if not self.encoding.is_plain:
            row = self.encoding.encode(architecture)
        facts = self._facts(architecture)
        if facts is None:
            return None
        return Look(row, facts, self._is_allowed is None or self._is_allowed(architecture))

    def _sample(self, space: SearchSpace, rng: np.random.Generator, pool_size: int) -> list[Look]:
        """Draw at random, then go down to the smallest by mutation."""
        if self.encoding.is_plain:
            rows = self.encoding.draw(pool_size, rng)
        else:
            rows = np.array([self.encoding.encode(space.sample(rng)) for _ in range(pool_size)])
        found = {look.facts.identity: look for look in map(self.look, rows) if look is not None}
        for _ in range(DESCENT_ROUNDS):
            smallest = sorted(found.values(), key=lambda look: look.facts.log_size)
            parents = [look.row for look in smallest[:DESCENT_PARENTS]]
            start = np.repeat(
                np.array(parents or rows[:DESCENT_PARENTS]), DESCENT_CHILDREN, axis=0
            )
            changes = rng.integers(1, 3, size=len(start))
            for look in map(self.look, self.encoding.mutate(start, rng, num_changes=changes)):
                if look is not None:
                    found.setdefault(look.facts.identity, look)
        return list(found.values())
