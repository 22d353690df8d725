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
import weakref
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from math import ceil
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
from nas.frontier.candidates import Candidate, CandidatePool
from nas.frontier.effort import DIVISOR_KEY, Effort, effort_divisor
from nas.frontier.goals import Goals, goals_of
from nas.frontier.observations import CHOICE_KEY, Observations, write_choice
from nas.frontier.plan import CandidatePlan, Surrogates
from nas.frontier.study_attributes import study_attribute
from nas.frontier.warm_start import Results, results_of, take_hints
from nas.objective import Objective
from nas.sampling.distributions import flat_distributions
from nas.sampling.whole_space import WholeSpaceSampler
from nas.seeding import derive_seed, generator
from nas.space.facts import Facts
from nas.space.space import SearchSpace

IntArray = NDArray[np.int64]

# The quantiles of size at which the first trainings are chosen. Few are best; the smallest network
# is always on the front.
START_QUANTILES = (0.0, 1 / 9, 4 / 9, 1.0)
NUM_STARTS = 4
# Study attributes that keep the seed, and how many results each earlier search had.
SEED_KEY, WARM_KEY = "frontier:seed", "frontier:warm_start"
# Steps of the descent to the smallest networks of a space that is too large to enumerate.
DESCENT_ROUNDS = 25
# One plan serves this share of the running trials; below that many each ask makes its own.
TRIALS_PER_PICK = 12
# The largest number of running trials is forgotten by this factor at each plan: slots may be lost.
FORGETTING = 0.95
# Matrices of an ask are small: threads that share them wait for each other, and where trainings
# keep the cores busy an ask takes ten times as long.
_BLAS = ThreadpoolController().select(user_api="blas")
# At most this share (one in so many) of the running trials more, for slots that wait.
MAX_WAITING_SHARE = 4
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

    Raises:
        ConstraintError: at the first ask, if nothing is allowed.
        ConfigError: `pool_size` or `num_candidates` is out of range, or choices have too many
            options.
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
    ) -> None:
        for name, number in (("pool_size", pool_size), ("num_candidates", num_candidates)):
            if not 1 <= number <= MAX_CANDIDATES:
                raise ConfigError(
                    f"sampler.{name} must be from 1 to {MAX_CANDIDATES:,}, but got {number:,}"
                )
        flat = flat_distributions(space)
        _check_options(flat)
        super().__init__(space, flat)
        self._seed = secrets.randbits(32) if seed is None else seed
        self._objectives = tuple(objectives) if objectives is not None else None
        self._effort = Effort(num_candidates, pool_size, DESCENT_ROUNDS, max_enumerated)
        self._facts = facts
        self._earlier = [results_of(space, results) for results in warm_start]
        self._independent = RandomSampler(seed=derive_seed(self._seed, "independent"))
        self._make_pool = partial(
            CandidatePool,
            space,
            facts,
            is_allowed=is_allowed,
        )
        self._memory: _Memory | None = None
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

    def _remember(self, study: Study) -> "_Memory":
        if self._memory is None or self._memory.study() is not study:
            goals = goals_of(study.directions, self._objectives)
            # A command that takes up a study has another seed and may run on another machine.
            seed = study_attribute(study, SEED_KEY, lambda: self._seed)
            compute = partial(effort_divisor, self._space, self._facts, seed=seed)
            effort = self._effort.reduced(study_attribute(study, DIVISOR_KEY, compute))
            candidates = self._make_pool(effort=effort, seed=seed)
            _check_facts(candidates, goals)
            self._hint(candidates, study, goals, seed=seed)
            self._memory = _Memory(
                study, candidates, goals, seed=seed, num_candidates=effort.num_candidates
            )
        return self._memory

    def _hint(self, candidates: CandidatePool, study: Study, goals: Goals, *, seed: int) -> None:
        # An earlier search may go on: what it had at the first ask counts, whenever this resumes.
        counts = [
            study_attribute(study, f"{WARM_KEY}:{place}", partial(len, results))
            for place, results in enumerate(self._earlier)
        ]
        earlier = [results[:count] for results, count in zip(self._earlier, counts, strict=True)]
        sign = goals.signs[goals.measured[0]]
        take_hints(candidates, earlier, sign=sign, seed=seed)


class _Memory:
    """What the sampler keeps of one study between asks, for speed: what the study itself says."""

    def __init__(
        self,
        study: Study,
        candidates: CandidatePool,
        goals: Goals,
        *,
        seed: int,
        num_candidates: int,
    ) -> None:
        self.study = weakref.ref(study)
        self.candidates = candidates
        self._seed = seed
        self._num_candidates = num_candidates
        self._goals = goals
        self._observations = Observations(
            candidates.encoding.space,
            candidates.encoding,
            describe=candidates.describe,
            gather=candidates.gather,
        )
        self._surrogates = Surrogates(candidates.embedding.kernel, seed=seed)
        self._num_left_out = 0
        self._plan: CandidatePlan | None = None
        self._picks_left = 0
        self._most_running = 0.0
        self._last_number = -1
        self._sizes = candidates.sizes
        self._handed_out: dict[int, None] = {}

    def ask(self, study: Study, number: int) -> Candidate:
        """Return what trial `number` is to be."""
        observations = self._observations
        observations.update(study, asking=number)
        if number != self._last_number:
            self._handed_out = {}
        self._last_number = number
        self.candidates.leave_out(islice(observations.known, self._num_left_out, None))
        self._num_left_out = len(observations.known)
        candidate = self._choose(number)
        self._handed_out[candidate.key] = None
        return candidate

    def note(self, number: int, genome: dict[str, Any], candidate: Candidate) -> None:
        """Note what was answered: reading the trial is quicker if that became of it."""
        self._observations.answers[number] = (genome, candidate)

    def _choose(self, number: int) -> Candidate:
        known = ChainMap(self._observations.known, self._handed_out)
        rng = generator(self._seed, "ask", number, len(self._handed_out))
        if len(known) < NUM_STARTS or self._observations.num_complete < 2:
            return self._start(known, rng)
        if self._plan is None or self._picks_left < 1:
            self._picks_left = self._num_picks()
            self._plan = CandidatePlan(
                self._observations,
                self.candidates,
                self._surrogates,
                self._goals,
                num_candidates=self._num_candidates,
                num_picks=self._picks_left,
                rng=rng,
            )
        self._picks_left -= 1
        row = self._plan.pick(known)
        candidate = None if row is None else self.candidates.describe(row)
        return candidate or self._anything(rng)

    def _num_picks(self) -> int:
        """Return how many asks the next plan serves."""
        running = len(self._observations.running)
        self._most_running = max(float(running), FORGETTING * self._most_running)
        return num_picks(running, num_waiting=int(self._most_running) - running)

    def _start(self, known: Collection[int], rng: np.random.Generator) -> Candidate:
        """Return the unknown network nearest to the next quantile of the sizes.

        Where there are hints, it is the best of the nearest ones by these.
        """
        left = self._left_of_pool()
        if not len(left):
            return self._anything(rng)
        place = len(known)
        share = START_QUANTILES[place] if place < len(START_QUANTILES) else _van_der_corput(place)
        distance = np.abs(self._sizes[left] - np.quantile(self._sizes, share))
        nearest = left[distance <= distance.min() + 1e-9]
        hints = self.candidates.hints
        if hints is None:
            return self.candidates.pool_member(int(nearest[rng.integers(len(nearest))]))
        if place:  # the smallest of all must be among the smallest
            nearest = left[np.argsort(distance, kind="stable")][: ceil(hints.share * len(left))]
        return self.candidates.pool_member(int(nearest[np.argmin(hints.losses[nearest])]))

    def _left_of_pool(self) -> IntArray:
        """Return where in the pool networks are that nobody asked for."""
        left = np.flatnonzero(self.candidates.is_left)
        handed_out = np.fromiter(self._handed_out, np.int64, len(self._handed_out))
        return left[~np.isin(self.candidates.pool.keys[left], handed_out)]

    def _anything(self, rng: np.random.Generator) -> Candidate:
        """Return some network of the pool, known or not: nothing unknown was found."""
        return self.candidates.pool_member(int(rng.integers(len(self.candidates.pool))))


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


def num_picks(num_running: int, *, num_waiting: int) -> int:
    """Return how many asks one plan serves: one with few trials running, more where slots wait.

    Args:
        num_running: trials that run.
        num_waiting: how many more ran at most: slots that are free and wait for the sampler, as
            far as the study tells.
    """
    if num_running < TRIALS_PER_PICK:
        return 1
    return num_running // TRIALS_PER_PICK + 1 + min(num_waiting, num_running // MAX_WAITING_SHARE)


def _van_der_corput(index: int) -> float:
    """Return a number of the sequence that fills 0..1 evenly: 1/2, 1/4, 3/4, 1/8, ..."""
    return float(int(f"{index:b}"[::-1], 2) / 2 ** index.bit_length())
