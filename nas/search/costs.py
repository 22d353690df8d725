"""Static costs of architectures, counted once each."""

import logging

from nas.architecture import Architecture
from nas.errors import UnbuildableError
from nas.evaluation.evaluator import Evaluator

_LOG = logging.getLogger(__name__)


class CachedCosts:
    """Static costs, counted once per architecture.

    A space's `build` that raises costs nothing here: the trial is handed out, fails in its worker
    and leaves its traceback in the record.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[str, dict[str, float] | None] = {}

    def __call__(self, architecture: Architecture) -> dict[str, float] | None:
        """Return metric name -> value; None if there is no such architecture."""
        if architecture.id not in self._known:
            self._known[architecture.id] = self._count(architecture)
        return self._known[architecture.id]

    def _count(self, architecture: Architecture) -> dict[str, float] | None:
        try:
            return dict(self._evaluator.static_costs(architecture))
        except UnbuildableError:
            return None
        except Exception:  # noqa: BLE001 - a user's build may raise anything
            _LOG.warning("the static costs of %s are unknown", architecture, exc_info=True)
            return {}
