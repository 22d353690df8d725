"""What is in a space, before anything is spent: how many, how large, what keeps the constraints.

Costs are counted on a sample in which each parameter is drawn by itself, like a search that knows
nothing; a space that is small enough is counted whole. How long trials take is measured apart, in
`nas.profile.trial_time`.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest

from nas.architecture import Architecture
from nas.errors import UnbuildableError, printable
from nas.evaluation.evaluator import Evaluator
from nas.objective import Constraint
from nas.seeding import generator
from nas.space.space import SearchSpace

CountMore = Callable[[Architecture], Mapping[str, float]]

NUM_BINS = 24
MAX_IDENTITIES = 50_000  # configurations whose networks are told apart, at most
IDENTITY_TIME_S = 3.0
DESCENT_TIME_S = 8.0
MAX_STEPS_WITHOUT_GAIN = 400


@dataclass(frozen=True)
class Sampling:
    """How much may be spent on looking.

    Attributes:
        num_samples: architectures whose costs are counted, at most.
        time_limit_s: seconds of counting what the search counts; ends it earlier.
        more_time_limit_s: seconds of counting what it does not.
        seed: of the draws.
    """

    num_samples: int = 1000
    time_limit_s: float = 8.0
    more_time_limit_s: float = 6.0
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """Architectures of a space with their static costs.

    Attributes:
        members: those that were counted; distinct. What the search does not count is known of
            the first ones only.
        num_unbuildable: draws that the space says do not exist.
        faults: one line for each that could not be built for another reason.
        is_whole: these are all architectures of the space.
        seconds: that counting took.
    """

    members: tuple[tuple[Architecture, Mapping[str, float]], ...]
    num_unbuildable: int
    faults: tuple[str, ...]
    is_whole: bool
    seconds: float

    @property
    def metrics(self) -> tuple[str, ...]:
        """The costs that are known, of some at least."""
        return tuple(self.members[0][1]) if self.members else ()

    def values(self, metric: str) -> list[float]:
        """Return a cost of those members of which it is known."""
        return [costs[metric] for _, costs in self.members if metric in costs]


@dataclass(frozen=True)
class CostRange:
    """How one cost is distributed over a sample.

    Attributes:
        metric: its name.
        quantiles: minimum, lower quartile, median, upper quartile, maximum.
        num_counted: values there were.
        counts: architectures in each bin.
        edges: of the bins, one more than bins; evenly spaced in the logarithm where `is_log`.
        is_log: the cost spans a factor of ten, or more.
    """

    metric: str
    quantiles: tuple[float, float, float, float, float]
    num_counted: int
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    is_log: bool


@dataclass(frozen=True)
class Feasibility:
    """What of a sample keeps the constraints.

    Attributes:
        num_kept: architectures that keep them all.
        num_counted: of so many.
        low: 95 % interval of the share in the space (Wilson); exact for a space that is whole.
        high: its upper end.
        nearest: where none does: the nearest that was found by a search from there, which may keep
            them; None where some of the sample do.
        nearest_costs: its costs.
        excess: by how much it breaks them, as a share of the limits; 0.0 where it keeps them.
    """

    num_kept: int
    num_counted: int
    low: float
    high: float
    nearest: Architecture | None = None
    nearest_costs: Mapping[str, float] | None = None
    excess: float = 0.0

    @property
    def is_possible(self) -> bool:
        """Whether an architecture is known that keeps the constraints."""
        return self.num_kept > 0 or self.excess == 0.0


@dataclass(frozen=True)
class SpaceProfile:
    """What a space holds.

    Attributes:
        num_architectures: distinct configurations, exact; may be infinite.
        num_networks: distinct networks where they were told apart; else None, and the number of
            architectures is an upper bound.
        sample: what was counted.
        spreads: of each cost.
        feasibility: None without constraints.
    """

    num_architectures: float
    num_networks: int | None
    sample: Sample
    spreads: tuple[CostRange, ...]
    feasibility: Feasibility | None


def profile_space(
    space: SearchSpace,
    evaluator: Evaluator,
    *,
    constraints: Sequence[Constraint] = (),
    count_more: CountMore | None = None,
    sampling: Sampling | None = None,
) -> SpaceProfile:
    """Look at a space.

    Args:
        space: what is looked at.
        evaluator: counts static costs.
        constraints: limits on these.
        count_more: counts what is worth knowing and the search does not ask for.
        sampling: how much to look at.
    """
    sampling = sampling or Sampling()
    sample = draw_sample(space, evaluator, sampling)
    if count_more is not None:
        sample = _with_more(sample, count_more, time_limit_s=sampling.more_time_limit_s)
    return SpaceProfile(
        num_architectures=space.num_architectures(),
        num_networks=count_networks(space),
        sample=sample,
        spreads=tuple(spread_of(metric, sample.values(metric)) for metric in sample.metrics),
        feasibility=_feasibility(space, evaluator, constraints, sample, seed=sampling.seed)
        if constraints and sample.members
        else None,
    )


def kept(
    sample: Sample, constraints: Sequence[Constraint]
) -> list[tuple[Architecture, Mapping[str, float]]]:
    """Return those of a sample that keep all constraints."""
    return [pair for pair in sample.members if excess_of(pair[1], constraints) == 0.0]


def excess_of(costs: Mapping[str, float], constraints: Sequence[Constraint]) -> float:
    """Return by how much costs break constraints, as a share of the limits, added up."""
    return sum(c.excess(costs[c.metric]) for c in constraints if c.metric in costs)


def draw_sample(space: SearchSpace, evaluator: Evaluator, sampling: Sampling) -> Sample:
    """Count the static costs of architectures until there are enough, or time is over."""
    started_s = time.monotonic()
    is_listed = space.num_architectures() <= sampling.num_samples
    members: list[tuple[Architecture, Mapping[str, float]]] = []
    faults: list[str] = []
    num_unbuildable = 0
    is_whole = is_listed
    for architecture in _candidates(space, sampling, is_listed=is_listed):
        if time.monotonic() - started_s > sampling.time_limit_s and members:
            is_whole = False
            break
        try:
            members.append((architecture, dict(evaluator.static_costs(architecture))))
        except UnbuildableError:
            num_unbuildable += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a user's build may raise anything
            fault = f"{type(error).__name__}: {error} ({architecture.describe()})"
            faults.append(printable(fault))
    seconds = time.monotonic() - started_s
    return Sample(tuple(members), num_unbuildable, tuple(faults), is_whole, seconds)


def _with_more(sample: Sample, count_more: CountMore, *, time_limit_s: float) -> Sample:
    """Add costs to the first members, until time is over; to all or to none of a broken space."""
    started_s = time.monotonic()
    members = list(sample.members)
    for index, (architecture, costs) in enumerate(members):
        if index and time.monotonic() - started_s > time_limit_s:
            break
        try:
            members[index] = (architecture, {**count_more(architecture), **costs})
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a user's forward may raise anything
            return sample
    return replace(sample, members=tuple(members))


def _candidates(
    space: SearchSpace, sampling: Sampling, *, is_listed: bool
) -> Iterator[Architecture]:
    """Yield distinct architectures: all of a small space, else at most the number of samples."""
    rng = generator(sampling.seed, "profile")
    if is_listed:
        listed = list(space.enumerate())
        for index in rng.permutation(len(listed)):  # time may be over before the last one
            yield listed[int(index)]
        return
    seen: set[str] = set()
    for _ in range(4 * sampling.num_samples):
        if len(seen) >= sampling.num_samples:
            return
        architecture = space.sample(rng)
        if architecture.id not in seen:
            seen.add(architecture.id)
            yield architecture


def count_networks(space: SearchSpace, *, time_limit_s: float = IDENTITY_TIME_S) -> int | None:
    """Return how many distinct networks a space has; None where it is too large to tell."""
    if type(space).identity is SearchSpace.identity:
        total = space.num_architectures()
        return None if math.isinf(total) else int(total)
    if space.num_architectures() > MAX_IDENTITIES:
        return None
    started_s = time.monotonic()
    identities = set()
    for architecture in space.enumerate():
        identities.add(space.identity(architecture))
        if time.monotonic() - started_s > time_limit_s:
            return None
    return len(identities)


def spread_of(metric: str, values: Iterable[float]) -> CostRange:
    """Return the distribution of some values, at least one."""
    numbers = np.array(list(values), dtype=np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    is_log = low > 0 and high >= 10 * low
    scaled = np.log10(numbers) if is_log else numbers
    num_bins = NUM_BINS if high > low else 1
    counts, edges = np.histogram(scaled, bins=num_bins)
    low_q, lower, median, upper, high_q = np.quantile(numbers, (0, 0.25, 0.5, 0.75, 1)).tolist()
    return CostRange(
        metric=metric,
        quantiles=(low_q, lower, median, upper, high_q),
        num_counted=len(numbers),
        counts=tuple(int(count) for count in counts),
        edges=tuple((10.0**edges if is_log else edges).tolist()),
        is_log=is_log,
    )


def _feasibility(
    space: SearchSpace,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    sample: Sample,
    *,
    seed: int,
) -> Feasibility:
    num_kept, num_counted = len(kept(sample, constraints)), len(sample.members)
    share = num_kept / num_counted
    low = high = share
    if not sample.is_whole:
        interval = binomtest(num_kept, num_counted).proportion_ci(method="wilson")
        low, high = float(interval.low), float(interval.high)
    if num_kept:
        return Feasibility(num_kept, num_counted, low, high)
    rng = generator(seed, "nearest")
    architecture, costs = _nearest(space, evaluator, constraints, sample, rng=rng)
    excess = excess_of(costs, constraints)
    return Feasibility(num_kept, num_counted, low, high, architecture, costs, excess)


def _nearest(
    space: SearchSpace,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    sample: Sample,
    *,
    rng: np.random.Generator,
) -> tuple[Architecture, Mapping[str, float]]:
    """Mutate the member that breaks the limits least, while that helps and there is time."""
    best, costs = min(sample.members, key=lambda pair: excess_of(pair[1], constraints))
    least = excess_of(costs, constraints)
    started_s, since_better = time.monotonic(), 0
    while (
        not sample.is_whole
        and least > 0.0
        and since_better < MAX_STEPS_WITHOUT_GAIN
        and time.monotonic() - started_s < DESCENT_TIME_S
    ):
        mutant = space.mutate(best, rng, num_changes=int(rng.integers(1, 4)))
        since_better += 1
        try:
            found = dict(evaluator.static_costs(mutant))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - it cannot be built, so it is not near
            continue
        excess = excess_of(found, constraints)
        if excess < least:
            since_better = 0
        if excess <= least:
            best, costs, least = mutant, found, excess
    return best, costs
