"""Device-seconds of a search that a shared machine does not change: CPU seconds of its trainings.

Trials run in the process of the search, on one thread, one after the other. What they took is
their CPU time, rung by rung; a supernet's training counts before the first of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas.engine.stop_rule import SearchState, StopRule
from nas.evaluation.supernet import SupernetEvaluator
from nas.evaluation.trained import TrainedEvaluator
from nas.files import write_text
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialResult, TrialSpec, TrialState, trainings

_SUPERNET_CPU = "supernet_cpu_s.txt"


class CpuTimedEvaluator(TrainedEvaluator):
    """Trains as `nas search` does, and tells the CPU time of each trial as its seconds."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one architecture."""
        self.prepare()
        started_s = time.process_time()
        result = super().evaluate(spec)
        return replace(result, seconds=spec.spent_s + time.process_time() - started_s)


class CpuTimedSupernet(SupernetEvaluator, CpuTimedEvaluator):
    """The same for trials that begin as slices of a supernet; its own training is told, too."""

    def prepare_run(
        self,
        folder: Path,
        *,
        seed: int,
        say: Callable[[str], None],
        is_ended: Callable[[], bool],
    ) -> bool:
        """Train the supernet without a break, and write down its CPU time."""
        is_trained = (folder / _SUPERNET_CPU).is_file()
        started_s = time.process_time()
        is_there = super().prepare_run(folder, seed=seed, say=say, is_ended=is_ended)
        if is_there and not is_trained:
            write_text(folder / _SUPERNET_CPU, f"{time.process_time() - started_s:.3f}\n")
        return is_there


@dataclass(frozen=True)
class Step:
    """A training, or a part of one, that ended.

    Attributes:
        spent_s: device-seconds of the search by then.
        record: the trial, if it was trained whole then; None for a rung or a trial that ended
            otherwise.
    """

    spent_s: float
    record: TrialRecord | None


def steps_of(records: Sequence[TrialRecord], *, before_s: float = 0.0) -> list[Step]:
    """Return what a search did, in the order of its ends.

    Args:
        records: its trials.
        before_s: device-seconds before the first trial.
    """
    ends: list[tuple[float, float, TrialRecord | None]] = []
    for record in records:
        earlier_s = 0.0
        for rung in record.rungs:
            ends.append((rung.finished_s, rung.seconds - earlier_s, None))
            earlier_s = rung.seconds
        if record.finished_s is not None:
            whole = record if record.state is TrialState.COMPLETE else None
            ends.append((record.finished_s, max(0.0, record.seconds - earlier_s), whole))
    found, spent_s = [], before_s
    for _, seconds, whole in sorted(ends, key=lambda end: end[0]):
        spent_s += seconds
        found.append(Step(spent_s, whole))
    return found


def steps_in(folder: RunFolder) -> list[Step]:
    """Return what the search of a run folder did so far."""
    if not folder.study_journal.is_file():
        return []
    file = folder.path / _SUPERNET_CPU
    before_s = float(file.read_text()) if file.is_file() else 0.0
    return steps_of(trainings(load_records(folder.study_journal)), before_s=before_s)


@dataclass
class SpentSeconds(StopRule):
    """Ends a search once its trainings took so many device-seconds.

    Attributes:
        run_folder: whose record says what was spent.
        limit_s: device-seconds.
    """

    run_folder: str
    limit_s: float
    _known: tuple[int, float] = field(default=(0, 0.0), init=False)

    def why_end(self, state: SearchState) -> str | None:
        """Return the limit, once it is spent."""
        del state
        folder = RunFolder(Path(self.run_folder))
        size = folder.study_journal.stat().st_size
        if size != self._known[0]:
            steps = steps_in(folder)
            self._known = size, steps[-1].spent_s if steps else 0.0
        is_spent = self._known[1] >= self.limit_s
        return f"{self.limit_s:g} device-seconds are spent" if is_spent else None
