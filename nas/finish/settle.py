"""Plans the retrainings of the winners: which ones, how long each is, how many there are."""

import logging
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas.evaluation.trained import TrainedEvaluator
from nas.finish.afford import affordable, trial_epochs_s
from nas.finish.choose import counting
from nas.finish.chosen import remember_chosen, remembered_chosen
from nas.finish.confirm import RetrainingPlan, Winner, candidate_of
from nas.finish.earlier import (
    EARLIER,
    EarlierRetraining,
    earlier_retrainings,
    measured_growth,
    with_earlier,
)
from nas.finish.find_length import FITS, LENGTHS, find_lengths
from nas.finish.ledger import Ledger
from nas.finish.length import Lengths, Room, test_epochs
from nas.finish.length_question import Patience, Question
from nas.finish.length_warnings import warn_of_fixed, warn_of_longer, warn_of_short
from nas.finish.retrain import Crew, Outcome
from nas.finish.task import FinishTask
from nas.finish.which import Which
from nas.running_clock import running_s

_LOG = logging.getLogger(__name__)
_TRAINING_SHARE = 0.85  # of a budget; the rest is for files, tables and pictures


@dataclass(frozen=True)
class Settled:
    """What was planned.

    Attributes:
        task: with the recipe and seeds that hold from here on.
        winners: those that are trained, smallest first.
        plan: of the retrainings.
        lengths: what was found; None where nothing was looked for, or a signal came before.
        outcome: interruption and failures of the trainings that it took.
    """

    task: FinishTask
    winners: Sequence[Winner]
    plan: RetrainingPlan
    lengths: Lengths | None = None
    outcome: Outcome = field(default_factory=lambda: Outcome(False, ()))


def settle(
    task: FinishTask,
    winners: Sequence[Winner],
    plan: RetrainingPlan,
    *,
    evaluator: TrainedEvaluator,
    folder: Path,
    ledger: Ledger,
    crew: Crew,
    began_s: float,
) -> Settled:
    """Find out which winners are to train, and how long, and plan their retrainings so.

    Args:
        task: what is finished; its `patience` says what to look for.
        winners: smallest first.
        plan: of retrainings as long as the recipe says.
        evaluator: its data are changed to those of the search.
        folder: the `finish` folder.
        ledger: of retrainings that ended.
        crew: workers and onlookers.
        began_s: when the command began, by `running_s`.
    """
    patience = task.patience
    if patience is None:
        warn_of_fixed(winners, plan, ledger, search_epochs=task.search_epochs)
    if patience is None or _goes_on_as_before(patience, winners, plan, ledger, folder):
        return Settled(task, winners, plan)
    data = task.dataset
    growth = _growth(task, patience, ledger)
    trained = _trained(task, plan, patience, growth=growth, ledger=ledger, crew=crew)
    winners = _kept(task, winners, patience, trained, growth=growth, folder=folder, crew=crew)
    question = Question(
        winners=winners,
        plan=plan,
        patience=patience,
        metric=task.winner_metric,
        num_examples=len(data.validation),
        growth=growth,
        makes_files=task.export is not None,
        test_epochs=test_epochs(data),
        began_s=began_s,
        num_slots=task.num_slots,
        trained=trained,
    )
    evaluator.data = data.search_data()
    found = find_lengths(question, evaluator=evaluator, folder=folder, crew=crew)
    lengths = found.lengths
    if lengths is None:
        return Settled(task, winners, plan, None, found.outcome)
    known = earlier_retrainings(winners, plan, ledger, num_seeds=lengths.num_seeds)
    if patience.keeps_epochs:
        warn_of_longer(winners, known, {i: one.epochs for i, one in lengths.of.items()})
    else:
        lengths = with_earlier(lengths, known, trained=trained)
    warn_of_short(winners, lengths, search_epochs=patience.search_epochs)
    recipe = replace(task.recipe, epochs=lengths.longest)
    task = replace(task, recipe=recipe, num_seeds=lengths.num_seeds)
    plan = _as_long_as(lengths, plan, task, least_epochs=patience.search_epochs)
    num_left = sum(job.key not in ledger for winner in winners for job in plan.jobs_of(winner))
    crew.on_settled(trained_lengths(lengths, winners, plan, ledger, search_epochs=None), num_left)
    return Settled(task, winners, plan, lengths, found.outcome)


def _growth(task: FinishTask, patience: Patience, ledger: Ledger) -> float:
    """Return how many seconds an epoch of a retraining takes for each one of a trial's epoch."""
    data = task.dataset
    by_images = (len(data.train) + len(data.validation)) / len(data.train)
    return measured_growth(_trials(task), ledger, patience.search_epochs, by_images)


def _as_long_as(
    lengths: Lengths, plan: RetrainingPlan, task: FinishTask, *, least_epochs: int
) -> RetrainingPlan:
    """Return the plan of retrainings of these lengths, with the recipe and seeds of the task."""
    return replace(
        plan,
        recipe=task.recipe,
        num_seeds=task.num_seeds,
        epochs={identity: one.epochs for identity, one in lengths.of.items()},
        work_s={identity: one.seconds for identity, one in lengths.of.items()},
        least_epochs=least_epochs,
    )


def trained_lengths(
    lengths: Lengths,
    winners: Sequence[Winner],
    plan: RetrainingPlan,
    ledger: Ledger,
    *,
    search_epochs: int | None,
) -> Lengths:
    """Return the lengths as they were: where the clock ended a retraining, it had fewer epochs.

    Winners that were trained no longer than a trial are told.

    Args:
        lengths: as planned.
        winners: that were retrained.
        plan: of their retrainings.
        ledger: of those that ended.
        search_epochs: of a trial; None where it is not known.
    """
    of = dict(lengths.of)
    for winner in winners:
        jobs, length = plan.jobs_of(winner), lengths.of.get(winner.architecture.id)
        if length is None or jobs[0].key not in ledger:
            continue
        done = [ledger[job.key] for job in jobs if job.key in ledger]
        shares = [entry.metrics.get("training_share", 1.0) for entry in done]
        each = tuple(max(1, round(share * length.epochs)) for share in shares)
        if shares[0] < 1.0:
            reason = EARLIER if length.reason == EARLIER else FITS
            length = replace(length, epochs=each[0], reason=reason)
        if len(set(each)) > 1:
            length = replace(length, each=each)
        of[winner.architecture.id] = length
        is_short = search_epochs is not None and length.epochs <= search_epochs
        if is_short and length.reason == FITS:
            _LOG.warning(
                "the budget left time to retrain %s no longer than its trial, for %d epochs, so "
                "it may be no better; give more budget, or an idler machine",
                winner.name,
                length.epochs,
            )
    return replace(lengths, of=of)


def _kept(
    task: FinishTask,
    winners: Sequence[Winner],
    patience: Patience,
    trained: frozenset[str],
    *,
    growth: float,
    folder: Path,
    crew: Crew,
) -> Sequence[Winner]:
    """Return the winners that the budget is enough for; without one all, as those chosen by hand.

    A command that was killed gets those that it had chosen. Networks that are trained already take
    none of the time.
    """
    pick = task.pick
    is_chosen = pick.which is not Which.AUTO or bool(pick.trials or pick.limits)
    if patience.budget_s is None or is_chosen or patience.keeps_epochs:
        return winners
    chosen = {winner.architecture.id for winner in winners}
    counted = counting(task.records, objectives=task.objectives, pick=pick)
    useful = {record.architecture.id for record in counted}
    winners = [winner for winner in winners if winner.architecture.id in useful] or winners
    trials = [candidate_of(record) for record in counted if record.parent is None]
    others = [trial for trial in trials if trial.architecture.id not in chosen]
    budget_s, num_trials = patience.budget_s, len(task.records)
    before = remembered_chosen(folder, budget_s=budget_s, num_trials=num_trials)
    if before and before <= {winner.architecture.id for winner in (*winners, *others)}:
        return [winner for winner in (*winners, *others) if winner.architecture.id in before]
    known = [*winners, *others]
    epoch_s = [
        0.0 if candidate.architecture.id in trained else growth * seconds
        for candidate, seconds in zip(
            known, trial_epochs_s(known, patience.search_epochs), strict=True
        )
    ]
    kept = affordable(
        winners,
        others,
        metric=task.winner_metric,
        epoch_s=epoch_s,
        search_epochs=patience.search_epochs,
        num_examples=len(task.dataset.validation),
        num_slots=task.num_slots,
        available_s=_available(task, crew, budget_s),
        trivial_gain=_trivial_gain(task),
    )
    ids = {winner.architecture.id for winner in kept}
    remember_chosen(folder, ids, budget_s=budget_s, num_trials=num_trials)
    if ids != chosen:
        _say_chosen(kept, folder)
    return kept


def _say_chosen(winners: Sequence[Winner], folder: Path) -> None:
    *names, last = [winner.name for winner in winners]
    _LOG.warning(
        "the budget goes to %s, which in this time should give the best front; for all of the "
        "front: nas finish %s pick=all",
        f"{', '.join(names)} and {last}" if names else last,
        shlex.quote(str(folder.parent)),
    )


def _trivial_gain(task: FinishTask) -> float | None:
    """Return the best of trivial models, in what winners are judged by; None if unknown."""
    metric = task.winner_metric.metric
    places = [place for place, o in enumerate(task.objectives) if o.metric == metric]
    losses = [floor[place] for place in places for floor in task.pick.floors]
    return max((-loss for loss in losses if math.isfinite(loss)), default=None)


def _trials(task: FinishTask) -> list[Winner]:
    """Return all trained trials of the search."""
    return [candidate_of(record) for record in task.records if record.parent is None]


def _trained(
    task: FinishTask,
    plan: RetrainingPlan,
    patience: Patience,
    *,
    growth: float,
    ledger: Ledger,
    crew: Crew,
) -> frozenset[str]:
    """Return ids of networks that were retrained before for longer than the budget allows."""
    if patience.budget_s is None or patience.keeps_epochs:
        return frozenset()
    trials = _trials(task)
    seeds = plan.num_seeds if patience.keeps_seeds else 1
    earlier = earlier_retrainings(trials, plan, ledger, num_seeds=seeds)
    available_s = _available(task, crew, patience.budget_s)
    epochs_s = trial_epochs_s(trials, patience.search_epochs)
    return frozenset(
        trial.architecture.id
        for trial, epoch_s in zip(trials, epochs_s, strict=True)
        if (known := earlier.get(trial.architecture.id)) is not None
        and not _fits_longer(known, growth * epoch_s, available_s([growth * epoch_s]))
    )


def _fits_longer(earlier: EarlierRetraining, epoch_s: float, available_s: float) -> bool:
    """Say whether a network could train for more epochs than it did before."""
    return Room([epoch_s], 1, available_s).fits([int(earlier.epochs) + 1], num_seeds=1)


def _available(
    task: FinishTask, crew: Crew, budget_s: float
) -> Callable[[Sequence[float]], float]:
    """Return what tells the wall time for retrainings, given the seconds of an epoch of each."""
    retrainings = crew.retrainings
    if retrainings is None:
        return lambda _: _TRAINING_SHARE * budget_s
    now_s = running_s()
    until_s, tests = retrainings.until_s, test_epochs(task.dataset)
    if task.export is None:
        return lambda _: until_s(0) - now_s
    return lambda epoch_s: until_s(len(epoch_s)) - tests * sum(epoch_s) - now_s


def _goes_on_as_before(
    patience: Patience,
    winners: Sequence[Winner],
    plan: RetrainingPlan,
    ledger: Ledger,
    folder: Path,
) -> bool:
    """Say whether winners were retrained already for as long as the search trained.

    So did earlier versions, unless told otherwise: what they began is ended as it was begun.
    """
    jobs = [job for winner in winners for job in plan.jobs_of(winner)]
    is_new = (folder / LENGTHS).exists() or patience.budget_s is not None
    if is_new or not any(job.key in ledger for job in jobs):
        return False
    _LOG.warning(
        "retrainings of %d epochs are on record, so all winners are retrained for as many; for "
        "longer ones give training.epochs",
        plan.recipe.epochs,
    )
    return True
