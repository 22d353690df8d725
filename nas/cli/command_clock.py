"""When did the command begin, and what did its parts take? A budget must know, and tells it."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from nas.planning.command_time import REPORTS, CommandTime, unit_after_reports, unit_of
from nas.planning.duration import duration_words
from nas.planning.trials import TrialPlan
from nas.trial import TrialRecord, trainings

_MOST_AGE_S = 120.0  # of a process that has loaded nothing yet; more is no age
_BEGAN_S: ContextVar[float | None] = ContextVar("began_s", default=None)


@contextmanager
def beginning(*, is_process: bool) -> Iterator[None]:
    """Note that a command line begins now.

    Args:
        is_process: it is all that this process does, so that its start counts too.
    """
    age_s = _process_age_s() if is_process else 0.0
    token = _BEGAN_S.set(time.monotonic() - age_s)
    try:
        yield
    finally:
        _BEGAN_S.reset(token)


def began_s() -> float:
    """Return `time.monotonic()` when the command line began; now where none did."""
    noted = _BEGAN_S.get()
    return time.monotonic() if noted is None else noted


def _process_age_s() -> float:
    """Return how long ago the process was started; 0 where the system does not say."""
    try:
        text = Path("/proc/self/stat").read_text().rpartition(")")[2]
        started_s = int(text.split()[19]) / os.sysconf("SC_CLK_TCK")
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return age_s if 0.0 <= age_s < _MOST_AGE_S else 0.0


@dataclass
class CommandClock:
    """Measures the parts of one search, and of the `nas finish` that follows in its command.

    Attributes:
        began_s: `time.monotonic()` when it began.
        unit_s: how quick this machine is (`nas.planning.command_time`).
        took_s: part -> seconds, in order.
    """

    began_s: float
    unit_s: float = 0.0
    took_s: dict[str, float] = field(default_factory=dict)
    _last_s: float | None = None

    def loaded(self) -> None:
        """Note that the libraries are loaded."""
        if self.unit_s:
            return
        self.unit_s = unit_of(time.monotonic() - self.began_s, busy_s=time.process_time())

    def wrote_reports(self) -> None:
        """Note that tables and pictures are written, and what that tells of the machine."""
        self.end(REPORTS)
        self.unit_s = unit_after_reports(self.unit_s, reports_s=self.took_s[REPORTS])

    def end(self, part: str) -> None:
        """Note that a part ended now, and that the next one begins."""
        now_s = time.monotonic()
        before_s = self.began_s if self._last_s is None else self._last_s
        self.took_s[part] = self.took_s.get(part, 0.0) + now_s - before_s
        self._last_s = now_s

    def describe(self, budget_s: float, planned: CommandTime | None = None) -> str:
        """Return what was planned, where it was, and what it took, in one line."""
        expected = {} if planned is None else planned.parts()
        told = [
            f"{name} {duration_words(seconds)}"
            + (f" (planned {duration_words(expected[name])})" if name in expected else "")
            for name, seconds in self.took_s.items()
        ]
        whole = duration_words(time.monotonic() - self.began_s)
        return f"The command took {whole} of its {duration_words(budget_s)}: {', '.join(told)}."


def trials_line(records: Sequence[TrialRecord], plan: TrialPlan, *, num_before: int) -> str:
    """Return how many trials were planned and how many there were, in one line.

    Args:
        records: all trials of the search.
        plan: of them.
        num_before: trials of earlier commands among them.
    """
    took = [r.seconds for r in trainings(records)[num_before:] if r.seconds > 0]
    from_scratch = [r for r in trainings(records) if not (r.has_inherited or r.is_sliced)]
    shortened = [r for r in from_scratch if r.metrics.get("training_share", 1.0) < 1.0]
    told = f"Trials: {len(took)}; planned were about {plan.num_trials}"
    if took:
        told += (
            f". One took {duration_words(median(took))}, planned were "
            f"{duration_words(plan.trial_s)}"
        )
    if shortened:
        share = min(r.metrics["training_share"] for r in shortened)
        told += (
            f"; {len(shortened)} trained for fewer steps than planned, down to {share:.0%}, so as "
            "to end in time"
        )
    return f"{told}."
