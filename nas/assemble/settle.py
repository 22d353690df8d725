"""From a checked configuration with `auto` in it to one in which everything is decided.

The data are read, the pure rules of `nas.planning` decide, and, where time counts, three networks
are trained for seconds to know how long trials take. What the user gave stands.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nas.assemble.check import check_values
from nas.assemble.make import make_data, make_space
from nas.assemble.search import (
    AssembledSearch,
    build_search,
    gpus_per_trial,
    trains_on_data,
)
from nas.assemble.workers import num_cpus, num_workers
from nas.config.compose import Composed
from nas.config.open_settings import AutoValues, is_open, leaves, with_settled
from nas.config.schema import SearchConfig
from nas.data.dataset import Dataset, ThreeSplits
from nas.engine.deadline import Deadline
from nas.evaluation.trained import TrainedEvaluator
from nas.planning.command_time import CommandTime, TimeBudget
from nas.planning.decisions import HEADING, Changed, decision_lines
from nas.planning.facts import DataFacts, MachineFacts, SpaceSpeed
from nas.planning.image_side import SIDE_ON_CPU, SIDE_ON_GPU, rounded_side
from nas.planning.training import suited_num_trials, suited_training
from nas.planning.trials import TrialPlan, WantedTrials, plan_trials
from nas.profile.speed import (
    EpochTime,
    measure_epochs,
    recommended_costs,
    recommended_macs,
    sample_costs,
    sampled_macs,
    speed_of,
)
from nas.task import DataShape

_LEAST_SIDE = 24  # pixels; smaller images save little
_QUICKER = 0.8  # of the time of an epoch, that smaller images must spare to be worth it
_SMALLER = (1.0, 0.75, 0.5)  # sides that are tried where there is little time
Values = Mapping[str, Any]


@dataclass(frozen=True)
class SettledSearch:
    """A search that is ready to begin.

    Attributes:
        values: in which nothing is `auto`.
        config: the same, checked.
        search: built from it.
        lines: what was decided, for people; none where nothing was.
        plan: of the trials; None where their time is not known.
        time: what is planned of the command's budget; None without one.
    """

    values: Values
    config: SearchConfig
    search: AssembledSearch
    lines: tuple[str, ...] = ()
    plan: TrialPlan | None = None
    time: CommandTime | None = None


def settle(
    values: Values,
    config: SearchConfig,
    *,
    budget: TimeBudget | None = None,
    say: Callable[[str], None] | None = None,
) -> SettledSearch:
    """Decide what is open, and build the search.

    Args:
        values: composed.
        config: the same, checked with small values in the place of `auto`.
        budget: wall time of the whole command, by `time.monotonic()`; None for no limit.
        say: is told what takes some seconds.

    Raises:
        NasError: a part refuses its settings, or the data cannot be read.
    """
    planned_time: CommandTime | None = None
    if not trains_on_data(config):
        data, plan = None, None
        decided: Values = with_settled(values)
    else:
        accelerated = gpus_per_trial(config.execution) > 0
        side = SIDE_ON_GPU if accelerated else SIDE_ON_CPU
        data = make_data(values["data"], auto_side=side)
        settling = _Settling(values, config, data, budget, say)
        decided, plan = settling.settled()
    config = check_values(Composed(dict(decided)))
    search = build_search(config, data=data)
    if budget is not None:
        planned_time = budget.planned(time.monotonic())
        rule = Deadline(
            budget.began_s + planned_time.search_end_s,
            seconds=planned_time.trials_s,
            trial_s=plan.trial_s if plan else 0.0,
            begins_s=budget.began_s + planned_time.start_s,
            passed_on=budget.finish_share or 0.0,
        )
        stopping = search.task.stopping
        stopping = replace(stopping, rules=(*stopping.rules, rule))
        search = replace(search, task=replace(search.task, stopping=stopping))
    lines = _lines(values, decided, data=data, plan=plan, config=config, planned=planned_time)
    return SettledSearch(decided, config, search, lines, plan, planned_time)


@dataclass(frozen=True)
class _Settling:
    """What decisions are made from."""

    values: Values
    config: SearchConfig
    data: Any
    budget: TimeBudget | None
    say: Callable[[str], None] | None

    def settled(self) -> tuple[Values, TrialPlan | None]:
        """Return values in which nothing is open, and what trials were planned."""
        if not isinstance(self.data, ThreeSplits):
            return with_settled(self.values), None
        facts = _facts_of(self.data)
        machine = self.machine
        settled = AutoValues(
            self.data.shape,
            suited_training(facts, machine).settings(),
            None if self.budget is not None else suited_num_trials(facts),
        )
        values = _with_images(self.values, self.data)
        first = with_settled(values, settled)
        is_any_open = first != values
        if not is_any_open or (facts.is_small and self.budget is None):
            return first, None
        plan = self._plan(first, settled)
        if plan is None:
            return first, None
        return _with_plan(values, settled, plan, has_budget=self.budget is not None), plan

    @property
    def machine(self) -> MachineFacts:
        """Where trials run."""
        execution = self.config.execution
        return MachineFacts(
            num_workers(execution, num_cpus=num_cpus()), gpus_per_trial(execution) > 0
        )

    def _plan(self, first: Values, settled: AutoValues) -> TrialPlan | None:
        """Measure, and share the time out; None where no network can be trained."""
        config = check_values(Composed(dict(first)))
        untold = replace(config, references=replace(config.references, trivial=False))
        task = build_search(untold, data=self.data).task
        evaluator = task.evaluator
        if not isinstance(evaluator, TrainedEvaluator):
            return None
        if self.say is not None:
            self.say("measuring the speed of training: up to three networks, a few seconds each")
        sample = sample_costs(evaluator, seed=config.seed, limits=task.constraints)
        known = recommended_costs(evaluator, limits=task.constraints)
        measured = (
            measure_epochs(
                evaluator,
                known or sample,
                seed=config.seed,
                in_own_process=self.machine.has_accelerator,
            )
            if sample
            else []
        )
        if not measured:
            return None
        macs = [costs["num_macs"] for _, costs in sample]
        surest = [costs["num_macs"] for _, costs in known]
        speeds = list(self._speeds(first, settled, macs, measured, surest))
        return plan_trials(self._wanted(first), speeds)

    def _speeds(
        self,
        first: Values,
        settled: AutoValues,
        macs: list[float],
        measured: list[EpochTime],
        surest: list[float],
    ) -> Iterator[SpaceSpeed]:
        """Yield the speed of the space, then of what it would be for smaller images."""
        side = min(settled.shape.input_shape[1:])
        speed = speed_of(macs, measured, side=side, recommended=surest)
        usual_s = speed.usual_epoch_s()
        yield speed
        for smaller in (rounded_side(side * share) for share in _SMALLER[1:]):
            other = with_settled(self.values, _at_side(settled, smaller))["search_space"]
            if smaller < _LEAST_SIDE or other == first["search_space"]:
                return
            space = make_space(other)
            found = sampled_macs(space, settled.shape, seed=self.config.seed)
            if not found:
                return
            named = recommended_macs(space, settled.shape)
            quicker = speed_of(found, measured, side=smaller, recommended=named)
            if quicker.usual_epoch_s() > _QUICKER * usual_s:
                return  # a first convolution of stride 1 undoes what smaller images spare
            yield quicker

    def _seconds(self) -> float | None:
        """Return the wall time that trials have; None for no limit."""
        if self.budget is None:
            return None
        return self.budget.planned(time.monotonic()).trials_s

    def _wanted(self, first: Values) -> WantedTrials:
        number, epochs = first["stopping"]["num_trials"], first["training"]["epochs"]
        is_given = not is_open(self.values, "stopping.num_trials") and number is not None
        facts = _facts_of(self.data)
        return WantedTrials(
            seconds=self._seconds(),
            num_workers=self.machine.num_workers,
            epochs=epochs,
            num_trials=number if number is not None else suited_num_trials(facts),
            are_epochs_given=not is_open(self.values, "training.epochs"),
            is_number_given=is_given,
        )


def _facts_of(data: ThreeSplits) -> DataFacts:
    _, height, width = data.shape.input_shape
    is_image = isinstance(data, Dataset) and min(height, width) > 1
    return DataFacts(len(data.train), min(height, width), are_images=is_image)


def _with_images(values: Values, data: ThreeSplits) -> Values:
    """Return values with what the loader decided."""
    known: dict[str, Any] = {"is_mirrorable": getattr(data, "is_mirrorable", False)}
    stored = data.stored if isinstance(data, Dataset) else None
    if stored is not None:
        known["channels"] = stored.channels
        if stored.size is not None:
            height, width = stored.size
            known["image_size"] = height if height == width else [height, width]
    node = {
        key: known[key] if key in known and is_open(values, f"data.{key}") else value
        for key, value in values["data"].items()
    }
    return {**values, "data": node}


def _with_plan(
    values: Values, settled: AutoValues, plan: TrialPlan, *, has_budget: bool
) -> Values:
    training = {**settled.training, "epochs": plan.epochs}
    chosen = replace(_at_side(settled, plan.side), training=training)
    decided = with_settled(values, chosen)
    limits = decided["constraints"].get("num_macs") or {}
    if has_budget and plan.most_macs is not None and limits.get("max") is None:
        limit = {**limits, "max": float(f"{plan.most_macs:.2g}")}
        decided["constraints"] = {**decided["constraints"], "num_macs": limit}
    return decided


def _at_side(settled: AutoValues, side: int) -> AutoValues:
    shape = settled.shape
    if side >= min(shape.input_shape[1:]):
        return settled
    smaller = DataShape((shape.input_shape[0], side, side), shape.num_classes)
    return replace(settled, shape=smaller)


def _lines(
    values: Values,
    decided: Values,
    *,
    data: Any,
    plan: TrialPlan | None,
    config: SearchConfig,
    planned: CommandTime | None,
) -> tuple[str, ...]:
    before = dict(leaves(values))
    changed = [
        Changed(place, value) for place, value in leaves(decided) if before.get(place) != value
    ]
    if not changed or data is None:
        return ()
    lines = decision_lines(
        changed,
        shape=data.shape.input_shape,
        images=getattr(data, "decided", None),
        plan=plan,
        num_workers=num_workers(config.execution, num_cpus=num_cpus()),
        time=planned,
    )
    return (HEADING, *(f"  {line}" for line in lines))
