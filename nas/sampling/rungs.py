"""Which trial goes on, said by a sampler: what a study tells it, and what it answers."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from optuna.study import Study

# User attributes of a trial. Before a share of the training: what it had reached there.
RUNG_PREFIX = "rung:"
# Whether it waits at its last rung; seconds of a whole training. In the working study alone.
WAITING_KEY, SECONDS_KEY = "waiting", "seconds"


@runtime_checkable
class DecidesRungs(Protocol):
    """A sampler that also says which trial goes on to its next rung."""

    def promotion(self, study: Study, shares: Sequence[float], *, may_start: bool) -> int | None:
        """Return the number of the waiting trial to go on with now.

        Args:
            study: its trials have the attributes that are named here.
            shares: of a full training, at which trials stop; the last is the whole.
            may_start: whether a new trial may start.

        Returns:
            None to start a new trial; where none may, to do nothing.
        """
        ...
