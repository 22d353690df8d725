"""Members of the recorded front whose weights are gone are trained once more.

That happens to a run that went on from its database in another folder, or whose files were
deleted. Such a trial keeps its number and its values on record; the weights are those of the new
training, and `trained_again.json` beside them says what it measured.
"""

import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from nas.engine.weights import FrontWeights
from nas.objective import Objective
from nas.study.study import SearchStudy
from nas.trial import FailureKind, TrialRecord, TrialResult, TrialSpec, TrialState


class TrainingsAgain:
    """Trains again the networks whose weights are missing, and takes the results.

    Args:
        missing: members of the front without weights; a variant is made by its parent's training.
        weights: where the weights go.
        objectives: whose values are compared with those on record.
    """

    def __init__(
        self,
        missing: Sequence[TrialRecord],
        *,
        weights: FrontWeights,
        objectives: Sequence[Objective],
    ) -> None:
        self._weights = weights
        self._objectives = [o for o in objectives if not o.is_static]
        self._missing: dict[int, dict[str, TrialRecord]] = {}
        for record in missing:
            number = record.number if record.parent is None else record.parent
            self._missing.setdefault(number, {})[record.variant] = record
        self._waiting = deque(self._missing)
        self._attempts: Counter[int] = Counter()

    def __contains__(self, number: object) -> bool:
        return number in self._missing

    @property
    def has_waiting(self) -> bool:
        """Some trainings are to be handed out."""
        return bool(self._waiting)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The trials that still lack their weights."""
        lacking = (r.number for each in self._missing.values() for r in each.values())
        return tuple(sorted(lacking))

    def describe(self, is_trained: bool) -> str:
        """Return what is missing, and whether something is done about it."""
        does = "they are trained again" if is_trained else "train_again=true trains them again"
        return f"{missing_line(self.numbers)}: {does}"

    def next(self, study: SearchStudy) -> TrialSpec:
        """Return the next order; it says nothing of the front, so that all weights come."""
        number = self._waiting.popleft()
        return study.order_again(number, attempt=self._attempts[number])

    def take(self, result: TrialResult) -> list[str]:
        """Keep the weights of a training; return lines for the user.

        A training that lost its worker waits again; one that fails does not.
        """
        failure = result.failure
        if failure is not None and failure.kind is FailureKind.LOST:
            if result.attempt == self._attempts[result.number]:
                self._attempts[result.number] += 1
                self._waiting.append(result.number)
            return []
        wanted = self._missing[result.number]
        found = {v.name: (v.metrics, v.weights) for v in result.variants}
        if result.state is TrialState.COMPLETE:
            found[""] = (result.metrics, result.weights)
        lines = []
        for name, record in list(wanted.items()):
            metrics, weights = found.get(name, ({}, None))
            if weights is None:
                reason = failure.message if failure is not None else "the training gave no weights"
                lines.append(f"trial {record.number} could not be trained again: {reason}")
                continue
            self._keep(record, metrics, weights)
            del wanted[name]
            lines.append(self._line(record, metrics))
        if not wanted:
            del self._missing[result.number]
        return lines

    def _keep(self, record: TrialRecord, metrics: Mapping[str, float], weights: bytes) -> None:
        told = {"measured": dict(metrics), "on_record": dict(record.metrics)}
        self._weights.save(record, weights=weights, trained_again=json.dumps(told, indent=1))

    def _line(self, record: TrialRecord, metrics: Mapping[str, float]) -> str:
        values = "; ".join(
            f"{o.metric} {metrics[o.metric]:.5g}, on record {record.metrics[o.metric]:.5g}"
            for o in self._objectives
            if o.metric in metrics and o.metric in record.metrics
        )
        return f"trial {record.number} was trained again and has weights: {values}"


def missing_line(numbers: Sequence[int]) -> str:
    """Return what is wrong with a run whose front lacks weights."""
    listed = ", ".join(map(str, numbers))
    if len(numbers) == 1:
        return f"the weights of trial {listed}, which stands on the front, are missing"
    return f"the weights of trials {listed}, which stand on the front, are missing"
