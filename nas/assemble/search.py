"""From a checked configuration to a search: the one place that puts its parts together."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.architecture import Architecture
from nas.assemble.aim import MOST_SHARE, build_aim, build_references, hand_made
from nas.assemble.devices import devices_of, within_error
from nas.assemble.facts import facts_of
from nas.assemble.kinds import check_kinds
from nas.assemble.make import make, make_data, make_space
from nas.assemble.make import make_sampler as maker_of_sampler
from nas.assemble.rungs import build_rungs
from nas.assemble.warm_start import earlier_results
from nas.config.check import INJECTED
from nas.config.nodes import offers_of
from nas.config.recorded import objectives_of
from nas.config.schema import (
    Execution,
    ExecutionKind,
    SearchConfig,
    StoppingConfig,
    TrialLimits,
    constraints_of,
)
from nas.device.device import KnownDevice
from nas.engine.costs import CachedCosts
from nas.engine.relatives import InheritancePlan
from nas.engine.stopping import Stopping
from nas.engine.task import SearchTask
from nas.errors import ConfigError
from nas.evaluation.evaluator import CountsExamples, Evaluator, Inherits, SharesWeights
from nas.evaluation.language_spaces import HasEncoderTeacher, StartsFromModel
from nas.execution.backend import Backend
from nas.frontier.aim import Aim
from nas.objective import Constraint, Objective
from nas.record.environment import num_visible_gpus
from nas.space.space import SearchSpace
from nas.train.threads import worker_environment

MakeBackend = Callable[[Evaluator], Backend]


@dataclass(frozen=True)
class AssembledSearch:
    """All that `nas.engine.loop.run_search` needs of a configuration.

    Attributes:
        task: what to search.
        make_backend: starts the workers.
        data: what networks are trained on, the test split too; None where results are looked up.
        devices: that times are predicted for, by name.
    """

    task: SearchTask
    make_backend: MakeBackend
    data: Any = None
    devices: Mapping[str, KnownDevice] = field(default_factory=dict)


def build_search(config: SearchConfig, *, data: Any = None) -> AssembledSearch:
    """Make everything that a configuration describes, but start no worker.

    Args:
        config: checked; nothing in it is `auto`.
        data: what it describes, where that was made already.

    Raises:
        NasError: a part refuses its settings: a file is missing or broken, objectives do not fit.
    """
    nodes = {"data": config.data, "training": config.training, "evaluation": config.evaluation}
    limited = [limit.metric for limit in constraints_of(config.constraints)]
    check_kinds(nodes, metrics=[*config.objectives.metrics, *limited])
    space: SearchSpace = make_space(config.search_space)
    told = {"objectives": {"metrics": config.objectives.metrics}, "table": config.table}
    objectives = objectives_of({**told, "devices": config.devices})
    wanted = constraints_of(config.constraints)
    named = [*(o.metric for o in objectives), *(limit.metric for limit in wanted)]
    devices = devices_of(named, run_folder=Path(config.run_folder))
    constraints, limits = _parted(wanted, objectives)
    constraints = tuple(within_error(limit, devices) for limit in constraints)
    evaluator, data = _build_evaluator(config, space, objectives, constraints, devices, data)
    _check_shared(config, evaluator)
    references = build_references(config.references, data)
    aim = build_aim(config, objectives, limits=limits, references=references)
    trial_limits = TrialLimits(**_only(config.training, TrialLimits.names()))
    costs = CachedCosts(evaluator, max_failed_share=config.stopping.max_failed_share)
    make_sampler = _build_sampler(config, space, objectives, constraints, evaluator, costs, aim)
    task = SearchTask(
        space=space,
        evaluator=evaluator,
        objectives=objectives,
        make_sampler=make_sampler,
        constraints=constraints,
        limits=limits,
        seeks_best=aim.is_best,
        references=references,
        hand_made=hand_made(config, data),
        most_hand_made=MOST_SHARE if config.references.mobilenetv3_small is None else math.inf,
        stopping=build_stopping(config.stopping),
        seed=config.seed,
        trial_time_limit_s=trial_limits.trial_time_limit_s,
        costs=costs,
        rungs=build_rungs(
            config.fidelity,
            objectives=objectives,
            evaluator=evaluator,
            make_sampler=make_sampler,
        ),
        trains_again=config.train_again,
        inheritance=_inheritance(trial_limits, evaluator),
    )
    return AssembledSearch(
        task, lambda ready: build_backend(config.execution, ready), data, devices
    )


def _check_shared(config: SearchConfig, evaluator: Evaluator) -> None:
    """Refuse what does not go with weights that are trained before the first trial.

    Raises:
        ConfigError: a budget, since nobody plans for that time, or weights of other trials.
    """
    if not isinstance(evaluator, SharesWeights):
        return
    if config.budget is not None:
        raise ConfigError(
            "budget: the time that evaluation=supernet takes before the first trial is not "
            "planned for; give training.epochs and stopping.num_trials, or use evaluation=trained"
        )
    if config.training.get("inherit"):
        raise ConfigError(
            "training.inherit=true: trials of evaluation=supernet start from the supernet; leave "
            "one of the two out"
        )


def _inheritance(limits: TrialLimits, evaluator: Evaluator) -> InheritancePlan | None:
    """Return how trials start from others.

    Raises:
        ConfigError: they are to, and are not trained here.
    """
    if not limits.inherit:
        return None
    if not isinstance(evaluator, Inherits):
        raise ConfigError(
            f"training.inherit=true: {type(evaluator).__name__} trains no networks that could "
            "start from the weights of others; use evaluation=trained, or evaluation=language for "
            "text, or leave it out"
        )
    space = getattr(evaluator, "space", None)
    if isinstance(space, StartsFromModel | HasEncoderTeacher):
        raise ConfigError(
            f"training.inherit=true: trials of {type(space).__name__} begin with parts of a "
            "trained model already; leave it out"
        )
    return InheritancePlan(evaluator.weight_shapes, limits.inherit_share, limits.inherit_rate)


def trains_on_data(config: SearchConfig) -> bool:
    """Say whether networks are trained on data, rather than looked up."""
    return "data" in offers_of(config.evaluation, INJECTED["evaluation"])


def build_stopping(config: StoppingConfig) -> Stopping:
    """Make the stop rules.

    Raises:
        NasError: a rule refuses its settings.
    """
    return Stopping(
        num_trials=config.num_trials,
        time_limit_s=config.time_limit_s,
        max_failed_share=config.max_failed_share,
        rules=tuple(make(node) for node in config.rules.values()),
    )


def _parted(
    constraints: tuple[Constraint, ...], objectives: tuple[Objective, ...]
) -> tuple[tuple[Constraint, ...], tuple[Constraint, ...]]:
    """Return the limits on what is known before training, and those on what training measures."""
    measured = {o.metric for o in objectives if not o.is_static}
    before = tuple(c for c in constraints if c.metric not in measured)
    return before, tuple(c for c in constraints if c.metric in measured)


def _build_evaluator(
    config: SearchConfig,
    space: SearchSpace,
    objectives: tuple[Objective, ...],
    constraints: tuple[Constraint, ...],
    devices: Mapping[str, KnownDevice],
    data: Any,
) -> tuple[Evaluator, Any]:
    makers: Mapping[str, Callable[[], Any]] = {
        "space": lambda: space,
        "data": lambda: make_data(config.data) if data is None else data,
        "recipe": lambda: make(_without(config.training, TrialLimits.names())),
        "objectives": lambda: objectives,
        "devices": lambda: devices,
    }
    # Only what the evaluator takes is made: a table needs no data.
    wanted = offers_of(config.evaluation, INJECTED["evaluation"])
    node = dict(config.evaluation)
    if "metrics" in node:  # what is limited must be counted
        limited = [constraint.metric for constraint in constraints]
        node["metrics"] = list(dict.fromkeys([*node["metrics"], *limited]))
    parts = {name: makers[name]() for name in wanted}
    return make(node, **parts), parts.get("data")


def _build_sampler(
    config: SearchConfig,
    space: SearchSpace,
    objectives: tuple[Objective, ...],
    constraints: tuple[Constraint, ...],
    evaluator: Evaluator,
    costs: CachedCosts,
    aim: Aim,
) -> Callable[[int], Any]:
    offers = {
        "space": space,
        "facts": facts_of(evaluator, costs=costs, space=space, objectives=objectives),
        "objectives": objectives,
        "is_allowed": _allowed_by(constraints, costs),
        "aim": aim,
        "num_judged": evaluator.num_judged if isinstance(evaluator, CountsExamples) else 0,
        "warm_start": earlier_results(config.warm_start, space=space, objectives=objectives),
    }
    if aim.is_best and "aim" not in offers_of(config.sampler, INJECTED["sampler"]):
        raise ConfigError(
            "aim=best needs a sampler that knows sizes beforehand, which "
            f"{config.sampler['_target_']} does not; use sampler=frontier or objectives=[accuracy]"
        )
    maker = maker_of_sampler(config.sampler, offers=offers)
    maker(config.seed)  # it refuses its settings here, before there is a run folder
    return maker


def _allowed_by(
    constraints: tuple[Constraint, ...], costs: CachedCosts
) -> Callable[[Architecture], bool] | None:
    if not constraints:
        return None

    def is_allowed(architecture: Architecture) -> bool:
        found = costs(architecture)
        return found is not None and all(c.excess(found[c.metric]) == 0.0 for c in constraints)

    return is_allowed


def build_backend(execution: Execution, evaluator: Evaluator) -> Backend:
    """Start the workers.

    Raises:
        ExecutionError: they cannot be had.
    """
    if execution.kind is ExecutionKind.INLINE:
        from nas.execution.inline import InlineBackend

        return InlineBackend(evaluator)
    if execution.kind is ExecutionKind.SIMULATED:
        from nas.execution.simulated import SimulatedBackend

        return SimulatedBackend(evaluator, num_workers=execution.num_workers or 1)
    from nas.execution.ray_backend import RayBackend, RaySettings
    from nas.execution.ray_cluster import require_ray

    require_ray()
    settings = RaySettings(
        address=execution.address,
        num_workers=execution.num_workers,
        cpus_per_trial=execution.cpus_per_trial,
        gpus_per_trial=gpus_per_trial(execution),
        resources=execution.resources,
    )
    environment = worker_environment(int(execution.cpus_per_trial))
    return RayBackend(evaluator, settings, environment=environment)


def gpus_per_trial(execution: Execution) -> float:
    """Return the GPUs of a trial: as asked, else one where this machine shows any."""
    if execution.gpus_per_trial is not None:
        return execution.gpus_per_trial
    return 1.0 if num_visible_gpus() else 0.0


def _only(node: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key in names}


def _without(node: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in names}
