"""Evaluations that go wrong on order: what a user's own code may do to a search.

A plan, one line for each trial, says which trials raise, give NaN, hang or take all memory. Each
of them must be on record as failed, once, with its kind; the others as if it had not been.
"""

import resource
import time
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from experiments.engine.parts import TimedTable, append_line
from nas.execution.guard import failed
from nas.trial import FailureKind, TrialResult, TrialSpec, TrialState

HANG_S = 600.0
# Memory that a trial may take beyond what its worker has; it asks for far more.
MEMORY_BYTES = 256 << 20


class Mischief(StrEnum):
    """What an evaluation does."""

    RAISES = "evaluation raises"
    NAN = "evaluation gives NaN"
    HANGS = "evaluation hangs"
    ALLOCATES = "evaluation takes all memory"


KINDS = {
    Mischief.RAISES: FailureKind.ERROR,
    Mischief.NAN: FailureKind.NONFINITE,
    Mischief.HANGS: FailureKind.TIMEOUT,
    Mischief.ALLOCATES: FailureKind.OUT_OF_MEMORY,
}


def plan_mischief(plan: Path, number: int, mischief: Mischief) -> None:
    """Let a trial go wrong, from now on, whenever it is tried."""
    append_line(plan, f"{number} {mischief.name}")


def planned_mischief(plan: Path) -> Mapping[int, Mischief]:
    """Return number of a trial -> what it does."""
    lines = plan.read_text().splitlines() if plan.exists() else []
    return {int(number): Mischief[name] for number, name in (line.split() for line in lines)}


class MischievousTable(TimedTable):
    """Looks up a table, unless the plan says otherwise; weights name their network.

    Args:
        table: as `TimedTable`.
        plan: of `plan_mischief`.
        is_real: hang and allocate in earnest, in a worker that may be killed; otherwise return
            what a search makes of it.
        others: of `TimedTable`.
    """

    brings_weights = True

    def __init__(self, table: Any, *, plan: Path, is_real: bool, **others: Any) -> None:
        super().__init__(table, **others)
        self._plan = plan
        self._is_real = is_real

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Look up, or go wrong."""
        result = super().evaluate(spec)
        match planned_mischief(self._plan).get(spec.number):
            case Mischief.RAISES:
                raise ValueError("the user's code is wrong")
            case Mischief.NAN:
                metrics = {"quality": float("nan"), "size": 1.0}
                return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, metrics)
            case Mischief.HANGS:
                if self._is_real:
                    time.sleep(HANG_S)
                return failed(spec, FailureKind.TIMEOUT, "would hang")
            case Mischief.ALLOCATES:
                if self._is_real:
                    _fill_memory()
                raise MemoryError("would take all memory")
        return replace(result, weights=spec.architecture.id.encode())


def _fill_memory() -> None:
    """Allocate up to a limit of this process.

    Raises:
        MemoryError: the limit is reached.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    used_kb = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    resource.setrlimit(resource.RLIMIT_DATA, (used_kb * 1024 + MEMORY_BYTES, before[1]))
    taken = []
    try:
        while True:
            taken.append(bytearray(16 << 20))
    finally:
        taken.clear()
        resource.setrlimit(resource.RLIMIT_DATA, before)
