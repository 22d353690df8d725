"""When a search ends."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nas.errors import ConfigError, ExecutionError
from nas.trial import TrialRecord, TrialState, trainings

# Fewer failures than this say nothing about the share.
MIN_FAILURES = 5


@dataclass(frozen=True)
class Stopping:
    """The limits of a search; whichever comes first ends it.

    Attributes:
        num_trials: trials in the study in total, failed ones included, earlier commands' too;
            variants of trained networks are none.
        time_limit_s: wall time of this command; trials that run then are waited for.
        max_failed_share: share of failed among ended trials above which the search is given up.
    """

    num_trials: int | None = None
    time_limit_s: float | None = None
    max_failed_share: float = 0.5

    def __post_init__(self) -> None:
        if self.num_trials is not None and self.num_trials < 1:
            raise ConfigError(
                f"stopping.num_trials must be at least 1, but got {self.num_trials}; "
                "leave it null to search without a limit"
            )
        if self.time_limit_s is not None and self.time_limit_s <= 0:
            raise ConfigError(
                f"stopping.time_limit_s must be above 0, but got {self.time_limit_s}"
            )
        if not 0 < self.max_failed_share <= 1:
            raise ConfigError(
                f"stopping.max_failed_share must be in (0, 1], but got {self.max_failed_share}"
            )

    def allows_another(self, *, num_trials: int, started_s: float) -> bool:
        """Say whether one more trial may start.

        Args:
            num_trials: trials in the study now.
            started_s: `time.monotonic()` when this command started.
        """
        if self.num_trials is not None and num_trials >= self.num_trials:
            return False
        return self.time_limit_s is None or time.monotonic() - started_s < self.time_limit_s

    def remaining_s(self, *, num_done: int, num_done_now: int, elapsed_s: float) -> float | None:
        """Return the expected wall time to the end, or None while it is unknown.

        Args:
            num_done: trials that ended, earlier commands' too.
            num_done_now: those of this command.
            elapsed_s: wall time of this command.
        """
        expected = []
        if self.num_trials is not None and num_done_now:
            expected.append(elapsed_s / num_done_now * max(0, self.num_trials - num_done))
        if self.time_limit_s is not None:
            expected.append(max(0.0, self.time_limit_s - elapsed_s))
        return min(expected, default=None)

    def is_failing(self, num_failed: int, *, num_ended: int) -> bool:
        """Say whether too many trials fail to go on."""
        return num_failed >= MIN_FAILURES and num_failed > self.max_failed_share * num_ended

    def failure(self, records: Iterable[TrialRecord]) -> ExecutionError:
        """Return the error that ends a failing search: its most frequent failure."""
        ended = [record for record in trainings(records) if record.state is not TrialState.RUNNING]
        failures = [record.failure for record in ended if record.failure is not None]
        counts = Counter((failure.kind, failure.message) for failure in failures)
        (kind, message), count = counts.most_common(1)[0]
        traceback = next(f.traceback for f in failures if (f.kind, f.message) == (kind, message))
        return ExecutionError(
            f"{len(failures)} of {len(ended)} trials failed, more than stopping.max_failed_share="
            f"{self.max_failed_share:g} allows; {count} of them with {kind.value}: {message}\n"
            f"{traceback}".rstrip()
        )
