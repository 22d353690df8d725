"""What the sampler keeps of one study between asks, for speed: what the study itself says."""

import weakref
from collections import ChainMap
from collections.abc import Collection, Sequence
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study

from nas.frontier.aim import Aim
from nas.frontier.candidates import SHARE_BY_RESULTS, Candidate, CandidatePool
from nas.frontier.goals import Goals
from nas.frontier.loss_scale import LossScale
from nas.frontier.noise import ReadingNoise
from nas.frontier.observations import Observations
from nas.frontier.plan import MAX_SEEN, CandidatePlan
from nas.frontier.step_plan import StepPlan
from nas.frontier.step_results import StepResults
from nas.frontier.surrogates import Surrogates, believed
from nas.seeding import generator

IntArray = NDArray[np.int64]

# One plan serves this share of the running trials; below that many each ask makes its own.
TRIALS_PER_PICK = 12
# The largest number of running trials is forgotten by this factor at each plan: slots may be lost.
FORGETTING = 0.95
# At most this share (one in so many) of the running trials more, for slots that wait.
MAX_WAITING_SHARE = 4


class StudyMemory:
    """What the sampler keeps of one study between asks, for speed: what the study itself says."""

    def __init__(
        self,
        study: Study,
        candidates: CandidatePool,
        goals: Goals,
        aim: Aim,
        *,
        seed: int,
        num_candidates: int,
        metrics: Sequence[str] = (),
        noise: ReadingNoise | None = None,
    ) -> None:
        self.study = weakref.ref(study)
        self.candidates = candidates
        self._seed = seed
        self._num_candidates = num_candidates
        self._goals, self._aim, self._noise = goals, aim, noise
        self._observations = Observations(
            candidates.encoding.space,
            candidates.encoding,
            describe=candidates.describe,
            gather=candidates.gather,
        )
        self._surrogates = Surrogates(candidates.embedding.kernel, seed=seed, noise=noise)
        self._num_left_out = 0
        self._plan: CandidatePlan | None = None
        self._picks_left = 0
        self._most_running = 0.0
        self._last_number = -1
        self._sizes = candidates.sizes
        self._handed_out: dict[int, None] = {}
        self._recommended = candidates.recommended[: len(aim.start_quantiles)]
        self._takes_smallest = aim.begins_small and bool(self._recommended)
        if aim.begins_small:
            self._recommended.sort(key=lambda candidate: candidate.facts.log_size)
        signs = [goals.signs[column] for column in goals.measured]
        self._steps = StepResults(metrics, signs, describe=self._observations.candidate_of)
        self._shares: Sequence[float] = ()
        self._step_plan: StepPlan | None = None  # made when it was asked who goes on

    def promotion(self, study: Study, shares: Sequence[float], *, may_start: bool) -> int | None:
        """Return the waiting trial to go on with; None to start a new one, or for nothing."""
        self._shares = tuple(shares)
        self._observations.update(study, asking=-1)
        self._leave_out_known()
        self._steps.update(study, measured=self._goals.measured)
        waiting = self._steps.waiting()
        # The first trainings are whole: they tell how a rung's loss becomes the last one.
        first = [number for number in waiting if number < len(self._aim.start_quantiles)]
        if first:
            return max(first, key=lambda number: waiting[number].reached)
        if self._is_beginning(self._observations.known):
            return None if may_start else min(waiting, default=None)
        rng = generator(self._seed, "steps", len(self._observations.known), self._steps.num_read)
        self._step_plan = self._plan_steps(rng)
        return self._step_plan.promotion(may_start=may_start)

    def ask(self, study: Study, number: int) -> Candidate:
        """Return what trial `number` is to be."""
        observations = self._observations
        observations.update(study, asking=number)
        if number != self._last_number:
            self._handed_out = {}
        self._last_number = number
        self._leave_out_known()
        candidate = self._choose(study, number)
        self._handed_out[candidate.key] = None
        return candidate

    def believed(self, study: Study) -> dict[int, list[float]]:
        """Return the values of each trial with a result, noisy readings as they are believed."""
        seen = self._observations
        seen.update(study, asking=-1)
        if self._noise is None or seen.num_complete < 2:
            return dict(zip(seen.numbers, map(list, seen.values.tolist()), strict=True))
        losses = self._goals.measured_losses(seen.values)
        scale = LossScale(losses)
        models = self._surrogates.posteriors(seen.complete, losses, limit=MAX_SEEN)
        means = believed(models, seen.complete.features, scale(losses), self._noise)
        values = seen.values.copy()
        noisy = self._noise.columns
        columns = np.array(self._goals.measured)[noisy]
        signs = np.array(self._goals.signs)[columns]
        values[:, columns] = signs * scale.straight(means)[:, noisy]
        return dict(zip(seen.numbers, values.tolist(), strict=True))

    def _leave_out_known(self) -> None:
        known = self._observations.known
        self.candidates.leave_out(islice(known, self._num_left_out, None))
        self._num_left_out = len(known)

    def _is_beginning(self, known: Collection[int]) -> bool:
        num_first = len(self._aim.start_quantiles) + self._takes_smallest
        return len(known) < num_first or self._observations.num_complete < 2

    def _plan_steps(self, rng: np.random.Generator) -> StepPlan:
        return StepPlan(
            self._observations,
            self.candidates,
            self._surrogates,
            results=self._steps,
            shares=self._shares,
            goals=self._goals,
            aim=self._aim,
            num_candidates=self._num_candidates,
            rng=rng,
        )

    def note(self, number: int, genome: dict[str, Any], candidate: Candidate) -> None:
        """Note what was answered: reading the trial is quicker if that became of it."""
        self._observations.answers[number] = (genome, candidate)

    def _choose(self, study: Study, number: int) -> Candidate:
        known = ChainMap(self._observations.known, self._handed_out)
        rng = generator(self._seed, "ask", number, len(self._handed_out))
        if self._is_beginning(known):
            return self._start(known, rng)
        if self._shares:
            self._steps.update(study, measured=self._goals.measured)
            plan, self._step_plan = self._step_plan or self._plan_steps(rng), None
            return self._pick(plan, known, rng)
        if self._plan is None or self._picks_left < 1:
            self._picks_left = self._num_picks()
            self._plan = CandidatePlan(
                self._observations,
                self.candidates,
                self._surrogates,
                self._goals,
                self._aim,
                num_candidates=self._num_candidates,
                num_picks=self._picks_left,
                rng=rng,
                noise=self._noise,
            )
        self._picks_left -= 1
        return self._pick(self._plan, known, rng)

    def _pick(
        self, plan: CandidatePlan, known: Collection[int], rng: np.random.Generator
    ) -> Candidate:
        row = plan.pick(known)
        candidate = None if row is None else self.candidates.describe(row)
        return candidate or self._anything(rng)

    def _num_picks(self) -> int:
        """Return how many asks the next plan serves."""
        running = len(self._observations.running)
        self._most_running = max(float(running), FORGETTING * self._most_running)
        return num_picks(running, num_waiting=int(self._most_running) - running)

    def _start(self, known: Collection[int], rng: np.random.Generator) -> Candidate:
        """Return the next network that the space recommends, if any is unknown.

        Where these come small to large, the smallest network of all comes before them.

        Otherwise it is the one nearest to the next quantile of the sizes; where there are hints,
        the best of the nearest ones by these. Where an expert's prior is told, every second one
        is likely by this: the others show what the prior is worth.
        """
        is_smallest = self._takes_smallest and not known
        for candidate in () if is_smallest else self._recommended:
            if candidate.key not in known:
                return candidate
        left = self._left_of_pool()
        if not len(left):
            return self._anything(rng)
        place = len(known)
        first = self._aim.start_quantiles
        share = first[place] if place < len(first) else _van_der_corput(place)
        share = 0.0 if is_smallest else share
        distance = np.abs(self._sizes[left] - np.quantile(self._sizes, share))
        nearest = left[distance <= distance.min() + 1e-9]
        hints, prior = self.candidates.hints, self.candidates.prior
        by_prior = prior.is_told and not place % 2
        if share and (hints or by_prior):  # the smallest of all must be among the smallest
            width = hints.share if hints and not by_prior else SHARE_BY_RESULTS
            nearest = left[np.argsort(distance, kind="stable")][: ceil(width * len(left))]
        if by_prior:
            nearest = nearest[prior.likely(self.candidates.pool.rows[nearest])]
        if hints is None:
            return self.candidates.pool_member(int(nearest[rng.integers(len(nearest))]))
        return self.candidates.pool_member(int(nearest[np.argmin(hints.losses[nearest])]))

    def _left_of_pool(self) -> IntArray:
        """Return where in the pool networks are that nobody asked for."""
        left = np.flatnonzero(self.candidates.is_left)
        handed_out = np.fromiter(self._handed_out, np.int64, len(self._handed_out))
        return left[~np.isin(self.candidates.pool.keys[left], handed_out)]

    def _anything(self, rng: np.random.Generator) -> Candidate:
        """Return some network of the pool, known or not: nothing unknown was found."""
        return self.candidates.pool_member(int(rng.integers(len(self.candidates.pool))))


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
