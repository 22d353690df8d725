"""What to say of retrainings that are shorter than what was there before."""

import logging
from collections.abc import Mapping, Sequence

from nas.finish.confirm import RetrainingPlan, Winner
from nas.finish.earlier import EarlierRetraining, earlier_retrainings
from nas.finish.find_length import FITS, QUICKER
from nas.finish.ledger import Ledger
from nas.finish.length import Lengths

_LOG = logging.getLogger(__name__)


def warn_of_short(winners: Sequence[Winner], lengths: Lengths, *, search_epochs: int) -> None:
    """Warn of winners for which there may be less time than their trials had."""
    of = [(winner.name, lengths.of[winner.architecture.id]) for winner in winners]
    short = [n for n, one in of if one.reason == FITS and QUICKER * one.epochs < search_epochs]
    if short:
        _LOG.warning(
            "the budget may be too short to retrain %s for as long as %s trained, %d epochs; that "
            "is done all the same, so the command may take longer",
            " and ".join(short),
            "its trial was" if len(short) == 1 else "their trials were",
            search_epochs,
        )


def warn_of_longer(
    winners: Sequence[Winner], earlier: Mapping[str, EarlierRetraining], epochs: Mapping[str, int]
) -> None:
    """Warn of winners whose files will be of a shorter retraining than they were.

    Args:
        winners: that are retrained.
        earlier: architecture id -> the longest retraining on record.
        epochs: architecture id -> epochs of the retraining that comes.
    """
    longer = {
        winner.name: known.epochs
        for winner in winners
        if (known := earlier.get(winner.architecture.id)) is not None
        and known.epochs > epochs[winner.architecture.id]
    }
    if longer:
        told = ", ".join(f"{name} for {number:.0f} epochs" for name, number in longer.items())
        _LOG.warning(
            "an earlier nas finish trained longer: %s; training.epochs=%d puts shorter trainings "
            "in the place of these, without it they stay",
            told,
            max(epochs.values()),
        )


def warn_of_fixed(
    winners: Sequence[Winner], plan: RetrainingPlan, ledger: Ledger, *, search_epochs: int | None
) -> None:
    """Warn where the epochs that the user gave are fewer than those of before.

    Args:
        winners: that are retrained.
        plan: of their retrainings.
        ledger: of earlier ones.
        search_epochs: of a trial; None where it is not known.
    """
    epochs = plan.recipe.epochs
    known = earlier_retrainings(winners, plan, ledger, num_seeds=1)
    warn_of_longer(winners, known, {winner.architecture.id: epochs for winner in winners})
    if search_epochs is not None and epochs < search_epochs:
        _LOG.warning(
            "training.epochs=%d is less than the trials of the search had, %d epochs, so winners "
            "may be worse than their trials",
            epochs,
            search_epochs,
        )
