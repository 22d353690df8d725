"""From a sampler's draws to an architecture worth training.

Any Optuna sampler repeats itself (NSGA-II: 43 % of 400 draws in a space of 15,625) and knows
nothing of static constraints. `Proposer` draws until an architecture is new and allowed, before
any trial exists, so that the sampler never hears of a failure that was none. When redrawing does
not help it walks: from feasible architectures by mutation, and in a small space through all that
are left.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.errors import ConstraintError
from nas.objective import Constraint
from nas.space.space import SearchSpace

# A draw costs up to a second (GP), a look at the static costs up to 0.1 s.
MAX_REDRAWS = 20
MAX_WALK = 400
MAX_ENUMERATION = 200_000

Costs = Callable[[Architecture], Mapping[str, float] | None]


@dataclass(frozen=True)
class Proposal:
    """An architecture that may be trained.

    Attributes:
        architecture: new in the study, and within all static constraints.
        static_costs: metric name -> value.
    """

    architecture: Architecture
    static_costs: Mapping[str, float]


class SpaceExhausted(Exception):  # noqa: N818 - an end, not an error
    """No architecture that the constraints allow is left.

    Attributes:
        is_proven: all of the space was looked at; otherwise a long search found nothing new.
    """

    def __init__(self, *, is_proven: bool) -> None:
        super().__init__()
        self.is_proven = is_proven


class Proposer:
    """Draws architectures until one is new and allowed.

    Args:
        space: the space to draw from.
        costs: static costs of an architecture; None for one that cannot be built.
        constraints: limits on static costs.
    """

    def __init__(
        self, space: SearchSpace, *, costs: Costs, constraints: Sequence[Constraint] = ()
    ) -> None:
        self.space = space
        self.num_redrawn = 0
        self.num_known = 0  # of those, networks that the study has already
        self._costs = costs
        self._constraints = tuple(constraints)
        self._known: set[str] = set()
        self._allowed: list[Architecture] = []
        self._unseen: Iterator[Architecture] | None = None

    def remember(self, architecture: Architecture) -> None:
        """Note that the study has this architecture: it is never proposed again."""
        self._known.add(self.space.identity(architecture))
        self._allowed.append(architecture)

    def propose(self, draw: Callable[[], Architecture], *, rng: np.random.Generator) -> Proposal:
        """Return a new, allowed architecture, and remember it.

        Args:
            draw: asks the sampler for a candidate; may repeat itself.
            rng: for the walk when redrawing does not help.

        Raises:
            SpaceExhausted: there is none left.
            ConstraintError: nothing in the space keeps the constraints; names the nearest.
        """
        drawn: set[str] = set()
        candidate = draw()
        for _ in range(MAX_REDRAWS):
            proposal = self._accept(candidate)
            if proposal is not None:
                return proposal
            if candidate.id in drawn:
                break  # a sampler that repeats itself within one ask would go on doing so
            drawn.add(candidate.id)
            candidate = draw()
        proposal = self._walk(candidate, rng) or self._next_unknown()
        if proposal is not None:
            return proposal
        if self._allowed:
            raise SpaceExhausted(is_proven=self._is_listable)
        raise self._impossible(rng)

    def check_feasible(self, rng: np.random.Generator) -> None:
        """Make sure that the constraints leave something.

        Raises:
            ConstraintError: they do not; the message names the nearest that there is.
        """
        if not self._constraints or self._allowed:
            return
        if any(self.excess(self.space.sample(rng)) == 0.0 for _ in range(MAX_REDRAWS)):
            return
        if self._descend(rng)[0] > 0.0:
            raise self._impossible(rng)

    def excess(self, architecture: Architecture) -> float:
        """Return by how much the static costs break the constraints; infinite if unbuildable."""
        costs = self._costs(architecture)
        if costs is None:
            return float("inf")
        return self._excess_of(costs)

    def _excess_of(self, costs: Mapping[str, float]) -> float:
        return sum(c.excess(costs[c.metric]) for c in self._constraints if c.metric in costs)

    def _accept(self, candidate: Architecture) -> Proposal | None:
        if self.space.identity(candidate) in self._known:
            self.num_redrawn += 1
            self.num_known += 1
            return None
        costs = self._costs(candidate)
        if costs is None or self._excess_of(costs) > 0.0:
            self.num_redrawn += 1
            return None
        self.remember(candidate)
        return Proposal(candidate, costs)

    def _walk(self, start: Architecture, rng: np.random.Generator) -> Proposal | None:
        """Mutate, near first and then further away, from `start` or from allowed architectures."""
        if not self._allowed and self.excess(start) > 0.0:
            start = self._descend(rng)[1]
        for step in range(MAX_WALK):
            from_allowed = bool(self._allowed) and step % 2 == 1
            origin = (
                self._allowed[int(rng.integers(len(self._allowed)))] if from_allowed else start
            )
            mutant = self.space.mutate(origin, rng, num_changes=1 + step // 50)
            proposal = self._accept(mutant)
            if proposal is not None:
                return proposal
        return None

    @property
    def _is_listable(self) -> bool:
        return self.space.num_architectures() <= MAX_ENUMERATION

    def _next_unknown(self) -> Proposal | None:
        if not self._is_listable:
            return None
        if self._unseen is None:
            self._unseen = self.space.enumerate()
        # What was passed once is known or not allowed for ever, so the list is read only once.
        for architecture in self._unseen:
            proposal = self._accept(architecture)
            if proposal is not None:
                return proposal
        return None

    def _descend(self, rng: np.random.Generator) -> tuple[float, Architecture]:
        """Return the least excess found by greedy mutation, and its architecture."""
        starts = [self.space.sample(rng) for _ in range(MAX_REDRAWS)]
        best, least = min(((a, self.excess(a)) for a in starts), key=lambda pair: pair[1])
        since_better = 0
        while least > 0.0 and since_better < MAX_WALK:
            mutant = self.space.mutate(best, rng, num_changes=int(rng.integers(1, 4)))
            excess = self.excess(mutant)
            since_better = 0 if excess < least else since_better + 1
            if excess <= least:
                best, least = mutant, excess
        return least, best

    def _impossible(self, rng: np.random.Generator) -> ConstraintError:
        excess, nearest = self._descend(rng)
        costs = self._costs(nearest) or {}
        broken = [c for c in self._constraints if c.metric in costs and c.excess(costs[c.metric])]
        kept = [c for c in self._constraints if c.metric in costs and c not in broken]
        limits = " and ".join(map(str, broken or self._constraints))
        asked = f"has {limits}" if limits else "can be built"
        if broken and kept:
            asked = f"keeps {' and '.join(map(str, kept))} and {asked}"
        found = ", ".join(f"{c.metric} = {costs[c.metric]:,.0f}" for c in broken)
        allowed = " ".join(f"constraints.{c.metric}.{_reach(c, costs)}" for c in broken)
        return ConstraintError(
            f"no architecture of the space {asked}; the nearest found has {found or excess}"
            f" ({nearest.describe()}). Widen the limit ({allowed}) or the search space"
        )


def _reach(constraint: Constraint, costs: Mapping[str, float]) -> str:
    value = costs[constraint.metric]
    if constraint.maximum is not None and value > constraint.maximum:
        return f"max={math.ceil(value)}"
    return f"min={math.floor(value)}"
