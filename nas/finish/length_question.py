"""What is asked of the lengths of retrainings: of which networks, and what bounds them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import RetrainingPlan, Winner


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
        test_epochs: see `nas.finish.length.test_epochs`.
        began_s: when the command began, by `running_s`.
        num_slots: trainings that run at once.
        trained: ids of architectures whose retraining is on record; they take no time.
    """

    winners: Sequence[Winner]
    plan: RetrainingPlan
    patience: Patience
    metric: WinnerMetric
    num_examples: int
    growth: float
    makes_files: bool
    test_epochs: float
    began_s: float
    num_slots: int = 1
    trained: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Changes with whatever the answer depends on."""
        jobs = [job.key for winner in self.winners for job in self.plan.jobs_of(winner)]
        text = json.dumps([jobs, asdict(self.patience)], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
