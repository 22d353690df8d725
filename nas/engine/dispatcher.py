"""Which trial starts next? One for each free slot, as long as the stop rules allow another.

First the trainings whose weights are missing, then networks for comparison, then trials that lost
their worker, then one that is to go on from its rung, then what was proposed ahead, then new
proposals.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nas.engine.costs import CachedCosts
from nas.engine.front_tracker import FrontTracker
from nas.engine.log_lines import exhausted_line
from nas.engine.pace import SamplerPace
from nas.engine.reference_trainings import ReferenceTrainings
from nas.engine.rungs import Rungs
from nas.engine.stop_rule import SearchState
from nas.engine.task import SearchTask
from nas.engine.trainings_again import TrainingsAgain
from nas.engine.view import View
from nas.errors import ConstraintError
from nas.execution.backend import Backend
from nas.study.proposals import SpaceExhausted
from nas.study.study import SearchStudy
from nas.trial import TrialSpec

_LOG = logging.getLogger(__name__)

# The longest that new trials are proposed before the workers' results are looked at again.
FILL_S = 0.1


class Dispatcher:
    """Hands trials out to a backend.

    Args:
        task: what is searched.
        study: proposes.
        costs: the search's, which know of architectures that could not be built.
        tracker: counts the trials that ended.
        again: the trainings whose weights are missing.
        references: networks that are trained for comparison, after the first trials.
        checkpoints: folder of the trials' checkpoints.
        complete: adds to an order what its trial starts from; None where all start at random.
        started_s: `time.monotonic()` when this command started.
        view: is notified when no further trial is proposed.
        rungs: of a search whose trials train in steps.
        settle: waits until all results that the study has are on disk.

    Attributes:
        running: numbers of the trials that are out.
        is_exhausted: no further architecture was found.
        why_ended: why no further trial may start, in one sentence; empty while one may.
    """

    def __init__(
        self,
        task: SearchTask,
        study: SearchStudy,
        *,
        costs: CachedCosts,
        tracker: FrontTracker,
        again: TrainingsAgain,
        references: ReferenceTrainings,
        checkpoints: Path,
        complete: Callable[[TrialSpec], TrialSpec] | None = None,
        started_s: float,
        view: View,
        rungs: Rungs | None = None,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._task = task
        self._study = study
        self._rungs = rungs
        self._settle = settle
        self._promoted: int | None = None  # who goes on next, once that was asked
        self._is_asked = False
        self._costs = costs
        self._tracker = tracker
        self._again = again
        self._references = references
        self._checkpoints = checkpoints
        self._complete = complete or (lambda spec: spec)
        self._view = view
        self._pace = SamplerPace()
        self._started_s = started_s
        self.running: set[int] = set()
        self.is_exhausted = False
        self.why_ended = ""

    @property
    def elapsed_s(self) -> float:
        """Wall time of this command so far."""
        return time.monotonic() - self._started_s

    @property
    def sampler_share(self) -> float:
        """Share of the workers' time, of late, that waiting for the sampler took."""
        return self._pace.wasted_share()

    def state(self) -> SearchState:
        """Return how the search stands now."""
        return self._tracker.state(
            num_trials=self._study.num_trials + self._study.num_prepared,
            elapsed_s=self.elapsed_s,
        )

    def wants_trial(self) -> bool:
        """Say whether one more trial should be handed out now."""
        return (
            self._wants_again()
            or self._wants_reference()
            or self._study.has_waiting
            or self._promotes()
            or self._study.num_prepared > 0
            or self._allows_another()
        )

    def fill(self, backend: Backend) -> bool:
        """Hand out trials to free slots for a while; say whether some may still be free."""
        until_s = time.monotonic() + FILL_S
        while (num_free := backend.num_free) > 0 and self.wants_trial():
            if time.monotonic() > until_s:
                return True
            spec = self._next(backend, idle_share=num_free / max(1, backend.num_slots))
            if spec is None:
                return False
            self.running.add(spec.number)
            self.study_changed()
            order = replace(
                self._complete(spec),
                time_limit_s=self._task.trial_time_limit_s,
                within_s=self._within_s(),
                checkpoint=str(self._checkpoints / str(spec.number)),
            )
            backend.submit(order)
        return False

    def prepare_ahead(self, backend: Backend) -> bool:
        """Propose one trial while all slots are busy, if the sampler is slow; say whether."""
        if not backend.is_concurrent:  # it would spare no time, and know less
            return False
        num_wanted = self._pace.num_ahead(backend.num_slots)
        if self._study.num_prepared >= num_wanted or not self._allows_another():
            return False
        self._prepare(backend, idle_share=0.0)
        return True

    def ended(self, num_trials: int) -> None:
        """Note that so many trials ended now."""
        self._pace.ended(num_trials)

    def cut_line(self) -> str:
        """Return what is said when running trials are left as they are."""
        self.why_ended = "the budget is over"
        number = len(self.running)
        running = (
            "1 trial still runs and is" if number == 1 else f"{number} trials still run and are"
        )
        return f"the budget is over; {running} not waited for"

    def _next(self, backend: Backend, *, idle_share: float) -> TrialSpec | None:
        """Return the next order; None when no further architecture was found."""
        if self._wants_again():
            return self._again.next(self._study)
        if self._wants_reference():
            return self._references.next()
        if not self._study.has_waiting and self._promotes():
            return self._promote()
        if not self._study.has_waiting and self._study.num_prepared == 0:
            self._prepare(backend, idle_share=idle_share)
            if self.is_exhausted:
                return None
        return replace(self._study.ask(), front=self._tracker.front_losses)

    def study_changed(self) -> None:
        """Ask again which trial goes on next: the study knows more, or another trial runs."""
        self._promoted, self._is_asked = None, False

    def _promotes(self) -> bool:
        """Say whether a trial that waits at a rung is to go on now."""
        if self._rungs is None or not self._study.has_paused:
            return False
        if self._task.stopping.why_end_all(self.state()) is not None:
            return False
        if not self._is_asked:
            may_start = self._study.num_prepared > 0 or self._allows_another()
            self._promoted = self._rungs.promotion(self._study.paused, may_start=may_start)
            self._is_asked = True
        return self._promoted is not None

    def _promote(self) -> TrialSpec:
        number = self._promoted
        assert number is not None, "somebody is to go on"
        self._settle()  # no rung counts that a crash could take back
        return replace(self._study.promote(number), front=self._tracker.front_losses)

    def _wants_again(self) -> bool:
        """Say whether a trial whose weights are gone should be handed out now."""
        if not self._task.trains_again or not self._again.has_waiting:
            return False
        return not self._task.stopping.is_time_over(self.state())

    def _wants_reference(self) -> bool:
        """Say whether a network should be trained for comparison now."""
        if not self._references.has_waiting:
            return False
        is_over = self._task.stopping.is_time_over(self.state())
        return not is_over and self._references.is_due(self._study.records, left_s=self._within_s)

    def _within_s(self) -> float | None:
        """Return the seconds for a trial that starts now; steps of rungs have their own length."""
        if self._rungs is not None:
            return None
        return self._task.stopping.within_s(self.state())

    def _allows_another(self) -> bool:
        """Say whether one more trial may be proposed."""
        if self.is_exhausted:
            return False
        self.why_ended = self._task.stopping.why_end(self.state()) or ""
        return not self.why_ended

    def _prepare(self, backend: Backend, *, idle_share: float) -> None:
        before_s, before_busy_s = time.monotonic(), time.thread_time()
        try:
            self._study.prepare()
        except SpaceExhausted as end:
            self.is_exhausted = True
            self.why_ended = exhausted_line(end, num_trials=self._study.num_trials)
            self._view.message(self.why_ended)
            return
        except ConstraintError as error:
            if self._costs.has_only_raised:  # which says more
                raise self._costs.failure() from error
            raise
        self._pace.asked(
            time.monotonic() - before_s,
            busy_s=time.thread_time() - before_busy_s,
            idle_share=idle_share,
        )
        warning = self._pace.warning(
            num_trials=self._study.num_trials, num_slots=backend.num_slots
        )
        if warning is not None:
            _LOG.warning(warning)
            self._view.message(warning)
