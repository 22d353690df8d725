"""Trains some of the winners longer and longer, until they are done or the time is used up.

Every training is on record as soon as it ends, in `lengths.jsonl`, and what was found as soon as
it is known, in `length.json`: a command that was killed goes on with both.
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nas.architecture import Architecture
from nas.evaluation.evaluator import Evaluator
from nas.evaluation.trained import TrainedEvaluator
from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import RetrainingPlan, Winner
from nas.finish.ledger import Ledger
from nas.finish.length import (
    MAX_DOUBLINGS,
    CurvePoint,
    Gain,
    Length,
    fitting_epochs,
    fitting_seeds,
    gain_of,
    probe_places,
    remember_length,
    remembered_length,
)
from nas.finish.retrain import Crew, Outcome, Retraining, run_on
from nas.running_clock import running_s
from nas.trial import TrialResult, TrialSpec

STEP = "length"
_EPOCHS = "training.epochs"  # a parameter of a probe's architecture: how long it trains
_SEARCH_SHARE = 0.25  # of the budget, at most, for finding the length
_EXPORT_S = 5.0  # of the budget for the files of a winner


@dataclass(frozen=True)
class Patience:
    """What bounds the trainings of a finish.

    Attributes:
        search_epochs: for how many epochs trials of the search trained.
        budget_s: wall seconds for the whole command; None for no bound.
        keeps_epochs: the user gave the epochs, which stand.
        keeps_seeds: the user gave a number of seeds, which stands however short the time is.
    """

    search_epochs: int
    budget_s: float | None = None
    keeps_epochs: bool = False
    keeps_seeds: bool = False


@dataclass(frozen=True)
class Question:
    """What is to be known.

    Attributes:
        winners: smallest first; no baselines.
        plan: their retrainings, as long as the search's.
        patience: what bounds it.
        metric: what they are judged by.
        num_examples: of the validation split.
        growth: images of a retraining for each one that a trial trains on: those of validation
            come to it.
        makes_files: time is to be left for the winners' files.
        began_s: when the command began, by `running_s`.
    """

    winners: Sequence[Winner]
    plan: RetrainingPlan
    patience: Patience
    metric: WinnerMetric
    num_examples: int
    growth: float
    makes_files: bool
    began_s: float

    @property
    def key(self) -> str:
        """Changes with whatever the answer depends on."""
        jobs = [job.key for winner in self.winners for job in self.plan.jobs_of(winner)]
        text = json.dumps([jobs, asdict(self.patience)], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class AtLength(Evaluator):
    """An evaluator whose architectures say for how many epochs they train.

    Args:
        evaluator: trains and judges them.
    """

    def __init__(self, evaluator: TrainedEvaluator) -> None:
        self._evaluator = evaluator

    def static_costs(self, architecture: Architecture) -> dict[str, float]:
        """Return those of the network, however long it trains."""
        return dict(self._evaluator.static_costs(_parted(architecture)[0]))

    def prepare(self) -> None:
        """Move the data to the device."""
        self._evaluator.prepare()

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train for as long as the architecture says; the weights are not kept."""
        architecture, epochs = _parted(spec.architecture)
        self.prepare()
        evaluator = copy.copy(self._evaluator)
        evaluator.recipe = replace(evaluator.recipe, epochs=epochs)
        return replace(evaluator.evaluate(replace(spec, architecture=architecture)), weights=None)


def _parted(architecture: Architecture) -> tuple[Architecture, int]:
    rest = {key: value for key, value in architecture.items() if key != _EPOCHS}
    return Architecture(rest), int(str(architecture[_EPOCHS]))


@dataclass(frozen=True)
class Found:
    """What came of the question.

    Attributes:
        length: the answer; None where a signal came before it was known.
        outcome: interruption and failures of the trainings.
    """

    length: Length | None
    outcome: Outcome


def find_length(
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
    known = remembered_length(folder, question.key)
    if known is not None:
        return Found(known, Outcome(False, ()))
    backend = crew.make_backend(AtLength(evaluator))
    try:
        search = _Search(question, folder, crew, num_slots=max(1, backend.num_slots))
        with crew.watch() as watch:
            while not watch.requested and (jobs := search.next_jobs()):
                quiet = replace(crew, on_entry=lambda *_: None)
                outcome = run_on(
                    backend, jobs, search.ledger, folder, quiet, watch, keeps_weights=False
                )
                search.take(jobs, outcome)
            is_interrupted = watch.requested
    finally:
        backend.close()
    if is_interrupted:
        return Found(None, Outcome(True, search.outcome.failures))
    length = search.answer()
    remember_length(folder, question.key, length)
    return Found(length, search.outcome)


class _Search:
    """The state of one search for a length."""

    def __init__(self, question: Question, folder: Path, crew: Crew, *, num_slots: int) -> None:
        self._question, self._crew, self._num_slots = question, crew, num_slots
        self.ledger = Ledger(folder / "lengths.jsonl")
        self.outcome = Outcome(False, ())
        winners = question.winners
        self._probes = [winners[place] for place in probe_places(len(winners))]
        self._epochs = question.plan.recipe.epochs
        self._values: list[list[float]] = []
        self._curve: list[CurvePoint] = []
        self._gain: Gain | None = None
        self._is_over = False

    def next_jobs(self) -> list[Retraining]:
        """Return the trainings of the next length; none where the answer is known."""
        done = len(self._values)
        has_converged = self._gain is not None and not self._gain.is_worth_it
        keeps_epochs = self._question.patience.keeps_epochs
        if self._is_over or has_converged or keeps_epochs or done > MAX_DOUBLINGS:
            return []
        # The first length alone says nothing: it is tried where the second one fits as well.
        wanted = self._epochs * 2**done * (3 if done == 0 else 1)
        if not self._has_time_for(wanted):
            return []
        return [self._job(probe, self._epochs * 2**done) for probe in self._probes]

    def take(self, jobs: Sequence[Retraining], outcome: Outcome) -> None:
        """Take what the trainings of a length gave."""
        self.outcome = Outcome(outcome.is_interrupted, self.outcome.failures + outcome.failures)
        if any(job.key not in self.ledger for job in jobs):  # one failed: what is known must do
            self._is_over = True
            return
        entries = [self.ledger[job.key] for job in jobs]
        metric, epochs = self._question.metric, self._epochs * 2 ** len(self._values)
        values = [entry.metrics[metric.metric] for entry in entries]
        self._curve += [
            CurvePoint(probe.name, probe.architecture.id, epochs, metric.metric, value, e.seconds)
            for probe, value, e in zip(self._probes, values, entries, strict=True)
        ]
        if self._values:
            number = self._question.num_examples
            self._gain = gain_of(self._values[-1], values, metric, num_examples=number)
        self._values.append(values)
        self._crew.on_length(epochs, metric.metric, sum(values) / len(values), self._gain)

    def answer(self) -> Length:
        """Return the length, once there is nothing more to try."""
        last = self._epochs * 2 ** max(0, len(self._values) - 1)
        seeds, patience = self._question.plan.num_seeds, self._question.patience
        if patience.keeps_epochs:
            return self._within_budget(self._epochs, seeds, "as training.epochs says")
        if self._gain is not None and not self._gain.is_worth_it:
            told = self._told(self._gain)
            return self._within_budget(
                last // 2, seeds, f"twice as many gained {told} on validation"
            )
        if patience.budget_s is not None:
            return self._as_long_as_fits()
        if self._is_over or self._gain is None:
            return Length(last, seeds, "a training that was longer failed", tuple(self._curve))
        told = self._told(self._gain)
        reason = (
            f"the limit is {2**MAX_DOUBLINGS} times the search's; the last doubling gained {told}"
        )
        return Length(last, seeds, reason, tuple(self._curve))

    def _within_budget(self, epochs: int, seeds: int, reason: str) -> Length:
        """Return a length at which winners are done, with as many seeds as fit."""
        patience = self._question.patience
        if patience.budget_s is None:
            return Length(epochs, seeds, reason, tuple(self._curve))
        fitting = fitting_seeds(
            self._retraining_s(), num_slots=self._num_slots, epochs=epochs,
            available_s=self._available_s(),
        )  # fmt: skip
        least = seeds if patience.keeps_seeds else 1
        if fitting < least and not patience.keeps_epochs:
            return self._as_long_as_fits()
        return Length(epochs, max(least, min(seeds, fitting)), reason, tuple(self._curve))

    def _as_long_as_fits(self) -> Length:
        """Return the length that the budget allows: one long training rather than short ones."""
        patience, seeds = self._question.patience, self._question.plan.num_seeds
        number = seeds if patience.keeps_seeds else 1
        epochs = fitting_epochs(
            self._retraining_s(), num_slots=self._num_slots, num_seeds=number,
            available_s=self._available_s(),
        )  # fmt: skip
        epochs = min(epochs, self._epochs * 2**MAX_DOUBLINGS)
        return Length(epochs, number, "so many fit into the budget", tuple(self._curve))

    def _has_time_for(self, epochs: int) -> bool:
        budget_s = self._question.patience.budget_s
        if budget_s is None:
            return True
        spent_s = running_s() - self._question.began_s
        chosen = probe_places(len(self._question.winners))
        seconds = [self._seconds()[place] for place in chosen]
        needed_s = epochs * max(max(seconds), sum(seconds) / self._num_slots)
        return spent_s + needed_s <= _SEARCH_SHARE * budget_s

    def _available_s(self) -> float:
        """Return the wall time that is left for retrainings."""
        question = self._question
        assert question.patience.budget_s is not None, "only where there is a budget"
        files_s = _EXPORT_S * len(question.winners) if question.makes_files else 0.0
        left_s = 0.97 * question.patience.budget_s - (running_s() - question.began_s)
        return max(0.1 * left_s, left_s - files_s)

    def _retraining_s(self) -> list[float]:
        return [seconds * self._question.growth for seconds in self._seconds()]

    def _seconds(self) -> list[float]:
        """Return the seconds of an epoch of each winner: the search's, as the probes mend them."""
        epochs = self._question.patience.search_epochs
        found = [
            (winner.record.metrics.get("seconds", winner.record.seconds) if winner.record else 0.0)
            / epochs
            for winner in self._question.winners
        ]
        known = {winner.architecture.id: s for winner, s in zip(
            self._question.winners, found, strict=True)}  # fmt: skip
        measured = sum(point.seconds / point.epochs for point in self._curve)
        expected = sum(known[point.architecture_id] for point in self._curve)
        factor = measured / expected if expected > 0 and measured > 0 else 1.0
        return [max(1e-6, seconds * factor) for seconds in found]

    def _told(self, gain: Gain) -> str:
        if self._question.metric.is_share:
            noise = f" (noise ± {100 * gain.noise:.2f})"
            return f"{100 * gain.value:+.2f} points{noise}"
        return f"{gain.value:+.3g} of {self._question.metric.metric} (noise ± {gain.noise:.2g})"

    def _job(self, probe: Winner, epochs: int) -> Retraining:
        plan = replace(
            self._question.plan,
            recipe=replace(self._question.plan.recipe, epochs=epochs),
            num_seeds=1,
            step=STEP,
        )
        job = plan.jobs_of(probe)[0]
        told = Architecture({**probe.architecture, _EPOCHS: epochs})
        return replace(job, name=f"{probe.name} for {epochs} epochs", architecture=told)
