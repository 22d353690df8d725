"""Trains some of the winners longer and longer, until they are done or the time is used up.

Every training is on record as soon as it ends, in `lengths.jsonl`, and what was found as soon as
it is known, in `length.json`: a command that was killed goes on with both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.evaluation.trained import TrainedEvaluator
from nas.finish.afford import trial_epochs_s
from nas.finish.confirm import Winner
from nas.finish.ledger import Ledger
from nas.finish.length import (
    MAX_DOUBLINGS,
    CurvePoint,
    Gain,
    Length,
    Lengths,
    Room,
    gains_of,
    probe_places,
    remember_lengths,
    remembered_lengths,
)
from nas.finish.length_question import Question
from nas.finish.retrain import Crew, Outcome, Retraining, run_on
from nas.running_clock import running_s

STEP = "length"
LENGTHS = "lengths.jsonl"
_SEARCH_SHARE = 0.25  # of the budget, at most, for finding the length
# Up to so many times the epochs of the search longer training is taken to gain, without a trial.
ALWAYS_GAINS = 16
_EXPORT_S = 5.0  # of the budget for the files of a winner
_PLANNED_SHARE = 0.97  # of the budget
# Winners train alone, or on an idler machine than trials did: an epoch may take so little of the
# time. More epochs are planned than there may be time for; the clock says how many there are.
QUICKER = 0.5
_NOTHING_S = 1e-6  # of an epoch, where no work is left
FITS = "so many fit into the budget"


@dataclass(frozen=True)
class Found:
    """What came of the question.

    Attributes:
        lengths: the answer; None where a signal came before it was known.
        outcome: interruption and failures of the trainings.
    """

    lengths: Lengths | None
    outcome: Outcome


def find_lengths(
    question: Question, *, evaluator: TrainedEvaluator, folder: Path, crew: Crew
) -> Found:
    """Answer the question, or remember the answer.

    Args:
        question: what is to be known.
        evaluator: learns from the training split and judges by the validation split.
        folder: the `finish` folder.
        crew: workers and onlookers.

    Raises:
        ExecutionError: workers cannot be had.
    """
    known = remembered_lengths(folder, question.key)
    if known is not None:
        return Found(known, Outcome(False, ()))
    search = _Search(question, folder, crew, num_slots=max(1, question.num_slots))
    search.take_known()
    if search.next_jobs() and _is_interrupted(search, evaluator, folder, crew):
        return Found(None, Outcome(True, search.outcome.failures))
    lengths = search.answer()
    remember_lengths(folder, question.key, lengths, budget_s=question.patience.budget_s)
    return Found(lengths, search.outcome)


def _is_interrupted(
    search: "_Search", evaluator: TrainedEvaluator, folder: Path, crew: Crew
) -> bool:
    """Train what is asked for, until nothing more is; say whether a signal came.

    Workers take seconds to start, so none do where nothing is asked for.
    """
    quiet = replace(crew, on_entry=lambda *_: None)
    backend = crew.make_backend(evaluator)
    try:
        search.num_slots = max(1, backend.num_slots)
        with crew.watch() as watch:
            while not watch.requested and (jobs := search.next_jobs()):
                outcome = run_on(
                    backend, jobs, search.ledger, folder, quiet, watch, keeps_weights=False
                )
                search.take(jobs, outcome)
            return watch.requested
    finally:
        backend.close()


class _Search:
    """The state of one search for lengths."""

    def __init__(self, question: Question, folder: Path, crew: Crew, *, num_slots: int) -> None:
        self._question, self._crew, self.num_slots = question, crew, num_slots
        self.ledger = Ledger(folder / LENGTHS)
        self.outcome = Outcome(False, ())
        winners = question.winners
        self._probes = [winners[place] for place in probe_places(len(winners))]
        self._going = list(self._probes)
        self._epochs = question.plan.recipe.epochs
        self._done: dict[str, Length] = {}
        self._values: dict[str, float] = {}
        self._gains: dict[str, Gain] = {}
        self._curve: list[CurvePoint] = []
        self._num_steps = 0
        self._is_over = question.patience.keeps_epochs

    def take_known(self) -> None:
        """Take the lengths that an earlier command tried; they cost no time."""
        while (jobs := self._jobs()) and all(job.key in self.ledger for job in jobs):
            self.take(jobs, Outcome(False, ()))

    def next_jobs(self) -> list[Retraining]:
        """Return the trainings of the next length; none where the answer is known."""
        jobs = self._jobs()
        if not jobs or (not self._num_steps and not self._may_be_done_in_time()):
            return []
        # The first length alone says nothing: it is tried where the second one fits as well.
        is_in_time = self._has_time_for(self._next_epochs * (1 if self._num_steps else 3))
        return jobs if is_in_time else []

    @property
    def _next_epochs(self) -> int:
        return int(self._epochs * 2**self._num_steps)

    def _jobs(self) -> list[Retraining]:
        if self._is_over or self._num_steps > MAX_DOUBLINGS:
            return []
        return [self._job(probe, self._next_epochs) for probe in self._going]

    def take(self, jobs: Sequence[Retraining], outcome: Outcome) -> None:
        """Take what the trainings of a length gave."""
        self.outcome = Outcome(outcome.is_interrupted, self.outcome.failures + outcome.failures)
        if any(job.key not in self.ledger for job in jobs):  # one failed: what is known must do
            self._is_over = True
            return
        question, epochs = self._question, self._next_epochs
        entries = [self.ledger[job.key] for job in jobs]
        name = question.metric.metric
        points = [
            CurvePoint(probe.name, probe.architecture.id, epochs, name, e.metrics[name], e.seconds)
            for probe, e in zip(self._going, entries, strict=True)
        ]
        self._curve += points
        self._crew.on_length(points, self._judge(points))
        self._values = {point.architecture_id: point.value for point in points}
        self._going = [p for p in self._going if p.architecture.id not in self._done]
        self._num_steps += 1

    def _judge(self, points: Sequence[CurvePoint]) -> list[Gain]:
        """Return what each network gained, and note which are done; nothing at the first step."""
        if not self._values:
            return []
        gains = gains_of(
            [self._values[point.architecture_id] for point in points],
            [point.value for point in points],
            self._question.metric,
            num_examples=self._question.num_examples,
        )
        for point, gain in zip(points, gains, strict=True):
            self._gains[point.architecture_id] = gain
            if not gain.is_worth_it:
                reason = f"twice as many gained {self._told(gain)} on validation"
                self._done[point.architecture_id] = Length(point.epochs // 2, reason)
        return gains

    def answer(self) -> Lengths:
        """Return the lengths, once there is nothing more to try."""
        question, patience = self._question, self._question.patience
        found = [self._found(winner) for winner in question.winners]
        if patience.budget_s is None:
            return self._lengths(found, question.plan.num_seeds)
        epoch_s = self._retraining_s()
        room = Room(epoch_s, self.num_slots, self._available_s())
        epochs, most = [length.epochs for length in found], question.plan.num_seeds
        if patience.keeps_seeds:
            seeds = most
        else:  # what is trained has one seed, or more where they were asked for
            seeds = 1 if question.trained else max(1, room.seeds(epochs, most=most))
        if patience.keeps_epochs:
            return self._lengths(found, seeds)
        least = min(self._epochs, patience.search_epochs)  # a shorter one would lose to its trial
        if self._crew.retrainings is not None:  # the clock ends what is too long
            room = replace(room, seconds_per_epoch=[QUICKER * seconds for seconds in epoch_s])
        bounded = [max(least, e) for e in room.bounded(epochs, num_seeds=seeds)]
        told = [
            length if fits == length.epochs else Length(fits, FITS)
            for length, fits in zip(found, bounded, strict=True)
        ]
        works_s = [one.epochs * seconds for one, seconds in zip(told, epoch_s, strict=True)]
        timed = [replace(one, seconds=work) for one, work in zip(told, works_s, strict=True)]
        return self._lengths(timed, seeds)

    def _lengths(self, found: Sequence[Length], num_seeds: int) -> Lengths:
        ids = [winner.architecture.id for winner in self._question.winners]
        return Lengths(dict(zip(ids, found, strict=True)), num_seeds, tuple(self._curve))

    def _found(self, winner: Winner) -> Length:
        """Return how long a winner should train, whatever the budget."""
        if self._question.patience.keeps_epochs:
            return Length(self._epochs, "as training.epochs says")
        place = self._question.winners.index(winner)
        places = probe_places(len(self._question.winners))
        beside = {max(p for p in places if p <= place), min(p for p in places if p >= place)}
        tried = [(self._question.winners[p], self._tried(p)) for p in sorted(beside)]
        other, length = max(tried, key=lambda pair: pair[1].epochs)
        if other is winner:
            return length
        return Length(length.epochs, f"as {other.name}, the next that was tried: {length.reason}")

    def _tried(self, place: int) -> Length:
        identity = self._question.winners[place].architecture.id
        if identity in self._done:
            return self._done[identity]
        budget_s = self._question.patience.budget_s
        if budget_s is not None and self._num_steps <= MAX_DOUBLINGS:
            is_better = identity in self._gains
            why = "it was still getting better" if is_better else "no time was left to try fewer"
            return Length(self._epochs * 2**MAX_DOUBLINGS, why)
        last = self._epochs * 2 ** max(0, self._num_steps - 1)
        if identity not in self._gains:
            return Length(last, "longer trainings failed")
        told = self._told(self._gains[identity])
        if self._is_over:
            return Length(last, f"a longer training failed; the last doubling gained {told}")
        limit = f"the limit is {2**MAX_DOUBLINGS} times the search's"
        return Length(last, f"{limit}; the last doubling gained {told}")

    def _may_be_done_in_time(self) -> bool:
        """Say whether winners could be done before the budget ends; else no trial tells more."""
        question = self._question
        if question.patience.budget_s is None:
            return True
        if all(winner.architecture.id in question.trained for winner in question.winners):
            return False
        room = Room(self._retraining_s(), self.num_slots, self._available_s())
        return room.fits([ALWAYS_GAINS * self._epochs] * len(question.winners), num_seeds=1)

    def _has_time_for(self, epochs: int) -> bool:
        budget_s = self._question.patience.budget_s
        if budget_s is None:
            return True
        spent_s = running_s() - self._question.began_s
        winners = list(self._question.winners)
        seconds = [self._seconds()[winners.index(probe)] for probe in self._going]
        needed_s = epochs * max(max(seconds), sum(seconds) / self.num_slots)
        return spent_s + needed_s <= _SEARCH_SHARE * budget_s

    def _available_s(self) -> float:
        """Return the wall time that is left for retrainings."""
        question = self._question
        assert question.patience.budget_s is not None, "only where there is a budget"
        if self._crew.retrainings is not None:
            number, tests_s = 0, 0.0
            if question.makes_files:
                number, epoch_s = len(question.winners), self._retraining_s()
                tests_s = question.test_epochs * sum(epoch_s)
            left_s = self._crew.retrainings.until_s(number) - tests_s - running_s()
            return max(0.1 * question.patience.budget_s, left_s)
        files_s = _EXPORT_S * len(question.winners) if question.makes_files else 0.0
        left_s = _PLANNED_SHARE * question.patience.budget_s - (running_s() - question.began_s)
        return max(0.1 * left_s, left_s - files_s)

    def _retraining_s(self) -> list[float]:
        growth, trained = self._question.growth, self._question.trained
        return [
            _NOTHING_S if winner.architecture.id in trained else seconds * growth
            for winner, seconds in zip(self._question.winners, self._seconds(), strict=True)
        ]

    def _seconds(self) -> list[float]:
        """Return the seconds of an epoch of each winner: the search's, as the probes mend them."""
        winners = self._question.winners
        found = trial_epochs_s(winners, self._question.patience.search_epochs)
        known = {w.architecture.id: s for w, s in zip(winners, found, strict=True)}
        measured = sum(point.seconds / point.epochs for point in self._curve)
        expected = sum(known[point.architecture_id] for point in self._curve)
        factor = measured / expected if expected > 0 and measured > 0 else 1.0
        return [max(_NOTHING_S, seconds * factor) for seconds in found]

    def _told(self, gain: Gain) -> str:
        if self._question.metric.is_share:
            return f"{100 * gain.value:+.2f} points (noise ± {100 * gain.noise:.2f})"
        return f"{gain.value:+.3g} of {self._question.metric.metric} (noise ± {gain.noise:.2g})"

    def _job(self, probe: Winner, epochs: int) -> Retraining:
        recipe = replace(self._question.plan.recipe, epochs=epochs)
        plan = replace(self._question.plan, recipe=recipe, num_seeds=1, step=STEP)
        return replace(plan.jobs_of(probe)[0], name=f"{probe.name} for {epochs} epochs")
