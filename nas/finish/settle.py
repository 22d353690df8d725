"""Plans the retrainings of the winners: how long each one is, and how many there are."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas.evaluation.trained import TrainedEvaluator
from nas.finish.confirm import RetrainingPlan, Winner
from nas.finish.find_length import LENGTHS, Patience, Question, find_lengths
from nas.finish.ledger import Ledger
from nas.finish.length import Lengths
from nas.finish.retrain import Crew, Outcome
from nas.finish.task import FinishTask

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settled:
    """What was planned.

    Attributes:
        task: with the recipe and seeds that hold from here on.
        plan: of the retrainings.
        lengths: what was found; None where nothing was looked for, or a signal came before.
        outcome: interruption and failures of the trainings that it took.
    """

    task: FinishTask
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
    """Find out how long the winners are to train, and plan their retrainings so.

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
    if patience is None or _goes_on_as_before(patience, winners, plan, ledger, folder):
        return Settled(task, plan)
    data = task.dataset
    question = Question(
        winners=winners,
        plan=plan,
        patience=patience,
        metric=task.winner_metric,
        num_examples=len(data.validation),
        growth=(len(data.train) + len(data.validation)) / len(data.train),
        makes_files=task.export is not None,
        began_s=began_s,
    )
    evaluator.data = data.search_data()
    found = find_lengths(question, evaluator=evaluator, folder=folder, crew=crew)
    lengths = found.lengths
    if lengths is None:
        return Settled(task, plan, None, found.outcome)
    crew.on_settled(lengths)
    recipe, seeds = replace(task.recipe, epochs=lengths.longest), lengths.num_seeds
    epochs = {identity: length.epochs for identity, length in lengths.of.items()}
    return Settled(
        replace(task, recipe=recipe, num_seeds=seeds),
        replace(plan, recipe=recipe, num_seeds=seeds, epochs=epochs),
        lengths,
        found.outcome,
    )


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
