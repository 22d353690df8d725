"""Trials that train in steps: who goes on, who is stopped for good, and what lies on disk.

A trial trains to the first share of the full training and waits there, its state in a checkpoint.
A decider says at each free slot which of those that wait goes on to its next rung, or that a new
one starts. Only whole trainings stand on the front.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from nas.engine.curves import LearningCurves
from nas.engine.halving import best_first
from nas.errors import ConfigError
from nas.objective import Objective, losses
from nas.sampling.shares import shares_fault
from nas.study.study import SearchStudy
from nas.trial import TrialRecord, TrialState

# Checkpoints of trials that wait take no more than this together.
MAX_CHECKPOINT_BYTES = 20e9


class Decider(Protocol):
    """Says which trial goes on."""

    def reached(self, record: TrialRecord) -> None:
        """Take note of the last rung of a trial."""
        ...

    def promotion(self, paused: Sequence[TrialRecord], *, may_start: bool) -> int | None:
        """Return the trial to go on with now; None to start a new one, or to do nothing.

        Args:
            paused: the trials that wait at a rung, in the order in which they reached it.
            may_start: whether a new trial may start.
        """
        ...


class GoOn:
    """Goes on with every trial: what ends one early is its learning curve alone."""

    def reached(self, record: TrialRecord) -> None:
        """Remember nothing."""

    def promotion(self, paused: Sequence[TrialRecord], *, may_start: bool) -> int | None:
        """Return the trial that waits longest."""
        del may_start
        return paused[0].number if paused else None


class BySampler:
    """The sampler itself says who goes on: it knows what else there is to do.

    Args:
        study: whose sampler is asked.
    """

    def __init__(self, study: SearchStudy) -> None:
        self._study = study

    def reached(self, record: TrialRecord) -> None:
        """Remember nothing: the study has it."""

    def promotion(self, paused: Sequence[TrialRecord], *, may_start: bool) -> int | None:
        """Ask the sampler."""
        del paused
        return self._study.promotion(may_start=may_start)


@dataclass(frozen=True)
class RungPlan:
    """How trials train in steps.

    Attributes:
        shares: of a full training, at which a trial stops and waits; the last is 1.
        make_decider: the study of the search -> who says which trial goes on.
        stops_hopeless: a trial that cannot reach the front any more is stopped for good.
        max_checkpoint_bytes: of the checkpoints of trials that wait; beyond it the worst is
            stopped for good.

    Raises:
        ConfigError: the shares do not ascend to 1.
    """

    shares: tuple[float, ...]
    make_decider: Callable[[SearchStudy], Decider]
    stops_hopeless: bool = True
    max_checkpoint_bytes: float = MAX_CHECKPOINT_BYTES

    def __post_init__(self) -> None:
        if fault := shares_fault(self.shares):
            raise ConfigError(fault)


class Rungs:
    """The trials of a search that wait at a rung.

    Args:
        plan: how trials train in steps.
        objectives: what is made better.
        study: of the search.
        records: of earlier commands.
        checkpoints: folder of the trials' checkpoints.
    """

    def __init__(
        self,
        plan: RungPlan,
        *,
        objectives: Sequence[Objective],
        study: SearchStudy,
        records: Sequence[TrialRecord],
        checkpoints: Path,
    ) -> None:
        self._plan = plan
        self._decider = plan.make_decider(study)
        self._objectives = tuple(objectives)
        self._curves = LearningCurves(objectives)
        self._checkpoints = checkpoints
        self._sizes: dict[int, int] = {}
        for record in records:
            self._read(record)

    def _read(self, record: TrialRecord) -> None:
        """Take in a trial of an earlier command, rung by rung."""
        for count in range(1, len(record.rungs) + 1):
            self._decider.reached(replace(record, rungs=record.rungs[:count]))
        if record.state is TrialState.RUNNING:
            self._measure(record.number)
        else:
            self._curves.ended(record)

    def reached(self, record: TrialRecord) -> None:
        """Take note of the last rung of a trial, which waits there."""
        self._decider.reached(record)
        self._measure(record.number)

    def ended(self, record: TrialRecord) -> None:
        """Take note of a trial that ended."""
        self._curves.ended(record)
        self._sizes.pop(record.number, None)

    def promotion(self, paused: Sequence[TrialRecord], *, may_start: bool) -> int | None:
        """Return the trial to go on with now; None to start a new one, or to do nothing."""
        return self._decider.promotion(paused, may_start=may_start)

    def to_stop(
        self, paused: Sequence[TrialRecord], front: Sequence[Sequence[float]]
    ) -> list[int]:
        """Return the trials that are to be stopped for good.

        Args:
            paused: the trials that wait at a rung.
            front: losses of the front's members.
        """
        stopped = [
            record.number
            for record in paused
            if self._plan.stops_hopeless and self._curves.is_hopeless(record, front)
        ]
        left = [record for record in paused if record.number not in stopped]
        while sum(self._sizes.get(r.number, 0) for r in left) > self._plan.max_checkpoint_bytes:
            worst = self._worst(left)
            left.remove(worst)
            stopped.append(worst.number)
        return stopped

    def _worst(self, paused: Sequence[TrialRecord]) -> TrialRecord:
        """Return the trial of the lowest rung that the others of it leave furthest behind."""
        lowest = min(record.reached for record in paused)
        level = [record for record in paused if record.reached == lowest]
        points = [losses(self._objectives, record.rungs[-1].metrics) for record in level]
        return level[best_first(np.array(points, dtype=np.float64))[-1]]

    def _measure(self, number: int) -> None:
        folder = self._checkpoints / str(number)
        if folder.is_dir():
            self._sizes[number] = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
