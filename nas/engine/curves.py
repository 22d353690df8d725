"""Can a trial still reach the front? Judged by how others improved from the same share on.

The rule: the largest improvement that any whole training made from a share of it to its end,
half as much again added, is the most that a trial at that share may still improve. If a member of
the front dominates what the trial would be then, at its size, the trial is stopped for good. That
is asked only once so many whole trainings are known that the next one would exceed their largest
improvement in one of nine cases, were they alike.
"""

from collections import defaultdict
from collections.abc import Sequence

from nas.objective import Objective, dominates, losses
from nas.trial import TrialRecord, TrialState

MIN_CURVES = 8
# Those that were trained to their end were the better ones at each rung, and the worse ones may
# have more to gain.
FACTOR = 1.5


class LearningCurves:
    """How much trainings improve from each rung to their end.

    Args:
        objectives: what is made better; those known before training do not change.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = tuple(objectives)
        self._counts: defaultdict[float, int] = defaultdict(int)
        self._most: dict[float, list[float]] = {}

    def ended(self, record: TrialRecord) -> None:
        """Learn from a trial; only whole trainings count."""
        end = losses(self._objectives, record.metrics)
        if record.state is not TrialState.COMPLETE or record.parent is not None or end is None:
            return
        for rung in record.rungs:
            there = losses(self._objectives, rung.metrics)
            if there is None:
                continue
            gains = [max(0.0, a - b) for a, b in zip(there, end, strict=True)]
            most = self._most.setdefault(rung.budget, gains)
            self._most[rung.budget] = [max(pair) for pair in zip(most, gains, strict=True)]
            self._counts[rung.budget] += 1

    def is_hopeless(self, record: TrialRecord, front: Sequence[Sequence[float]]) -> bool:
        """Say whether a trial at a rung cannot reach the front any more.

        Args:
            record: of a trial that has reached a rung.
            front: losses of the front's members.
        """
        rung = record.rungs[-1]
        there = losses(self._objectives, rung.metrics)
        if there is None or self._counts[rung.budget] < MIN_CURVES:
            return False
        best = [
            loss if objective.is_static else loss - FACTOR * gain
            for objective, loss, gain in zip(
                self._objectives, there, self._most[rung.budget], strict=True
            )
        ]
        return any(dominates(member, best) for member in front)
