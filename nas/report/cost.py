"""What did a search cost, and what did it save?

Device time is the sum of the trials' times; a device is what one trial has to itself: CPU cores, a
GPU or a share of one. What was saved is an estimate, and the report says so: a trial that was
stopped early would have gone on at its own pace, and a network that is known, or not allowed,
would have taken as long as the mean trial.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.measure.energy import EnergyUse
from nas.record.spent import Spent, total_spent
from nas.report.values import counted, format_duration
from nas.trial import TrialRecord, TrialState, trainings


@dataclass(frozen=True)
class SearchCost:
    """What a search took of its workers.

    Attributes:
        num_trials: all of them.
        num_stopped: ended early by a rung rule.
        num_failed: without a result.
        device_hours: of all trials.
        saved_device_hours: what the stopped ones would have taken to the end.
        full_device_hours: mean of the trials that were trained to the end; 0 where there is none.
        spent: what the commands noted.
    """

    num_trials: int
    num_stopped: int
    num_failed: int
    device_hours: float
    saved_device_hours: float
    full_device_hours: float
    spent: Spent

    def describe(self, *, grid_g_per_kwh: float | None = None) -> str:
        """Return a few sentences for people; of energy only where it is known."""
        failed = f"; {self.num_failed} of them failed" if self.num_failed else ""
        trials, spent = counted(self.num_trials, "trial"), _hours(self.device_hours)
        took = f"{trials} took" if self.num_trials == 1 else f"The times of {trials} add up to"
        clock = " on a simulated clock" if self.spent.is_simulated else ""
        told = [f"{took} {spent}{clock}{failed}.", *self._saved()]
        if not math.isnan(self.spent.joules):
            told.append(self.energy(grid_g_per_kwh=grid_g_per_kwh))
        return " ".join(told)

    def energy(self, *, grid_g_per_kwh: float | None = None) -> str:
        """Return a sentence on energy, or why it is not known; empty if no command noted any."""
        spent = self.spent
        if not spent.seconds:
            return ""
        use = EnergyUse(spent.joules, spent.seconds, spent.meters, spent.why_unknown)
        return use.describe(grid_g_per_kwh=grid_g_per_kwh)

    def _saved(self) -> list[str]:
        """Return a sentence for each thing that saved something."""
        if self.spent.is_simulated:  # looking a result up costs nothing
            return []
        parts = []
        if self.num_stopped:
            trials, saved = counted(self.num_stopped, "trial"), _hours(self.saved_device_hours)
            parts.append(f"Stopping {trials} early saved about {saved}.")
        for number, which in (
            (self.spent.num_known, "that repeated a known network"),
            (self.spent.num_forbidden, "that broke a constraint"),
        ):
            if number:
                saved = _hours(number * self.full_device_hours)
                proposals = f"{number:,} proposal{'' if number == 1 else 's'}"
                parts.append(f"Replacing {proposals} {which} saved about {saved}.")
        return parts


def search_cost(records: Sequence[TrialRecord], spent: Sequence[Spent] = ()) -> SearchCost:
    """Return what a search took, from its records and what its commands noted."""
    seconds = sum(r.seconds for r in records if r.state is not TrialState.RUNNING)
    ended = [record for record in trainings(records) if record.state is not TrialState.RUNNING]
    stopped = [record for record in ended if record.state is TrialState.STOPPED]
    full = [record.seconds for record in ended if record.state is TrialState.COMPLETE]
    return SearchCost(
        num_trials=len(ended),
        num_stopped=len(stopped),
        num_failed=sum(record.state is TrialState.FAILED for record in ended),
        device_hours=seconds / 3600,
        saved_device_hours=sum(r.seconds * (1 / r.budget - 1) for r in stopped if r.budget > 0)
        / 3600,
        full_device_hours=sum(full) / max(1, len(full)) / 3600,
        spent=total_spent(spent),
    )


def _hours(hours: float) -> str:
    if hours >= 0.1:
        return f"{hours:.2f} device-hours"
    return format_duration(3600 * hours)
