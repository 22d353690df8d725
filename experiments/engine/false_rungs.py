"""False trainings in steps, and what must be true of them after a kill.

Each step is noted in a file beside the run folder before its checkpoint is written, so that a step
that is trained twice is seen.
"""

import time
from pathlib import Path

from experiments.engine.parts import ClosedForm, append_line
from nas.files import write_bytes
from nas.study.journal import holds_study, load_records
from nas.trial import Rung, TrialResult, TrialSpec, TrialState

SHARES = (0.25, 0.5, 1.0)
STEP_S = 0.002


class FalseRungs(ClosedForm):
    """Judges by a closed form that grows with the share; its checkpoint is the share reached."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train the steps that the checkpoint lacks, and return what the closed form gives."""
        assert spec.checkpoint is not None, "a search gives each trial a folder"
        folder = Path(spec.checkpoint)
        file = folder / "training.pt"
        reached = float(file.read_text()) if file.is_file() else 0.0
        for share in SHARES:
            if reached < share <= spec.budget:
                append_line(log_of(folder.parents[1]), f"{spec.number} {share}")
                time.sleep(STEP_S)
                write_bytes(file, str(share).encode())
        costs = self.static_costs(spec.architecture)
        shake = int(spec.architecture.id[:6], 16) / 0xFFFFFF
        accuracy = 0.5 * costs["size_bytes"] / (costs["size_bytes"] + 300.0) + 0.5 * shake
        is_whole = spec.budget >= 1.0
        return TrialResult(
            spec.number,
            spec.attempt,
            TrialState.COMPLETE if is_whole else TrialState.STOPPED,
            {**costs, "accuracy": accuracy * (0.9 + 0.1 * spec.budget)},
            budget=spec.budget,
            weights=spec.architecture.id.encode() if is_whole else None,
        )


def log_of(run: Path) -> Path:
    """Return the file that notes each step that was trained."""
    return run.parent / f"{run.name}.trained"


class RungCheck:
    """What the record of one run held of rungs, fault after fault.

    Args:
        run: the run folder.

    Attributes:
        num_rungs: rungs on record.
        num_again: steps that were trained again because a kill came before their result was on
            record and before their checkpoint was whole.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._seen: dict[tuple[int, float], Rung] = {}
        self._num_lines = 0
        self._trained: set[tuple[int, float]] = set()
        self.num_again = 0

    @property
    def num_rungs(self) -> int:
        """Rungs on record."""
        return len(self._seen)

    def check(self) -> None:
        """Compare the run with what it held before.

        Raises:
            AssertionError: a rung is lost or changed, or one on record was trained again.
        """
        log = log_of(self._run)
        lines = log.read_text().split("\n")[:-1] if log.is_file() else []
        for line in lines[self._num_lines :]:
            number, share = line.split()
            step = int(number), float(share)
            assert step not in self._seen, f"{step} is on record and was trained again"
            self.num_again += step in self._trained
            self._trained.add(step)
        self._num_lines = len(lines)
        self._take_record()

    def _take_record(self) -> None:
        journal = self._run / "study.journal"
        records = load_records(journal) if holds_study(journal) else []
        now = {(r.number, rung.budget): rung for r in records for rung in r.rungs}
        for step, rung in self._seen.items():
            assert now.get(step) == rung or rung.budget == 1.0, f"rung {step} is lost or changed"
        ends = {
            (r.number, 1.0): Rung(1.0, r.metrics, r.seconds)
            for r in records
            if r.state is TrialState.COMPLETE
        }
        assert now.keys() | ends.keys() <= self._trained, "a rung was never trained"
        self._seen = {**now, **ends}
