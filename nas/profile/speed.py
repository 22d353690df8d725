"""How long do networks of a space train for one epoch here? Measured in about three seconds."""

import copy
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from nas.architecture import Architecture
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import Constraint
from nas.planning.facts import KnownLearner, SpaceSpeed
from nas.profile.trial_time import PlannedSearch, time_trials
from nas.seeding import generator
from nas.space.space import SearchSpace
from nas.task import DataShape

SECONDS_EACH = 0.7  # aim for each of three networks
_NUM_SAMPLED, _NUM_DRAWN, _SAMPLING_S = 64, 1000, 1.0  # drawn: until so many keep the limits
# Of as many epochs the fixed cost of a trial, building and judging once, is a small part.
_EPOCHS = 10
_SCALE = "num_macs"

Costed = list[tuple[Architecture, Mapping[str, float]]]


@dataclass(frozen=True)
class EpochTime:
    """What an epoch of one network takes.

    Attributes:
        num_macs: multiply-accumulates of the network.
        seconds: wall time.
    """

    num_macs: float
    seconds: float


def sample_costs(
    evaluator: TrainedEvaluator, *, seed: int, limits: Sequence[Constraint] = ()
) -> Costed:
    """Return networks of the evaluator's space with their static costs, smallest first.

    Args:
        evaluator: knows the space.
        seed: of the draws.
        limits: on static costs; what breaks one is left out, unless all that was drawn does.
    """
    rng, until_s = generator(seed, "speed"), time.monotonic() + _SAMPLING_S
    found, kept = Costed(), Costed()
    for _ in range(_NUM_DRAWN):
        architecture = evaluator.space.sample(rng)
        try:
            costs = evaluator.static_costs(architecture)
        except Exception:  # noqa: BLE001 - a space may hold what cannot be built
            continue
        found.append((architecture, costs))
        if _keeps(costs, limits):
            kept.append((architecture, costs))
        if len(kept) == _NUM_SAMPLED or time.monotonic() > until_s:
            break
    return sorted(kept or found, key=lambda pair: pair[1][_SCALE])


def recommended_costs(evaluator: TrainedEvaluator, *, limits: Sequence[Constraint]) -> Costed:
    """Return the networks that the space recommends with their static costs, the surest first.

    Args:
        evaluator: knows the space.
        limits: on static costs; what breaks one is left out.
    """
    named = evaluator.space.recommended()
    costed = [(architecture, evaluator.static_costs(architecture)) for architecture in named]
    return [(architecture, costs) for architecture, costs in costed if _keeps(costs, limits)]


def _keeps(costs: Mapping[str, float], limits: Sequence[Constraint]) -> bool:
    return all(limit.excess(costs[limit.metric]) == 0.0 for limit in limits)


def measure_epochs(
    evaluator: TrainedEvaluator, sample: Costed, *, seed: int, in_own_process: bool = False
) -> list[EpochTime]:
    """Train the smallest, the median and the largest for moments; those that can be trained.

    Args:
        evaluator: trains; it is left as it was.
        sample: at least one network.
        seed: of the weights.
        in_own_process: so that this one holds no memory of a GPU.
    """
    if not in_own_process:
        return _measured(evaluator, sample, seed)
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(_measured, evaluator, sample, seed).result()


def _measured(evaluator: TrainedEvaluator, sample: Costed, seed: int) -> list[EpochTime]:
    timed = copy.copy(evaluator)
    timed.recipe = replace(evaluator.recipe, epochs=_EPOCHS)
    # What a first build imports takes seconds, which are no trial's time.
    evaluator.space.build(sample[0][0], evaluator.data.shape)
    times = time_trials(
        timed,
        sample,
        plan=PlannedSearch(num_trials=None, time_limit_s=None, num_workers=1),
        seconds_each=SECONDS_EACH,
        seed=seed,
        at_share=timed.judging_by,
        first_share=timed.first_share,
    )
    sound = [] if times is None else [t for t in times.trials if t.failure is None]
    return [EpochTime(trial.costs[_SCALE], trial.seconds / _EPOCHS) for trial in sound]


def speed_of(
    num_macs: Sequence[float],
    measured: Sequence[EpochTime],
    *,
    side: int,
    recommended: Sequence[float] = (),
) -> SpaceSpeed:
    """Return what an epoch of each network takes, on the line through what was measured.

    Args:
        num_macs: of the networks.
        measured: at least one.
        side: of the images that the networks take.
        recommended: multiply-accumulates of the networks that the space recommends, in its order.
    """
    ordered = sorted(num_macs)
    known = sorted((one.num_macs, one.seconds) for one in measured)
    seconds = np.maximum.accumulate([seconds for _, seconds in known])

    def epoch_s(macs: Sequence[float]) -> list[float]:
        return [float(s) for s in np.interp(macs, [macs for macs, _ in known], seconds)]

    named = [KnownLearner(*pair) for pair in zip(recommended, epoch_s(recommended), strict=True)]
    first = named[0] if named else None
    return SpaceSpeed(side, tuple(ordered), tuple(epoch_s(ordered)), first, tuple(named[1:]))


def sampled_macs(space: SearchSpace, shape: DataShape, *, seed: int) -> list[float]:
    """Return the multiply-accumulates of some networks; none where counting takes a build."""
    rng = generator(seed, "speed")
    found = [space.static_costs(space.sample(rng), shape) for _ in range(_NUM_SAMPLED)]
    return [] if None in found else [one[_SCALE] for one in found if one is not None]


def recommended_macs(space: SearchSpace, shape: DataShape) -> list[float]:
    """Return the multiply-accumulates of the networks that the space recommends, in its order."""
    costed = [space.static_costs(architecture, shape) for architecture in space.recommended()]
    return [costs[_SCALE] for costs in costed if costs is not None]
