"""Which network to train next, when sizes are known exactly before any training?

A Gaussian process predicts the accuracy of thousands of candidates, and the one that should add
most hypervolume to the front of size and accuracy is trained next. Only accuracy is uncertain, so
the expected improvement has a closed form.

Its parts: `candidates` are what it chooses among, `embedding` is what the model sees of them,
`gaussian_process` is the model, `acquisition` the expected improvement; `plan` joins these;
`observations` reads the study, `warm_start` the results of earlier searches.
"""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from nas.architecture import Architecture
from nas.errors import ConfigError, InvalidObjectivesError
from nas.frontier.aim import Aim
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import DIVISOR_KEY, Effort, effort_divisor
from nas.frontier.goals import Goals, goals_of
from nas.frontier.memory import StudyMemory
from nas.frontier.memory import num_picks as num_picks
from nas.frontier.noise import ReadingNoise
from nas.frontier.observations import CHOICE_KEY, write_choice
from nas.frontier.study_attributes import study_attribute
from nas.frontier.warm_start import Results, results_of, take_hints
from nas.objective import Objective
from nas.sampling.distributions import flat_distributions
from nas.sampling.whole_space import WholeSpaceSampler
from nas.seeding import derive_seed
from nas.space.facts import Facts
from nas.space.space import SearchSpace

IntArray = NDArray[np.int64]

# Study attributes that keep the seed, and how many results each earlier search had.
SEED_KEY, WARM_KEY = "frontier:seed", "frontier:warm_start"
ACCURACY = "accuracy"
# Steps of the descent to the smallest networks of a space that is too large to enumerate.
DESCENT_ROUNDS = 25
# Matrices of an ask are small: threads that share them wait for each other, and where trainings
# keep the cores busy an ask takes ten times as long.
_BLAS = ThreadpoolController().select(user_api="blas")
# Most architectures that one ask may consider: all are held in memory, and each is counted.
MAX_CANDIDATES = 65_536
# Options of all choices together: each is a column of every candidate in memory.
MAX_OPTIONS = 4_096


class FrontierSampler(WholeSpaceSampler):
    """Proposes the architecture with the largest expected gain in hypervolume.

    All its state is in the study, so asks repeat for the same seed and study, whoever told the
    results. With more than a dozen trials running, one plan serves several asks, and the order of
    asks and results decides.

    Args:
        space: what architectures are drawn from.
        facts: size and other free facts of an architecture; None if it cannot be built.
        seed: of all draws; None draws one. It is kept with the study at the first ask, and what is
            kept counts from then on.
        objectives: in the order of the study's directions. By default the one that is maximised is
            measured by training, and the one that is minimised is the size, known beforehand.
        is_allowed: whether an architecture keeps the constraints; what does not is never asked
            for.
        pool_size: random architectures in the pool that each ask considers.
        num_candidates: new architectures that an ask describes. This and the two other numbers are
            reduced where describing one takes more than 2 ms (see `nas.frontier.effort`).
        max_enumerated: spaces of up to this many architectures are enumerated, once.
        warm_start: results of earlier searches of this space, on other data or with other
            trainings; of each a sequence of (parameters, value of the first objective that
            training tells).
        aim: which part of the objectives' space counts.
        num_judged: validation examples that an accuracy is a share of, so how far off its reading
            may be; 0 where readings are exact or nobody knows.

    Attributes:
        num_judged: as given.

    Raises:
        ConstraintError: at the first ask, if nothing is allowed.
        ConfigError: `pool_size`, `num_candidates` or `num_judged` is out of range, or choices have
            too many options.
        InvalidObjectivesError: at the first ask, if the study's directions are others.
        SpaceError: an earlier search was not of this space.
    """

    def __init__(
        self,
        space: SearchSpace,
        facts: Callable[[Architecture], Facts | None],
        *,
        seed: int | None = None,
        objectives: Sequence[Objective] | None = None,
        is_allowed: Callable[[Architecture], bool] | None = None,
        pool_size: int = 1024,
        num_candidates: int = 500,
        max_enumerated: int = 40_000,
        warm_start: Sequence[Results] = (),
        aim: Aim | None = None,
        num_judged: int = 0,
    ) -> None:
        for name, number in (("pool_size", pool_size), ("num_candidates", num_candidates)):
            if not 1 <= number <= MAX_CANDIDATES:
                raise ConfigError(
                    f"sampler.{name} must be from 1 to {MAX_CANDIDATES:,}, but got {number:,}"
                )
        if num_judged < 0:
            raise ConfigError(f"num_judged must be 0 or more examples, but got {num_judged}")
        flat = flat_distributions(space)
        _check_options(flat)
        super().__init__(space, flat)
        self._seed = secrets.randbits(32) if seed is None else seed
        self._objectives = tuple(objectives) if objectives is not None else None
        self._effort = Effort(num_candidates, pool_size, DESCENT_ROUNDS, max_enumerated)
        self._facts = facts
        self._aim = aim or Aim()
        self.num_judged = num_judged
        self._earlier = [results_of(space, results) for results in warm_start]
        self._independent = RandomSampler(seed=derive_seed(self._seed, "independent"))
        self._make_pool = partial(
            CandidatePool,
            space,
            facts,
            is_allowed=is_allowed,
        )
        self._memory: StudyMemory | None = None
        self._lock = threading.Lock()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the genome of the architecture to train next."""
        # Optuna asks from several threads (n_jobs): an answer is on record before the next one.
        with self._lock, _BLAS.limit(limits=1):
            memory = self._remember(study)
            candidate = memory.ask(study, trial.number)
            # Public storages have no other place for what a running trial is going to be.
            choice = write_choice(candidate.row)
            study._storage.set_trial_system_attr(trial._trial_id, CHOICE_KEY, choice)
            genome = self._space.genome(memory.candidates.encoding.decode(candidate.row))
            memory.note(trial.number, genome, candidate)
        return {name: value for name, value in genome.items() if name in search_space}

    def promotion(self, study: Study, shares: Sequence[float], *, may_start: bool) -> int | None:
        """Return the trial that is to go on from its rung now; None to start a new one.

        The action with the largest expected gain in hypervolume for its time is taken.

        Args:
            study: trials that wait at a rung say so (`nas.sampling.rungs`).
            shares: of a full training, at which trials stop; the last is the whole.
            may_start: whether a new trial may start; where not, None is to do nothing.
        """
        with self._lock, _BLAS.limit(limits=1):
            return self._remember(study).promotion(study, shares, may_start=may_start)

    def believed(self, study: Study) -> dict[int, list[float]]:
        """Return the values of each complete trial, with accuracies as they are believed.

        With `num_judged` they are what the model expects after all results. Who takes the front of
        these values falls less often for a lucky reading. All other values are as they were told.
        """
        with self._lock, _BLAS.limit(limits=1):
            return self._remember(study).believed(study)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a parameter that the space does not have, at random."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the memory of a study behind: it is made again from the study."""
        return {**self.__dict__, "_memory": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state, with a lock of its own."""
        self.__dict__ = {**state, "_lock": threading.Lock()}

    def _remember(self, study: Study) -> "StudyMemory":
        if self._memory is None or self._memory.study() is not study:
            goals = goals_of(study.directions, self._objectives)
            # A command that takes up a study has another seed and may run on another machine.
            seed = study_attribute(study, SEED_KEY, lambda: self._seed)
            compute = partial(effort_divisor, self._space, self._facts, seed=seed)
            effort = self._effort.reduced(study_attribute(study, DIVISOR_KEY, compute))
            candidates = self._make_pool(effort=effort, seed=seed)
            _check_facts(candidates, goals)
            self._hint(candidates, study, goals, seed=seed)
            self._memory = StudyMemory(
                study,
                candidates,
                goals,
                self._aim,
                seed=seed,
                num_candidates=effort.num_candidates,
                metrics=[o.metric for o in self._objectives or () if not o.is_static],
                noise=self._noise(goals),
            )
        return self._memory

    def _noise(self, goals: Goals) -> ReadingNoise:
        """Return the noise of the measured objectives: an accuracy is a share of examples."""
        if self._objectives is None:  # accuracy and size
            return ReadingNoise((self.num_judged,))
        measured = [self._objectives[column].metric for column in goals.measured]
        return ReadingNoise(
            tuple(self.num_judged if metric == ACCURACY else 0 for metric in measured)
        )

    def _hint(self, candidates: CandidatePool, study: Study, goals: Goals, *, seed: int) -> None:
        # An earlier search may go on: what it had at the first ask counts, whenever this resumes.
        counts = [
            study_attribute(study, f"{WARM_KEY}:{place}", partial(len, results))
            for place, results in enumerate(self._earlier)
        ]
        earlier = [results[:count] for results, count in zip(self._earlier, counts, strict=True)]
        sign = goals.signs[goals.measured[0]]
        take_hints(candidates, earlier, sign=sign, seed=seed)


def _check_options(flat: Mapping[str, BaseDistribution]) -> None:
    choices = [d for d in flat.values() if isinstance(d, CategoricalDistribution)]
    number = sum(len(choice.choices) for choice in choices)
    if number > MAX_OPTIONS:
        raise ConfigError(
            f"the choices of this space have {number:,} options together, and frontier takes up "
            f"to {MAX_OPTIONS:,}; give numbers as a range (int or float), or use sampler=tpe"
        )


def _check_facts(candidates: CandidatePool, goals: Goals) -> None:
    known, needed = candidates.pool.static.shape[1], len(goals.static)
    if known < needed:
        raise InvalidObjectivesError(
            f"{needed} objectives are known without training, and the facts of an architecture "
            f"hold {known}; give Facts(..., static=(...)) a value for each, in the study's order"
        )
