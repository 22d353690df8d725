"""The input and the output of a search: what its caller gives, and what its caller gets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.architecture import Architecture
from nas.engine.costs import CachedCosts
from nas.engine.relatives import InheritancePlan
from nas.engine.rungs import RungPlan
from nas.engine.stopping import Stopping
from nas.evaluation.evaluator import Evaluator
from nas.objective import Constraint, Objective
from nas.record.references import Reference
from nas.space.space import SearchSpace
from nas.study.study import SamplerFactory
from nas.trial import TrialRecord


@dataclass(frozen=True)
class SearchTask:
    """What a search is about.

    Attributes:
        space: what architectures are drawn from.
        evaluator: judges them.
        objectives: what is made better.
        make_sampler: seed -> Optuna sampler.
        constraints: limits on static costs.
        stopping: when it ends.
        seed: of everything random.
        trial_time_limit_s: a trial that takes longer fails; None for no limit.
        costs: the evaluator's static costs, where they are shared with the sampler; None for own.
        notes: what the study is to note of itself, by key, as plain values.
        rungs: how trials train in steps; None trains each in one go.
        limits: on what training measures; networks that break them stay on record.
        seeks_best: the best network that keeps them is looked for, not the whole front.
        references: models that the search is compared with, and that need no training.
        hand_made: name and architecture of networks that are trained for comparison.
        most_hand_made: share of the trials' time that one of them may take; infinite for any.
        trains_again: members of the recorded front whose weights are gone are trained once more.
        inheritance: how trials start from the weights of others; None where all start at random.
    """

    space: SearchSpace
    evaluator: Evaluator
    objectives: tuple[Objective, ...]
    make_sampler: SamplerFactory
    constraints: tuple[Constraint, ...] = ()
    stopping: Stopping = field(default_factory=Stopping)
    seed: int = 0
    trial_time_limit_s: float | None = None
    costs: CachedCosts | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    rungs: RungPlan | None = None
    limits: tuple[Constraint, ...] = ()
    seeks_best: bool = False
    references: tuple[Reference, ...] = ()
    hand_made: tuple[tuple[str, Architecture], ...] = ()
    most_hand_made: float = math.inf
    trains_again: bool = True
    inheritance: InheritancePlan | None = None


@dataclass(frozen=True)
class SearchSummary:
    """What came of a search.

    Attributes:
        records: all trials of the run, in order of number.
        num_redrawn: proposals that were drawn again before any training.
        num_known: of those, the ones of networks that are on record; the rest broke a constraint.
        elapsed_s: wall time of this command.
        is_interrupted: Ctrl-C, SIGTERM or SIGHUP ended it; resuming goes on.
        is_exhausted: every architecture that the constraints allow was tried.
        num_raised: architectures that could not be built, because `build` raised.
        without_weights: members of the front whose weights are missing.
        why_ended: which rule ended it, in one sentence; empty where a signal did.
        num_resumed: trials of earlier commands among the records.
    """

    records: tuple[TrialRecord, ...]
    num_redrawn: int
    num_known: int
    elapsed_s: float
    is_interrupted: bool
    is_exhausted: bool
    num_raised: int = 0
    without_weights: tuple[int, ...] = ()
    why_ended: str = ""
    num_resumed: int = 0
