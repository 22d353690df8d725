"""Which architectures does the sampler choose among?

Describing an architecture is nearly free: its exact size and other facts, no training.
`CandidatePool` keeps a pool of them: the whole space where it is small, else a random sample and a
descent to the smallest. For each ask it adds neighbours of given architectures. It leaves out what
cannot be built, breaks a constraint or was asked for before. Descriptions are cached, which
changes speed and nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.errors import ConstraintError, SpaceError
from nas.frontier.effort import Effort
from nas.frontier.embedding import Embedding
from nas.frontier.encoding import Encoding
from nas.frontier.expert_prior import ExpertPrior
from nas.frontier.gaussian_process import Posterior
from nas.frontier.settings import settings_of
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
# Results of earlier searches tell more than the prior score of a network.
SHARE_BY_PRIOR_SCORE, SHARE_BY_RESULTS = 0.02, 0.1
# Descriptions that are cached; about 1 kB each.
MAX_REMEMBERED = 50_000
# Architectures whose neighbours are looked for in the pool; more cost time and find the same.
MAX_PARENTS = 24


@dataclass(frozen=True)
class Candidate:
    """One architecture, described without training it.

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
class CandidateBatch:
    """Several candidates as arrays.

    Attributes:
        rows: (n, parameters) codes.
        keys: (n) numbers of the networks.
        features: (n, columns) what the model sees.
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

    def take(self, which: IntArray) -> "CandidateBatch":
        """Return some of them."""
        return CandidateBatch(
            self.rows[which],
            self.keys[which],
            self.features[which],
            self.static[which],
            self.is_allowed[which],
        )

    def join(self, *others: "CandidateBatch") -> "CandidateBatch":
        """Return these and the others."""
        all_of = (self, *others)
        return CandidateBatch(
            np.concatenate([batch.rows for batch in all_of]),
            np.concatenate([batch.keys for batch in all_of]),
            np.concatenate([batch.features for batch in all_of]),
            np.concatenate([batch.static for batch in all_of]),
            np.concatenate([batch.is_allowed for batch in all_of]),
        )

    def new(self, known: Collection[int] | IntArray) -> "CandidateBatch":
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
        losses: (n) expected losses on any scale; lower is better.
        share: of the pool. For each of the first trainings, this share of the pool that is nearest
            to the wanted size is taken, and the best of it by `losses` is trained.
    """

    losses: FloatArray
    share: float


class CandidatePool:
    """The architectures that a sampler chooses among.

    Attributes:
        prior: what the space's parameters say of good architectures.
        hints: which networks of the pool are good for their size, by earlier searches or else by
            their prior scores; None where there are neither.
        recommended: allowed networks that the space names as quick learners, the surest first;
            none where earlier searches tell more.
        settings: columns of the parameters that move no known cost.

    Args:
        space: what architectures are drawn from.
        facts: what is known of an architecture; None if it cannot be built.
        is_allowed: whether the constraints on static costs are kept; None allows all.
        seed: of the pool.
        effort: how many candidates are described.

    Raises:
        ConstraintError: no candidate can be built and keeps the constraints.
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
        self.prior = ExpertPrior(self.encoding)
        self._facts = facts
        self._is_allowed = is_allowed
        self._keys: dict[str, int] = {}
        self._remembered: dict[bytes, Candidate | None] = {}
        self.is_exhaustive = space.num_architectures() <= effort.max_enumerated
        if self.is_exhaustive:
            every = map(self.describe, map(self.encoding.encode, space.enumerate()))
            found = [candidate for candidate in every if candidate is not None]
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
        rows = np.array([candidate.row for candidate in found])
        self.settings = settings_of(
            self.encoding, rows, self._facts_of_row, generator(seed, "settings")
        )
        self.embedding = Embedding(
            self.encoding,
            rows,
            [x.facts for x in found],
            is_exhaustive=self.is_exhaustive,
            settings=self.settings,
        )
        self._set_pool(one_each)
        prior_score = np.array([candidate.facts.prior_score for candidate in self._pool_members])
        losses = np.where(np.isnan(prior_score), np.inf, -prior_score)
        differ = (losses != losses[0]).any()
        self.hints = Hints(losses, SHARE_BY_PRIOR_SCORE) if differ else None
        named = map(self.describe, map(self.encoding.encode, space.recommended()))
        self.recommended = [c for c in named if c is not None and c.is_allowed]

    def _set_pool(self, one_each: Mapping[int, Candidate]) -> None:
        self._pool_members = list(one_each.values())
        self.pool = self.gather(self._pool_members)
        self.sizes = np.array([candidate.facts.log_size for candidate in self._pool_members])
        self.is_left = np.ones(len(self.pool), dtype=np.bool_)
        self._place = {key: place for place, key in enumerate(self.pool.keys.tolist())}
        self._pool_columns = np.ascontiguousarray(_comparable(self.pool.rows).T)

    def take_hints(self, models: Sequence[Posterior], *, of: Sequence[Candidate]) -> None:
        """Add what earlier searches lead to expect to the features of every architecture.

        Args:
            models: of the losses there, one for each search.
            of: the architectures that they had; the pool holds them from now on.
        """
        pool = {candidate.key: candidate for candidate in self._pool_members}
        self._set_pool(
            {candidate.key: candidate for candidate in of if candidate.is_allowed} | pool
        )
        self.embedding = self.embedding.with_hints(models, self.pool.features)
        self.pool = self.gather(self._pool_members)
        losses = self.pool.features[:, -len(models) :].mean(axis=1)
        self.hints = Hints(losses, SHARE_BY_RESULTS)
        self.recommended = []

    def describe(self, row: FloatArray) -> Candidate | None:
        """Return the candidate of a row; None if it cannot be built."""
        key = row.tobytes()
        if key not in self._remembered:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = self._describe(row)
        return self._remembered[key]

    def gather(self, candidates: Sequence[Candidate]) -> CandidateBatch:
        """Return several candidates as arrays."""
        rows = np.array([candidate.row for candidate in candidates]).reshape(len(candidates), -1)
        facts = [candidate.facts for candidate in candidates]
        return CandidateBatch(
            rows,
            np.array([candidate.key for candidate in candidates], dtype=np.int64),
            self.embedding(rows, facts),
            np.array([fact.losses for fact in facts]),
            np.array([candidate.is_allowed for candidate in candidates], dtype=np.bool_),
        )

    def pool_member(self, place: int) -> Candidate:
        """Return a network of the pool."""
        return self._pool_members[place]

    def leave_out(self, keys: Iterable[int]) -> None:
        """Take networks out of what is left of the pool."""
        for key in keys:
            if key in self._place:
                self.is_left[self._place[key]] = False

    def some(self, count: int, rng: np.random.Generator) -> CandidateBatch:
        """Return up to `count` random networks of what is left of the pool."""
        which = np.flatnonzero(self.is_left)
        if len(which) > count:
            which = np.sort(rng.choice(which, size=count, replace=False))
        return self.pool.take(which)

    def near(
        self, rows: FloatArray, *, count: int, max_changes: int, rng: np.random.Generator
    ) -> CandidateBatch:
        """Return up to `count` neighbours of some architectures, at most so many changes away.

        In a space that was enumerated they come from what is left of the pool.
        """
        if self.is_exhaustive:
            return self._near_in_pool(rows, count, max_changes, rng)
        parents = rows[rng.integers(len(rows), size=count)]
        changes = rng.integers(1, max_changes + 1, size=count)
        found = map(self.describe, self.encoding.mutate(parents, rng, num_changes=changes))
        allowed = [one for one in found if one is not None and one.is_allowed]
        return self.gather(allowed) if allowed else self.pool.take(np.arange(0))

    def _near_in_pool(
        self, rows: FloatArray, count: int, max_changes: int, rng: np.random.Generator
    ) -> CandidateBatch:
        is_near = np.zeros(len(self.pool), dtype=np.bool_)
        for row in _comparable(rng.permutation(rows)[:MAX_PARENTS]):
            differs = self._pool_columns != row[:, None]
            is_near |= np.add.reduce(differs, axis=0, dtype=np.int16) <= max_changes
        return self.pool.take(rng.permutation(np.flatnonzero(is_near & self.is_left))[:count])

    def _facts_of_row(self, row: FloatArray) -> Facts | None:
        candidate = self.describe(row)
        return None if candidate is None else candidate.facts

    def _describe(self, row: FloatArray) -> Candidate | None:
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
        return Candidate(
            row, facts, key, self._is_allowed is None or self._is_allowed(architecture)
        )

    def _sample(
        self, space: SearchSpace, rng: np.random.Generator, effort: Effort
    ) -> list[Candidate]:
        """Draw at random until enough is allowed; add the smallest that mutation leads to.

        Of the way down only its end is kept: it would be most of the pool, and all of one kind.
        """
        found: dict[int, Candidate] = {}
        for _ in range(MAX_DRAWS):
            rows = self._draw(space, rng, effort.pool_size)
            found |= self._met(rows)
            if sum(candidate.is_allowed for candidate in found.values()) >= effort.pool_size:
                break
        if self.prior.is_told:
            draw = partial(self._draw, space, rng)
            found |= self._met(self.prior.draw(draw, effort.pool_size, rng))
        # What is not allowed may be too large: the way down leads to what is.
        below = _smallest([*found.values()])
        for _ in range(effort.num_rounds):
            parents = [candidate.row for candidate in below] or rows[:DESCENT_PARENTS]
            start = np.repeat(np.array(parents), DESCENT_CHILDREN, axis=0)
            changes = rng.integers(1, 3, size=len(start))
            children = self.encoding.mutate(start, rng, num_changes=changes)
            known = {candidate.key: candidate for candidate in below}
            below = _smallest([*(known | self._met(children)).values()])
        return [*({candidate.key: candidate for candidate in below} | found).values()]

    def _met(self, rows: FloatArray) -> dict[int, Candidate]:
        """Return the rows that can be built as candidates, by the numbers of their networks."""
        found = map(self.describe, rows)
        return {candidate.key: candidate for candidate in found if candidate is not None}

    def _draw(self, space: SearchSpace, rng: np.random.Generator, count: int) -> FloatArray:
        if self.encoding.is_plain:
            return self.encoding.draw(count, rng)
        return np.array([self.encoding.encode(space.sample(rng)) for _ in range(count)])


def _smallest(found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda candidate: candidate.facts.log_size)[:DESCENT_PARENTS]


def _comparable(rows: FloatArray) -> NDArray[np.float32]:
    """Return rows in which an absent position equals another."""
    return np.where(np.isnan(rows), -np.inf, rows).astype(np.float32)
