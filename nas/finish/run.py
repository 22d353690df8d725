"""The order of `nas finish`: choose, confirm, then make each winner into files.

Everything that takes time is kept as soon as it is known, so the command may be killed at any
point and goes on when it is given again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nas.data.dataset import Dataset
from nas.evaluation.evaluator import Evaluator
from nas.finish.baselines import WithBaselines, hand_made, random_at_equal_cost
from nas.finish.choose import Pick, choose
from nas.finish.confirm import Candidate, Plan, candidate_of, confirmed_rows, data_key
from nas.finish.ledger import Ledger
from nas.finish.retrain import Crew, final_evaluator, run_jobs
from nas.objective import Objective
from nas.record.lease import Lease
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow, write_winners
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, TrialRecord

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baselines:
    """Which reference points to add.

    Attributes:
        hand_made: name of a baseline -> widths, one network for each.
        num_random: winners beside which a random architecture of equal cost is put.
    """

    hand_made: dict[str, tuple[float, ...]] = field(default_factory=dict)
    num_random: int = 0


@dataclass(frozen=True)
class FinishTask:
    """What to finish.

    Attributes:
        space: builds the models.
        dataset: all three splits.
        recipe: the full recipe.
        objectives: of the search.
        records: trials that may stand on its front.
        pick: which of them to take.
        num_seeds: retrainings of each, at least 1.
        seed: of the run.
        baselines: reference points.
    """

    space: SearchSpace
    dataset: Dataset
    recipe: Recipe
    objectives: tuple[Objective, ...]
    records: tuple[TrialRecord, ...]
    pick: Pick = field(default_factory=Pick)
    num_seeds: int = 3
    seed: int = 0
    baselines: Baselines = field(default_factory=Baselines)


@dataclass(frozen=True)
class FinishSummary:
    """What came of it.

    Attributes:
        rows: winners and baselines that were confirmed, smallest first.
        is_interrupted: a signal ended it; the same command goes on.
        failures: name of a job and why it failed.
    """

    rows: tuple[WinnerRow, ...]
    is_interrupted: bool
    failures: tuple[tuple[str, Failure], ...]


def run_finish(
    task: FinishTask,
    *,
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
) -> FinishSummary:
    """Choose and confirm, and leave everything in the run's `finish` folder.

    Args:
        task: what to finish.
        folder: of the run.
        crew: workers and onlookers.
        publish: draws what `winners.csv` says; called when the confirmation ends.

    Raises:
        ConstraintError: nothing fits what was asked for.
        ConfigError: a setting does not fit the run.
        ExecutionError: workers cannot be had.
        RunFolderError: another process writes in this folder.
    """
    chosen = choose(task.records, objectives=task.objectives, pick=task.pick)
    lease = Lease(folder.finish_dir / ".lease")
    try:
        return _confirm(task, chosen, folder, crew, publish)
    finally:
        lease.release()


def _confirm(
    task: FinishTask,
    chosen: Sequence[TrialRecord],
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
) -> FinishSummary:
    ledger = Ledger(folder.finish_dir / "ledger.jsonl")
    evaluator = final_evaluator(WithBaselines(task.space), task.dataset, task.recipe)
    candidates = [candidate_of(record) for record in chosen]
    candidates += baselines_of(task, candidates, evaluator)
    plan = Plan(task.recipe, task.num_seeds, task.seed, data_key(task.dataset))
    _warn_if_tested_before(ledger, plan, candidates)
    # Seed by seed: what is killed early has one retraining of all rather than all of one.
    jobs = [job for jobs in zip(*map(plan.jobs_of, candidates), strict=True) for job in jobs]
    outcome = run_jobs(
        jobs, evaluator=evaluator, ledger=ledger, folder=folder.finish_dir, crew=crew
    )
    rows = confirmed_rows(
        candidates,
        plan=plan,
        ledger=ledger,
        num_examples=len(task.dataset.test),
        costs={c.architecture.id: evaluator.static_costs(c.architecture) for c in candidates},
    )
    write_winners(folder.finish_dir / "winners.csv", rows)
    publish(rows)
    return FinishSummary(tuple(rows), outcome.is_interrupted, outcome.failures)


def baselines_of(
    task: FinishTask, winners: Sequence[Candidate], evaluator: Evaluator
) -> list[Candidate]:
    """Return the reference points that were asked for."""
    found = [
        hand_made(name, width=width)
        for name, widths in task.baselines.hand_made.items()
        for width in widths
    ]
    count = min(task.baselines.num_random, len(winners))
    if count:
        # From the largest down: there a search has the most to show.
        beside = [
            evaluator.static_costs(winner.architecture)["size_bytes"]
            for winner in list(winners)[::-1][:count]
        ]
        found += random_at_equal_cost(
            task.space,
            sizes=beside,
            costs=evaluator.static_costs,
            known=[winner.architecture for winner in winners],
            seed=task.seed,
        )
    return found


def _warn_if_tested_before(ledger: Ledger, plan: Plan, candidates: Sequence[Candidate]) -> None:
    """Say so when these networks were tested under other settings: choosing among tests leaks."""
    ours = {job.key for candidate in candidates for job in plan.jobs_of(candidate)}
    identities = {candidate.architecture.id for candidate in candidates}
    others = [
        entry
        for entry in ledger.entries()
        if entry.job not in ours and entry.facts.get("architecture_id") in identities
    ]
    if others:
        _LOG.warning(
            "the test split was opened %d times before for these networks, under other settings; "
            "whoever takes the better of two such results has trained on the test split",
            len(others),
        )
