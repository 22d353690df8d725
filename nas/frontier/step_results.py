"""What trials of a study had reached at their rungs, and how long each step took.

A trial keeps each rung in a user attribute `rung:SHARE` with the metrics and seconds there, and in
`waiting` whether it waits to go on. A whole training keeps its seconds in `seconds`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.frontier.candidates import Candidate
from nas.sampling.rungs import RUNG_PREFIX, SECONDS_KEY, WAITING_KEY

FloatArray = NDArray[np.float64]

WHOLE = 1.0


@dataclass
class Climb:
    """One trial's way.

    Attributes:
        candidate: its network.
        losses: share of the training -> (d) measured losses there.
        seconds: share -> seconds that it had taken by then.
        is_waiting: it waits at its last rung.
    """

    candidate: Candidate
    losses: dict[float, FloatArray] = field(default_factory=dict)
    seconds: dict[float, float] = field(default_factory=dict)
    is_waiting: bool = False

    @property
    def reached(self) -> float:
        """The share that it has reached."""
        return max(self.losses, default=0.0)

    def steps(self) -> list[tuple[float, float, float]]:
        """Return each step: from which share, to which, and the seconds that it took."""
        shares = [0.0, *sorted(self.seconds)]
        taken = [0.0, *(self.seconds[share] for share in shares[1:])]
        return [
            (a, b, after - before)
            for a, b, before, after in zip(shares, shares[1:], taken, taken[1:], strict=False)
        ]


class StepResults:
    """The rungs of a study.

    Args:
        metrics: the measured objectives, in order.
        signs: what each is multiplied with to be a loss.
        describe: returns a trial's network; None for what is none.
    """

    def __init__(
        self,
        metrics: Sequence[str],
        signs: Sequence[float],
        *,
        describe: Callable[[FrozenTrial], Candidate | None],
    ) -> None:
        self._metrics = tuple(metrics)
        self._signs = np.array(signs)
        self._describe = describe
        self._over: set[int] = set()
        self.climbs: dict[int, Climb] = {}
        self.num_read = 0  # results of rungs and whole trainings

    def update(self, study: Study, *, measured: Sequence[int]) -> None:
        """Read what is new.

        Args:
            study: the study.
            measured: columns of its values that are measured.
        """
        for trial in study.get_trials(deepcopy=False):
            if trial.number in self._over:
                continue
            if trial.state.is_finished():
                self._over.add(trial.number)
            if trial.state in (OptunaState.FAIL, OptunaState.WAITING):
                self.climbs.pop(trial.number, None)
                continue
            self._read(trial, measured)

    def waiting(self) -> dict[int, Climb]:
        """Return the trials that wait at a rung, by number."""
        return {number: climb for number, climb in self.climbs.items() if climb.is_waiting}

    def _read(self, trial: FrozenTrial, measured: Sequence[int]) -> None:
        rungs = {
            float(name.removeprefix(RUNG_PREFIX)): value
            for name, value in trial.user_attrs.items()
            if name.startswith(RUNG_PREFIX)
        }
        is_whole = trial.state is OptunaState.COMPLETE
        climb = self.climbs.get(trial.number)
        if climb is None:
            candidate = self._describe(trial) if rungs or is_whole else None
            if candidate is None:
                return
            climb = self.climbs[trial.number] = Climb(candidate)
        for share, value in rungs.items():
            if share not in climb.losses:
                climb.losses[share] = self._losses(value["metrics"])
                climb.seconds[share] = float(value["seconds"])
                self.num_read += 1
        climb.is_waiting = not trial.state.is_finished() and bool(
            trial.user_attrs.get(WAITING_KEY)
        )
        if is_whole:
            self.num_read += 1
            values = np.array(trial.values)[list(measured)]
            climb.losses[WHOLE] = values * self._signs
            if SECONDS_KEY in trial.user_attrs:
                climb.seconds[WHOLE] = float(trial.user_attrs[SECONDS_KEY])

    def _losses(self, metrics: Mapping[str, float]) -> FloatArray:
        values = np.array([float(metrics[name]) for name in self._metrics])
        return np.asarray(values * self._signs)
