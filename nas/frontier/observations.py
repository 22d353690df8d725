"""What a sampler observes of a study: results, running trials, networks that were asked for.

All of it is read from the trials themselves, whoever proposed them. Finished trials are read once.
A running trial of a define-by-run study has no parameters yet, so the choice made for it is kept
in one system attribute, a compact string.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.errors import SpaceError
from nas.frontier.candidates import Candidate, CandidateBatch
from nas.frontier.encoding import Encoding
from nas.space.space import SearchSpace

FloatArray = NDArray[np.float64]

UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)
# Names the attribute. Databases hold 2,045 characters of it, which is about 400 parameters.
CHOICE_KEY = "frontier:choice"


def write_choice(row: FloatArray) -> str:
    """Return a row as a compact string."""
    codes = [None if math.isnan(c) else int(c) if c == int(c) else c for c in row.tolist()]
    return json.dumps(codes, separators=(",", ":"))


def read_choice(text: str) -> FloatArray:
    """Read what `write_choice` wrote."""
    return np.array([math.nan if code is None else float(code) for code in json.loads(text)])


class Observations:
    """The trials of one study so far.

    Args:
        space: what the trials are points of; others are passed over.
        encoding: of the space.
        describe: returns the candidate of a row; None for what cannot be built.
        gather: turns candidates into arrays.
    """

    def __init__(
        self,
        space: SearchSpace,
        encoding: Encoding,
        *,
        describe: Callable[[FloatArray], Candidate | None],
        gather: Callable[[list[Candidate]], CandidateBatch],
    ) -> None:
        self.known: dict[int, None] = {}  # networks, in the order in which they were met
        # What the sampler answered, until the trial is read: it need not be described again.
        self.answers: dict[int, tuple[dict[str, Any], Candidate]] = {}
        self.running: dict[int, Candidate] = {}
        self.pruned: dict[int, Candidate] = {}
        self._values = np.empty((0, 0))
        self._space = space
        self._encoding = encoding
        self._describe = describe
        self._gather = gather
        self._open: dict[int, None] = {}  # unfinished trials, in order of number
        self._num_read = 0
        self._complete: CandidateBatch | None = None
        self.numbers: list[int] = []  # of the trials with results, in the order of `values`
        self._fresh: list[tuple[FrozenTrial, Candidate]] = []  # not in the arrays yet

    @property
    def num_complete(self) -> int:
        """How many results there are."""
        return len(self._values) + len(self._fresh)

    @property
    def complete(self) -> CandidateBatch:
        """The networks that have results, at least one.

        Made when it is needed: a plan of many picks reads many results at once.
        """
        self._gather_fresh()
        assert self._complete is not None, "there are results"
        return self._complete

    @property
    def values(self) -> FloatArray:
        """Their values (n, m), in the study's order of objectives."""
        self._gather_fresh()
        return self._values

    def update(self, study: Study, *, asking: int) -> None:
        """Read what is new.

        Args:
            study: the study.
            asking: number of the trial that is being asked for, which has no choice yet.
        """
        trials = study.get_trials(deepcopy=False)
        # Of many running trials few have ended: the others are passed by quickly.
        running = TrialState.RUNNING
        todo = [n for n in self._open if n not in self.running or trials[n].state is not running]
        todo += range(self._num_read, len(trials))
        for index in todo:
            trial = trials[index]
            if trial.state in UNFINISHED:
                self._open[index] = None
                if index not in self.running and trial.number != asking:
                    self._note_running(trial)
                continue
            self._open.pop(index, None)
            candidate = self.running.pop(trial.number, None) or self.candidate_of(trial)
            if candidate is None:
                continue
            self.known[candidate.key] = None
            if trial.state is TrialState.PRUNED:
                self.pruned[trial.number] = candidate
            elif trial.state is TrialState.COMPLETE and _is_finite(trial):
                self._fresh.append((trial, candidate))
                self.numbers.append(trial.number)
        self._num_read = len(trials)

    def _gather_fresh(self) -> None:
        if not self._fresh:
            return
        values = np.array([trial.values for trial, _ in self._fresh])
        batch = self._gather([candidate for _, candidate in self._fresh])
        self._values = np.vstack([self._values, values]) if self._values.size else values
        self._complete = batch if self._complete is None else self._complete.join(batch)
        self._fresh = []

    def _note_running(self, trial: FrozenTrial) -> None:
        candidate = self.candidate_of(trial)
        if candidate is not None:
            self.running[trial.number] = candidate
            self.known[candidate.key] = None

    def candidate_of(self, trial: FrozenTrial) -> Candidate | None:
        """Return a trial's network; None for what is none of the space."""
        genome, candidate = self.answers.pop(trial.number, (None, None))
        if candidate is not None and trial.params == genome:  # else somebody changed the trial
            return candidate
        row = self._row_of(trial)
        return None if row is None else self._describe(row)

    def _row_of(self, trial: FrozenTrial) -> FloatArray | None:
        """Return the trial's row: from its parameters, or from the choice kept with it."""
        known = {name: trial.params[name] for name in self._encoding.names if name in trial.params}
        if known:
            try:
                return self._encoding.encode(self._space.architecture(known))
            except SpaceError:
                pass  # not finished choosing, or a trial of another space
        text = trial.system_attrs.get(CHOICE_KEY)
        if text is None:
            return None
        row = read_choice(text)
        return row if len(row) == len(self._encoding.names) else None


def _is_finite(trial: FrozenTrial) -> bool:
    return all(math.isfinite(value) for value in trial.values)
