"""Static costs of architectures, counted once each, whatever a user's `build` does."""

import logging
import traceback

from nas.architecture import Architecture
from nas.errors import ExecutionError, UnbuildableError, printable
from nas.evaluation.evaluator import Evaluator

_LOG = logging.getLogger(__name__)
# Fewer that raise say nothing about the share: where 30 % do, 20 of 39 do 4 times in 1,000. Where
# all raise, fewer will do.
MIN_RAISED = 20
MIN_RAISED_OF_ALL = 5


class CachedCosts:
    """Static costs, counted once per architecture.

    An architecture whose `build` raises is one that cannot be built: it is counted, the first is
    told with its traceback, and another one is drawn.

    Args:
        evaluator: counts.
        max_failed_share: share of those looked at that may raise, before all is given up.

    Attributes:
        num_looked: architectures looked at, those apart that the space says do not exist.
        num_raised: of these, the ones for which `build` raised.
    """

    def __init__(self, evaluator: Evaluator, *, max_failed_share: float = 1.0) -> None:
        self._evaluator = evaluator
        self._max_failed_share = max_failed_share
        self._known: dict[str, dict[str, float] | None] = {}
        self._first = ""  # that raised: what it was, and its traceback
        self.num_looked = 0
        self.num_raised = 0

    def __call__(self, architecture: Architecture) -> dict[str, float] | None:
        """Return metric name -> value; None if there is no such architecture.

        Raises:
            ExecutionError: `build` raised for too many.
        """
        if architecture.id not in self._known:
            self._known[architecture.id] = self._count(architecture)
        return self._known[architecture.id]

    def failure(self) -> ExecutionError:
        """Return the error that ends a search in which too many could not be built."""
        return ExecutionError(
            f"{self.num_raised} of {self.num_looked} architectures could not be built, more than "
            f"stopping.max_failed_share={self._max_failed_share:g} allows; the first was "
            f"{self._first}"
        )

    @property
    def has_only_raised(self) -> bool:
        """Whether there were architectures, and `build` raised for all of them."""
        return 0 < self.num_raised == self.num_looked

    def _count(self, architecture: Architecture) -> dict[str, float] | None:
        try:
            costs = dict(self._evaluator.static_costs(architecture))
        except UnbuildableError:
            return None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a user's build may raise anything
            self._note(architecture, error)
            return None
        self.num_looked += 1
        return costs

    def _note(self, architecture: Architecture, error: BaseException) -> None:
        self.num_looked += 1
        self.num_raised += 1
        if not self._first:
            text = printable("".join(traceback.format_exception(error))).rstrip()
            self._first = f"{architecture.describe()}:\n{text}"
            _LOG.warning(
                "an architecture cannot be built, so others are drawn; further ones are only "
                "counted. It is %s",
                self._first,
            )
        is_many = self.num_raised >= MIN_RAISED and (
            self.num_raised > self._max_failed_share * self.num_looked
        )
        if is_many or (self.has_only_raised and self.num_raised >= MIN_RAISED_OF_ALL):
            raise self.failure() from error
