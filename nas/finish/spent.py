"""What did it all cost? The search, from its record; the finishing, from its own meters.

One line of JSON for each `nas finish` that trained something, so that a command that was
interrupted and given again is counted whole.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.measure.energy import EnergyUse
from nas.trial import TrialRecord, TrialState


@dataclass(frozen=True)
class SearchCost:
    """What a search took of its workers.

    Attributes:
        num_trials: all of them.
        num_stopped: ended early by a rung rule.
        num_failed: without a result.
        device_hours: of all trials; a device is what one trial has to itself.
        saved_device_hours: what the stopped ones would have taken to the end, at their own pace.
    """

    num_trials: int
    num_stopped: int
    num_failed: int
    device_hours: float
    saved_device_hours: float

    def describe(self) -> str:
        """Return one sentence for people."""
        saved = ""
        if self.num_stopped:
            saved = (
                f"; {self.num_stopped} were stopped early, which saved about "
                f"{_hours(self.saved_device_hours)}"
            )
        failed = f", {self.num_failed} of them failed" if self.num_failed else ""
        spent = f"{_hours(self.device_hours)} for {self.num_trials} trials"
        return f"The search took {spent}{failed}{saved}."


def search_cost(records: Sequence[TrialRecord]) -> SearchCost:
    """Return what a search took, from its records."""
    ended = [record for record in records if record.state is not TrialState.RUNNING]
    stopped = [record for record in ended if record.state is TrialState.STOPPED]
    return SearchCost(
        num_trials=len(ended),
        num_stopped=len(stopped),
        num_failed=sum(record.state is TrialState.FAILED for record in ended),
        device_hours=sum(record.seconds for record in ended) / 3600,
        saved_device_hours=sum(r.seconds * (1 / r.budget - 1) for r in stopped if r.budget > 0)
        / 3600,
    )


def note_use(folder: Path, use: EnergyUse) -> None:
    """Add what one command took."""
    line = {
        "joules": None if math.isnan(use.joules) else use.joules,
        "seconds": use.seconds,
        "meters": list(use.meters),
        "why_unknown": use.why_unknown,
    }
    with (folder / "spent.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def total_use(folder: Path) -> EnergyUse:
    """Return what all commands took together; NaN joules where one of them is not known."""
    path = folder / "spent.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    uses = [json.loads(line) for line in lines if line.endswith("}")]
    if not uses:
        return EnergyUse(why_unknown="nothing was trained")
    unknown = [use["why_unknown"] for use in uses if use["joules"] is None]
    return EnergyUse(
        joules=math.nan if unknown else sum(use["joules"] for use in uses),
        seconds=sum(use["seconds"] for use in uses),
        meters=tuple(dict.fromkeys(name for use in uses for name in use["meters"])),
        why_unknown=unknown[0] if unknown else "",
    )


def _hours(hours: float) -> str:
    return f"{hours:.2f} device-hours" if hours >= 0.1 else f"{3600 * hours:.0f} device-seconds"
