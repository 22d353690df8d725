"""When a search ends."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nas.errors import ConfigError, ExecutionError
from nas.trial import TrialRecord

# Fewer failures than this say nothing about the share.
MIN_FAILURES = 5


@dataclass(frozen=True)
class Stopping:
    """The limits of a search; whichever comes first ends it.

    Attributes:
        num_trials: trials in the study in total, failed ones included, earlier commands' too.
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

    def check_failures(
        self, num_failed: int, *, num_ended: int, records: Sequence[TrialRecord]
    ) -> None:
        """Give up when too many trials fail.

        Raises:
            ExecutionError: they do; carries the most frequent failure with its traceback.
        """
        if num_failed < MIN_FAILURES or num_failed <= self.max_failed_share * num_ended:
            return
        failures = [record.failure for record in records if record.failure is not None]
        counts = Counter((failure.kind, failure.message) for failure in failures)
        (kind, message), count = counts.most_common(1)[0]
        traceback = next(f.traceback for f in failures if (f.kind, f.message) == (kind, message))
        raise ExecutionError(
            f"{num_failed} of {num_ended} trials failed, more than stopping.max_failed_share="
            f"{self.max_failed_share:g} allows; {count} of them with {kind.value}: {message}\n"
            f"{traceback}".rstrip()
        )
