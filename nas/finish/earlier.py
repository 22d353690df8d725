"""Which retrainings of an earlier `nas finish` were longer than this one could make them?

A second finish with less time must not put a worse model in the place of a better one. So a
network that was retrained before, by the same recipe on the same data, keeps that retraining where
it was the longer one, and costs no time.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nas.finish.afford import trial_epochs_s
from nas.finish.confirm import CONFIRM, RetrainingPlan, Winner
from nas.finish.find_length import FITS, QUICKER
from nas.finish.ledger import Ledger
from nas.finish.length import Length, Lengths

_LOG = logging.getLogger(__name__)

EARLIER = "an earlier nas finish had the time for them"
LONGER = 1.5  # times the epochs of an earlier retraining, for one that the clock ended


@dataclass(frozen=True)
class EarlierRetraining:
    """The longest retraining of a network that is on record.

    Attributes:
        planned: epochs of its schedule; they name it in the ledger.
        epochs: that the clock left of them.
    """

    planned: int
    epochs: float


def earlier_retrainings(
    candidates: Sequence[Winner],
    plan: RetrainingPlan,
    ledger: Ledger,
    *,
    num_seeds: int,
    apart_from: Mapping[str, Length] | None = None,
) -> dict[str, EarlierRetraining]:
    """Return the longest one of each candidate: architecture id -> retraining.

    Those of another recipe or of other data do not count, nor do those of fewer seeds.

    Args:
        candidates: networks that may be retrained.
        plan: of retrainings, whatever their epochs and seeds.
        ledger: of retrainings that ended.
        num_seeds: that are needed of each.
        apart_from: architecture id -> the length of this command, which is no earlier one.
    """
    plan = replace(plan, num_seeds=num_seeds)
    own = {identity: length.epochs for identity, length in (apart_from or {}).items()}
    lengths: dict[str, set[int]] = {}
    for entry in ledger.entries():
        epochs = entry.facts.get("epochs")
        if isinstance(epochs, int):
            lengths.setdefault(str(entry.facts.get("architecture_id")), set()).add(epochs)
    found = {}
    for candidate in candidates:
        identity = candidate.architecture.id
        known = [
            EarlierRetraining(planned, planned * share)
            for planned in lengths.get(identity, set()) - {own.get(identity)}
            if (share := _share(candidate, plan, planned, ledger)) is not None
        ]
        if known:
            found[identity] = max(known, key=lambda retraining: retraining.epochs)
    return found


def measured_growth(
    trials: Sequence[Winner], ledger: Ledger, search_epochs: int, by_images: float
) -> float:
    """Return how many seconds an epoch of a retraining takes for each one of a trial's epoch.

    Args:
        trials: with what their own trainings took.
        ledger: of retrainings; what they took counts where there are any.
        search_epochs: of a trial.
        by_images: what it should be, by the number of images.
    """
    names = [trial.architecture.id for trial in trials]
    epoch_s = dict(zip(names, trial_epochs_s(trials, search_epochs), strict=True))
    took_s = expected_s = 0.0
    for entry in ledger.entries():
        epochs = entry.facts.get("epochs")
        trial_s = epoch_s.get(str(entry.facts.get("architecture_id")), 0.0)
        if isinstance(epochs, int) and entry.facts.get("step") == CONFIRM and trial_s > 0.0:
            took_s += entry.seconds
            expected_s += epochs * entry.metrics.get("training_share", 1.0) * trial_s
    return took_s / expected_s if took_s > 0.0 and expected_s > 0.0 else by_images


def with_earlier(
    lengths: Lengths, earlier: Mapping[str, EarlierRetraining], *, trained: frozenset[str]
) -> Lengths:
    """Return these lengths, and where an earlier retraining was longer, that of it.

    Args:
        lengths: as found for this command.
        earlier: architecture id -> retraining on record.
        trained: ids of those that were given no time.
    """
    of = dict(lengths.of)
    for identity, length in lengths.of.items():
        known = earlier.get(identity)
        # Where a budget bounds them, more epochs are planned than are sure to fit.
        sure = length.epochs * (QUICKER if length.reason == FITS else 1.0)
        if known is None or known.planned == length.epochs:  # or it is this command's own
            continue
        if identity in trained or known.epochs >= sure:
            of[identity] = replace(length, epochs=known.planned, reason=EARLIER, seconds=0.0)
    return replace(lengths, of=of)


def with_longest(
    lengths: Lengths, winners: Sequence[Winner], plan: RetrainingPlan, ledger: Ledger
) -> tuple[Lengths, RetrainingPlan]:
    """Return lengths and plan; winners whose retraining the clock ended keep an earlier one.

    Only one that is longer by half replaces it: with less, which of the two is better is chance.

    Args:
        lengths: as planned for this command.
        winners: that were retrained.
        plan: of their retrainings.
        ledger: of those that ended.
    """
    of = dict(lengths.of)
    known = earlier_retrainings(
        winners, plan, ledger, num_seeds=lengths.num_seeds, apart_from=lengths.of
    )
    for winner in winners:
        identity = winner.architecture.id
        longest, length = known.get(identity), of.get(identity)
        if longest is None or length is None:
            continue
        share = _share(winner, plan, length.epochs, ledger)
        if share is not None and share < 1.0 and LONGER * longest.epochs > share * length.epochs:
            of[identity] = replace(length, epochs=longest.planned, reason=EARLIER, seconds=0.0)
            _LOG.warning(
                "%s keeps its earlier retraining of %d epochs: the budget left time for %d",
                winner.name,
                round(longest.epochs),
                round(share * length.epochs),
            )
    epochs = {identity: length.epochs for identity, length in of.items()}
    return replace(lengths, of=of), replace(plan, epochs=epochs)


def _share(candidate: Winner, plan: RetrainingPlan, planned: int, ledger: Ledger) -> float | None:
    """Return the share of so many epochs that a candidate's retrainings had; None for none."""
    jobs = replace(plan, epochs={candidate.architecture.id: planned}).jobs_of(candidate)
    if any(job.key not in ledger for job in jobs):
        return None
    return min(ledger[job.key].metrics.get("training_share", 1.0) for job in jobs)
