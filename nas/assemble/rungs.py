"""From the settings of `fidelity` to a plan of rungs."""

from collections.abc import Callable, Sequence

from nas.config.schema import DeciderKind, Fidelity, FidelityKind
from nas.engine.halving import SuccessiveHalving
from nas.engine.rungs import BySampler, Decider, GoOn, RungPlan
from nas.errors import ConfigError
from nas.evaluation.evaluator import Evaluator, ReadsTable, SharesWeights
from nas.objective import Objective
from nas.sampling.rungs import DecidesRungs
from nas.study.study import SamplerFactory, SearchStudy

# Half of a training tells most of what the whole does, a quarter enough to drop the worst.
DEFAULT_SHARES = (0.25, 0.5, 1.0)
_GB = 1e9


def build_rungs(
    fidelity: Fidelity,
    *,
    objectives: Sequence[Objective],
    evaluator: Evaluator,
    make_sampler: SamplerFactory,
) -> RungPlan | None:
    """Return how trials train in steps; None where each trains in one go.

    Raises:
        ConfigError: the shares do not ascend to 1, or a table has no results for them.
    """
    if fidelity.kind is FidelityKind.FULL:
        return None
    shares = _shares(fidelity, evaluator)
    sampler = make_sampler(0)
    return RungPlan(
        shares=shares,
        make_decider=_decider(fidelity, shares, objectives, sampler),
        stops_hopeless=fidelity.stop_hopeless,
        max_checkpoint_bytes=fidelity.checkpoints_gb * _GB,
    )


def _decider(
    fidelity: Fidelity, shares: Sequence[float], objectives: Sequence[Objective], sampler: object
) -> Callable[[SearchStudy], Decider]:
    """Return who says which trial goes on, once there is a study.

    Raises:
        ConfigError: the sampler is to say so, and cannot.
    """
    kind, decides = fidelity.decider, isinstance(sampler, DecidesRungs)
    if kind is DeciderKind.ALL:
        return lambda study: GoOn()  # noqa: ARG005
    if kind is DeciderKind.FRONTIER and not decides:
        raise ConfigError(
            "fidelity.decider=frontier needs sampler=frontier; with another sampler take "
            "fidelity.decider=halving, or auto"
        )
    if decides and kind is not DeciderKind.HALVING:
        return BySampler
    halving = SuccessiveHalving(shares, objectives, keep=fidelity.keep)
    return lambda study: halving  # noqa: ARG005


def _shares(fidelity: Fidelity, evaluator: Evaluator) -> tuple[float, ...]:
    given = fidelity.shares
    if not isinstance(evaluator, ReadsTable):
        first = (evaluator.slice_share,) if isinstance(evaluator, SharesWeights) else ()
        return (*first, *DEFAULT_SHARES) if given is None else tuple(map(float, given))
    there = tuple(rung.cost for rung in evaluator.table.columns.rungs)
    if not there:
        raise ConfigError(
            "fidelity=rungs needs results of cheaper trainings: give "
            "table.rungs='[{quality: column, cost: share}]', or take fidelity=full"
        )
    shares = (*there, 1.0) if given is None else tuple(map(float, given))
    missing = [share for share in shares if share not in (*there, 1.0)]
    if missing:
        raise ConfigError(
            f"fidelity.shares: the table has no result at {missing[0]:g} of a full training; "
            f"table.rungs has {', '.join(f'{share:g}' for share in there)}; "
            "fidelity.shares=null takes these"
        )
    return shares
