"""What in a running search costs time or money for nothing?

Idle slots, a sampler that is slower than the workers, trials that fail, constraints that hardly
any proposal keeps, limits that hardly any network keeps.
"""

from collections import Counter, deque
from collections.abc import Sequence

from nas.engine.view import Progress, SearchPlan
from nas.objective import Constraint
from nas.report.limits import keeps
from nas.trial import TrialRecord, TrialState

_WINDOW_S = 30.0
_IDLE_SHARE = 0.25  # of the slots, over that time
_SAMPLER_SHARE = 0.2  # of the workers' time
_FAILED_SHARE = 0.5
_RARE_SHARE = 0.1
_MIN_TRIALS, _MIN_PROPOSALS = 6, 30  # fewer say nothing


class CostWarnings:
    """Watches a search, and says what it wastes.

    Args:
        plan: what is searched.
    """

    def __init__(self, plan: SearchPlan) -> None:
        self._plan = plan
        self._idle: deque[tuple[float, float]] = deque()
        self._failures: Counter[str] = Counter()
        self._num_complete = self._num_within = 0

    def finished(self, record: TrialRecord) -> None:
        """Note a trial that ended."""
        if record.failure is not None:
            self._failures[record.failure.kind.value] += 1
        elif record.state is TrialState.COMPLETE and record.parent is None:
            self._num_complete += 1
            self._num_within += keeps(record, self._plan.limits)

    def hear(self, progress: Progress) -> None:
        """Note how many slots work now."""
        idle = max(0, progress.num_slots - progress.num_running)
        self._idle.append((progress.elapsed_s, idle if _wants_more(progress) else 0))
        while self._idle[0][0] < progress.elapsed_s - _WINDOW_S:
            self._idle.popleft()

    def lines(self, progress: Progress) -> list[str]:
        """Return a sentence for each thing that is wasted now; usually none."""
        return [line for _, line in self.named_lines(progress)]

    def named_lines(self, progress: Progress) -> list[tuple[str, str]]:
        """Return the same, each with the name of what is wasted."""
        found = {
            "failures": self._failed(progress),
            "slots": self._idle_slots(progress),
            "constraints": self._rare_proposals(progress),
            "limits": self._rare_networks(),
        }
        return [(name, line) for name, line in found.items() if line]

    def _failed(self, progress: Progress) -> str:
        num_done, num_failed = progress.num_done, progress.num_failed
        if num_done < _MIN_TRIALS or num_failed < _FAILED_SHARE * num_done:
            return ""
        told = f"{num_failed} of {num_done} trials failed"
        if self._failures:
            kind, number = self._failures.most_common(1)[0]
            told += f", {number} of them: {kind}"
        return f"{told}; log.txt has the reasons"

    def _idle_slots(self, progress: Progress) -> str:
        if progress.sampler_share >= _SAMPLER_SHARE:
            return (
                f"the sampler is slower than the workers: {progress.sampler_share:.0%} of their "
                "time is lost; sampler=nsga2 asks faster"
            )
        seen = [number for _, number in self._idle]
        passed_s = progress.elapsed_s - self._idle[0][0] if self._idle else 0.0
        idle = sum(seen) / max(1, len(seen))
        if passed_s < 0.8 * _WINDOW_S or idle < _IDLE_SHARE * progress.num_slots:
            return ""
        return f"of {progress.num_slots} slots {idle:.1f} had no trial over {passed_s:.0f} s"

    def _rare_proposals(self, progress: Progress) -> str:
        num_broken = progress.num_redrawn - progress.num_known
        num_kept = progress.num_done - self._plan.num_resumed + progress.num_running
        num_kept += progress.num_paused
        total = num_broken + num_kept
        if total < _MIN_PROPOSALS or num_kept > _RARE_SHARE * total:
            return ""
        return (
            f"{num_broken} of {total} proposals broke a constraint; nas profile shows what the "
            "space holds"
        )

    def _rare_networks(self) -> str:
        number = self._num_complete
        if not self._plan.limits or number < 2 * _MIN_TRIALS:
            return ""
        if self._num_within > _RARE_SHARE * number:
            return ""
        return f"{self._num_within} of {number} networks keep {_all_of(self._plan.limits)}"


def _wants_more(progress: Progress) -> bool:
    """Say whether free slots would have work: near the end they have none."""
    if progress.num_trials is None:
        return True
    num_begun = progress.num_done + progress.num_running + progress.num_paused
    return num_begun < progress.num_trials


def _all_of(limits: Sequence[Constraint]) -> str:
    return " and ".join(str(limit) for limit in limits)
