"""Are the winners as good as the search said? Retrain with several seeds, test once, compare.

A front found on validation data is optimistic: its members are there because they were good, and
because they were lucky. Here each is trained again from scratch, with seeds and judged on examples
that the search did not use.
"""

import hashlib
import itertools
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from nas.architecture import Architecture
from nas.evaluation.winner_metric import ACCURACY, AnyData, WinnerMetric
from nas.finish.intervals import (
    Estimate,
    differs_by,
    estimate_shares,
    estimate_values,
    sampling_std,
)
from nas.finish.ledger import Ledger
from nas.finish.retrain import Retraining
from nas.record.winners import WinnerRow
from nas.seeding import derive_seed
from nas.train.recipe import Recipe
from nas.trial import TrialRecord

_LOG = logging.getLogger(__name__)
CONFIRM = "confirm"  # the step that retrains as the search did


@dataclass(frozen=True)
class Winner:
    """A network to confirm.

    Attributes:
        name: "trial 12", or the name of a baseline.
        architecture: what to train.
        record: its trial in the search; None for a baseline.
    """

    name: str
    architecture: Architecture
    record: TrialRecord | None = None


class JobPlan(Protocol):
    """Names the trainings of each candidate, and what they are judged by."""

    @property
    def winner_metric(self) -> WinnerMetric:
        """What the candidates are judged by."""

    def jobs_of(self, candidate: Winner) -> list[Retraining]:
        """Return one job for each seed, the one that is shipped first."""

    def job(self, candidate: Winner, index: int) -> Retraining:
        """Return the job of one seed: 0, 1, ..."""


@dataclass(frozen=True)
class RetrainingPlan:
    """What all jobs of a confirmation share.

    Attributes:
        recipe: how to train.
        num_seeds: retrainings of each candidate, at least 1.
        seed: of the run; retrainings have seeds of their own that are derived from it.
        data_key: stands for the data that they learn from and are tested on.
        step: `CONFIRM`, or what else is done to their training.
        winner_metric: what they are judged by.
        epochs: architecture id -> epochs of its trainings; others have the recipe's.
        work_s: architecture id -> seconds that are planned for one of them.
        least_epochs: of each, where a budget has too little time for its epochs.
    """

    recipe: Recipe
    num_seeds: int
    seed: int
    data_key: str
    step: str = CONFIRM
    winner_metric: WinnerMetric = ACCURACY
    epochs: Mapping[str, int] = field(default_factory=dict)
    work_s: Mapping[str, float] = field(default_factory=dict)
    least_epochs: int = 0

    @property
    def longest(self) -> int:
        """The most epochs of any training."""
        return max([self.recipe.epochs, *self.epochs.values()])

    def jobs_of(self, candidate: Winner) -> list[Retraining]:
        """Return one job for each seed, the one that is shipped first."""
        return [self.job(candidate, index) for index in range(self.num_seeds)]

    def job(self, candidate: Winner, index: int) -> Retraining:
        """Return the job of one seed: 0, 1, ..."""
        identity = candidate.architecture.id
        seed = derive_seed(self.seed, "finish", identity, index)
        epochs = self.epochs.get(identity, self.recipe.epochs)
        recipe = _named_settings(replace(self.recipe, epochs=epochs))
        text = json.dumps([identity, seed, recipe, self.data_key, self.step], sort_keys=True)
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        work_s = self.work_s.get(identity, max(self.work_s.values(), default=0.0))
        taught = "" if self.step == CONFIRM else " distilled"
        name = f"{candidate.name}{taught} seed {index}"
        return Retraining(
            key=key, name=name, architecture=candidate.architecture, seed=seed, step=self.step,
            epochs=epochs, work_s=work_s, least_epochs=self.least_epochs,
        )  # fmt: skip


def _named_settings(recipe: Recipe) -> dict[str, Any]:
    """Return what names a job; a setting that came later and changes nothing is not among it."""
    told = {**asdict(recipe), "device": None}
    if recipe.augmentation == "none":
        told["augmentation"] = None
    return {key: value for key, value in told.items() if value is not None}


def candidate_of(record: TrialRecord) -> Winner:
    """Return the candidate that a trial of the search is."""
    return Winner(f"trial {record.number}", record.architecture, record)


def data_key(dataset: AnyData) -> str:
    """Return a text that changes when the inputs, targets or splits do.

    It is part of the names of jobs in the ledgers of earlier versions, so it must stay what it is.
    """
    digest = hashlib.blake2b(digest_size=8)
    for word, split in dataset.splits().items():
        digest.update(word.encode())
        for block in split.content():
            digest.update(block)
    return f"{dataset.name} {digest.hexdigest()}"


def confirmed_rows(
    candidates: Sequence[Winner],
    *,
    plan: JobPlan,
    ledger: Ledger,
    num_examples: int,
    costs: Mapping[str, Mapping[str, float]],
    others: Sequence[Sequence[float]] = (),
) -> list[WinnerRow]:
    """Return a row for each candidate that has a retraining, smallest first.

    Args:
        candidates: what was confirmed.
        plan: names the jobs.
        ledger: holds their results.
        num_examples: examples of the test split.
        costs: architecture id -> metric -> static cost.
        others: test values of further networks, whose spreads the intervals borrow from.
    """
    known = [(c, tested_values(c, plan, ledger)) for c in candidates]
    trained = [(candidate, values) for candidate, values in known if values]
    groups = [*(values for _, values in trained), *others]
    if plan.winner_metric.is_share:
        estimates = estimate_shares(groups, num_examples=num_examples)[: len(trained)]
    else:
        estimates = estimate_values(groups)[: len(trained)]
    rows = [
        _row(
            candidate, estimate, num_examples, costs[candidate.architecture.id], plan.winner_metric
        )
        for (candidate, _), estimate in zip(trained, estimates, strict=True)
    ]
    marked = [
        replace(row, beaten_by=_beaten_by(index, rows, estimates, plan.winner_metric))
        for index, row in enumerate(rows)
    ]
    return sorted(marked, key=lambda row: (row.size_bytes, row.name))


def tested_values(candidate: Winner, plan: JobPlan, ledger: Ledger) -> list[float]:
    """Return what the ledger holds of a candidate's tests, by seed; also of more than are planned.

    An earlier command may have had the time for more retrainings of this length.
    """
    planned = plan.jobs_of(candidate)
    further = (plan.job(candidate, index) for index in itertools.count(len(planned)))
    jobs = [job for job in planned if job.key in ledger]
    jobs += itertools.takewhile(lambda job: job.key in ledger, further)
    return [ledger[job.key].metrics[plan.winner_metric.metric] for job in jobs]


def warn_if_tested_before(
    ledger: Ledger, plan: RetrainingPlan, candidates: Sequence[Winner]
) -> None:
    """Warn where these networks were tested under other settings: choosing by tests leaks.

    Where all is on record, the test split is not opened.
    """
    ours = {job.key for candidate in candidates for job in plan.jobs_of(candidate)}
    if all(job in ledger for job in ours):
        return
    identities = {candidate.architecture.id for candidate in candidates}
    others = [
        entry
        for entry in ledger.entries()
        if entry.job not in ours
        and entry.facts.get("step") == plan.step
        and entry.facts.get("architecture_id") in identities
    ]
    if others:
        _LOG.warning(
            "the test split was opened %s before for these networks, under other settings: "
            "to take the better of two such results would be to train on the test split",
            "once" if len(others) == 1 else f"{len(others)} times",
        )


def _row(
    candidate: Winner,
    estimate: Estimate,
    num_examples: int,
    costs: Mapping[str, float],
    winner_metric: WinnerMetric,
) -> WinnerRow:
    record = candidate.record
    chance = (
        sampling_std(estimate.mean, num_examples=num_examples)
        if winner_metric.is_share
        else math.nan
    )
    return WinnerRow(
        name=candidate.name,
        is_baseline=record is None,
        trial=-1 if record is None else record.number,
        architecture_id=candidate.architecture.id,
        num_params=costs["num_params"],
        num_macs=costs["num_macs"],
        size_bytes=costs["size_bytes"],
        metric=winner_metric.metric,
        search_value=math.nan
        if record is None
        else record.metrics.get(winner_metric.metric, math.nan),
        test_mean=estimate.mean,
        test_std=estimate.std,
        confidence_low=estimate.confidence[0],
        confidence_high=estimate.confidence[1],
        prediction_low=estimate.prediction[0],
        prediction_high=estimate.prediction[1],
        sampling_std=chance,
        num_seeds=len(estimate.values),
        beaten_by="",
    )


def _beaten_by(
    index: int,
    rows: Sequence[WinnerRow],
    estimates: Sequence[Estimate],
    winner_metric: WinnerMetric,
) -> str:
    """Return the best network that is no larger and better by more than the noise, or ""."""
    own = rows[index]
    gains = [winner_metric.gain(other.mean, estimates[index].mean) for other in estimates]
    better = [
        (gains[other], row.name)
        for other, row in enumerate(rows)
        if other != index
        and row.size_bytes <= own.size_bytes
        and gains[other] > differs_by(estimates[other], estimates[index])
    ]
    return max(better)[1] if better else ""
