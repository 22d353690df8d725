"""Which architectures are worth a look before one is trained?

Looking is nearly free: exact size and facts, no training. `Candidates` keeps a pool: every
architecture where the space is small, else a random sample and a descent to the smallest. For each
ask it adds neighbours of given architectures. What cannot be built, is not allowed or is known
already is left out. A look is remembered, which changes speed and nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.errors import ConstraintError, SpaceError
from nas.sampling.embedding import Embedding
from nas.sampling.encoding import Encoding
from nas.sampling.gaussian_process import Posterior
from nas.sampling.thrift import Effort
from nas.seeding import generator
from nas.space.facts import Facts
from nas.space.space import SearchSpace

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

# The descent to the smallest architectures: parents a round, children of each.
DESCENT_PARENTS, DESCENT_CHILDREN = 20, 4
# Rounds of random draws, of the pool's size, where limits leave few allowed.
MAX_DRAWS = 4
# Results of earlier searches tell more than the promise that every network comes with.
HINTED_BY_PROMISE, HINTED_BY_RESULTS = 0.02, 0.1
# Looks that are remembered; about 1 kB each.
MAX_REMEMBERED = 50_000
# Architectures whose neighbours are looked for in the pool; more cost time and find the same.
MAX_PARENTS = 24


@dataclass(frozen=True)
class Look:
    """One architecture that was looked at.

    Attributes:
        row: its code (parameters).
        facts: what is known of it.
        key: number of its network: equal for architectures with the same identity.
        is_allowed: whether it keeps the constraints.
    """

    row: FloatArray
    facts: Facts
    key: int
    is_allowed: bool


@dataclass(frozen=True)
class Looks:
    """Several looks as arrays.

    Attributes:
        rows: (n, parameters) codes.
        keys: (n) numbers of the networks.
        features: (n, columns) what the model looks at.
        static: (n, s) the static objectives, lower is better.
        is_allowed: (n) whether each keeps the constraints.
    """

    rows: FloatArray
    keys: IntArray
    features: FloatArray
    static: FloatArray
    is_allowed: BoolArray

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, which: IntArray) -> "Looks":
        """Return some of them."""
        return Looks(
            self.rows[which],
            self.keys[which],
            self.features[which],
            self.static[which],
            self.is_allowed[which],
        )

    def join(self, *others: "Looks") -> "Looks":
        """Return these and the others."""
        all_of = (self, *others)
        return Looks(
            np.concatenate([looks.rows for looks in all_of]),
            np.concatenate([looks.keys for looks in all_of]),
            np.concatenate([looks.features for looks in all_of]),
            np.concatenate([looks.static for looks in all_of]),
            np.concatenate([looks.is_allowed for looks in all_of]),
        )

    def new(self, known: Collection[int] | IntArray) -> "Looks":
        """Return those whose networks are not known, each network once."""
        _, first = np.unique(self.keys, return_index=True)
        first.sort()
        known_keys = known if isinstance(known, np.ndarray) else np.fromiter(known, np.int64)
        is_new = ~np.isin(self.keys[first], known_keys)
        return self if is_new.sum() == len(self) else self.take(first[is_new])


@dataclass(frozen=True)
class Hints:
    """Which networks of the pool are expected to be good for their size, before any result.

    Attributes:
        losses: (n) on any scale; lower is better.
        share: how far they are to be trusted: the first trainings are the most promising ones
            among this share of the pool, the nearest to the size that is wanted.
    """

    losses: FloatArray
    share: float


class Candidates:
    """Looks at architectures.

    Attributes:
        hints: which networks of the pool are good for their size, by earlier searches or else by
            their promise; None where nothing tells.

    Args:
        space: what architectures are drawn from.
        facts: what is known of an architecture; None if it cannot be built.
        is_allowed: whether the constraints on static costs are kept; None allows all.
        seed: of the pool.
        effort: how much is looked at.

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
        effort: Effort,
    ) -> None:
        self.encoding = Encoding(space)
        self._facts = facts
        self._is_allowed = is_allowed
        self._keys: dict[str, int] = {}
        self._remembered: dict[bytes, Look | None] = {}
        self.is_exhaustive = space.num_architectures() <= effort.max_enumerated
        if self.is_exhaustive:
            every = map(self.look, map(self.encoding.encode, space.enumerate()))
            found = [look for look in every if look is not None]
        else:
            found = self._sample(space, generator(seed, "pool"), effort)
        # One configuration of each network: the smallest (dead parts have parameters, too), any
        # one of several.
        order = generator(seed, "order").permutation(len(found)).tolist()
        order.sort(key=lambda i: -found[i].facts.log_size)
        one_each = {found[i].key: found[i] for i in order if found[i].is_allowed}
        if not one_each:
            raise ConstraintError(
                f"none of the {len(found)} architectures that could be built keeps the "
                "constraints; widen the limits or the search space"
            )
        rows = np.array([look.row for look in found])
        self.embedding = Embedding(
            self.encoding, rows, [x.facts for x in found], is_exhaustive=self.is_exhaustive
        )
        self._set_pool(one_each)
        promise = np.array([look.facts.promise for look in self._pool_looks])
        losses = np.where(np.isnan(promise), np.inf, -promise)
        differ = (losses != losses[0]).any()
        self.hints = Hints(losses, HINTED_BY_PROMISE) if differ else None

    def _set_pool(self, one_each: Mapping[int, Look]) -> None:
        self._pool_looks = list(one_each.values())
        self.pool = self.gather(self._pool_looks)
        self.sizes = np.array([look.facts.log_size for look in self._pool_looks])
        self.is_left = np.ones(len(self.pool), dtype=np.bool_)
        self._place = {key: place for place, key in enumerate(self.pool.keys.tolist())}
        self._pool_columns = np.ascontiguousarray(_comparable(self.pool.rows).T)

    def take_hints(self, models: Sequence[Posterior], *, of: Sequence[Look]) -> None:
        """Let what earlier searches lead to expect be known of every architecture.

        Args:
            models: of the losses there, one for each search.
            of: the architectures that they had; the pool holds them from now on.
        """
        pool = {look.key: look for look in self._pool_looks}
        self._set_pool({look.key: look for look in of if look.is_allowed} | pool)
        self.embedding = self.embedding.with_hints(models, self.pool.features)
        self.pool = self.gather(self._pool_looks)
        losses = self.pool.features[:, -len(models) :].mean(axis=1)
        self.hints = Hints(losses, HINTED_BY_RESULTS)

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
        facts = [look.facts for look in looks]
        return Looks(
            rows,
            np.array([look.key for look in looks], dtype=np.int64),
            self.embedding(rows, facts),
            np.array([fact.losses for fact in facts]),
            np.array([look.is_allowed for look in looks], dtype=np.bool_),
        )

    def pool_look(self, place: int) -> Look:
        """Return a network of the pool."""
        return self._pool_looks[place]

    def leave_out(self, keys: Iterable[int]) -> None:
        """Take networks out of what is left of the pool."""
        for key in keys:
            if key in self._place:
                self.is_left[self._place[key]] = False

    def some(self, count: int, rng: np.random.Generator) -> Looks:
        """Return up to `count` random networks of what is left of the pool."""
        which = np.flatnonzero(self.is_left)
        if len(which) > count:
            which = np.sort(rng.choice(which, size=count, replace=False))
        return self.pool.take(which)

    def near(
        self, rows: FloatArray, *, count: int, max_changes: int, rng: np.random.Generator
    ) -> Looks:
        """Return up to `count` neighbours of some architectures, at most so many changes away.

        In a space that is looked at as a whole they come from what is left of the pool.
        """
        if self.is_exhaustive:
            return self._near_in_pool(rows, count, max_changes, rng)
        parents = rows[rng.integers(len(rows), size=count)]
        changes = rng.integers(1, max_changes + 1, size=count)
        found = map(self.look, self.encoding.mutate(parents, rng, num_changes=changes))
        allowed = [look for look in found if look is not None and look.is_allowed]
        return self.gather(allowed) if allowed else self.pool.take(np.arange(0))

    def _near_in_pool(
        self, rows: FloatArray, count: int, max_changes: int, rng: np.random.Generator
    ) -> Looks:
        is_near = np.zeros(len(self.pool), dtype=np.bool_)
        for row in _comparable(rng.permutation(rows)[:MAX_PARENTS]):
            differs = self._pool_columns != row[:, None]
            is_near |= np.add.reduce(differs, axis=0, dtype=np.int16) <= max_changes
        return self.pool.take(rng.permutation(np.flatnonzero(is_near & self.is_left))[:count])

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
        key = self._keys.setdefault(facts.identity, len(self._keys))
        return Look(row, facts, key, self._is_allowed is None or self._is_allowed(architecture))

    def _sample(self, space: SearchSpace, rng: np.random.Generator, effort: Effort) -> list[Look]:
        """Draw at random until enough is allowed; add the smallest that mutation leads to.

        Of the way down only its end is kept: it would be most of the pool, and all of one kind.
        """
        found: dict[int, Look] = {}
        for _ in range(MAX_DRAWS):
            rows = self._draw(space, rng, effort.pool_size)
            found |= {look.key: look for look in map(self.look, rows) if look is not None}
            if sum(look.is_allowed for look in found.values()) >= effort.pool_size:
                break
        # What is not allowed may be too large: the way down leads to what is.
        below = _smallest([*found.values()])
        for _ in range(effort.num_rounds):
            parents = [look.row for look in below] or rows[:DESCENT_PARENTS]
            start = np.repeat(np.array(parents), DESCENT_CHILDREN, axis=0)
            changes = rng.integers(1, 3, size=len(start))
            children = map(self.look, self.encoding.mutate(start, rng, num_changes=changes))
            met = {look.key: look for look in [*below, *filter(None, children)]}
            below = _smallest([*met.values()])
        return [*({look.key: look for look in below} | found).values()]

    def _draw(self, space: SearchSpace, rng: np.random.Generator, count: int) -> FloatArray:
        if self.encoding.is_plain:
            return self.encoding.draw(count, rng)
        return np.array([self.encoding.encode(space.sample(rng)) for _ in range(count)])


def _smallest(looks: list[Look]) -> list[Look]:
    return sorted(looks, key=lambda look: look.facts.log_size)[:DESCENT_PARENTS]


def _comparable(rows: FloatArray) -> NDArray[np.float32]:
    """Return rows in which an absent position equals another."""
    return np.where(np.isnan(rows), -np.inf, rows).astype(np.float32)
