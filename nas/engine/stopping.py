"""When a search ends: the rules that every search keeps, and what a user adds to them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from nas.engine.stop_rule import Bounds, Cuts, SearchState, StopRule
from nas.errors import ConfigError, ExecutionError
from nas.trial import TrialRecord, trainings

# Fewer failures than this say nothing about the share.
MIN_FAILURES = 5


@dataclass(frozen=True)
class MaxTrials:
    """Ends a search at a number of trials.

    Attributes:
        num_trials: trials in the study in total, failed ones included, earlier commands' too;
            variants of trained networks are none.
    """

    num_trials: int

    def __post_init__(self) -> None:
        if self.num_trials < 1:
            raise ConfigError(
                f"stopping.num_trials must be at least 1, but got {self.num_trials}; "
                "leave it null to search without a limit"
            )

    def why_end(self, state: SearchState) -> str | None:
        """Return the number, once there are so many trials."""
        is_reached = state.num_trials >= self.num_trials
        return f"stopping.num_trials={self.num_trials} is reached" if is_reached else None

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the time that the trials to come take, if they take as long as those so far."""
        num_now = state.num_done - state.num_resumed
        if not num_now:
            return None
        return state.elapsed_s / num_now * max(0, self.num_trials - state.num_done)


@dataclass(frozen=True)
class TimeLimit:
    """Ends a search after a time.

    Attributes:
        time_limit_s: wall time of this command.
    """

    time_limit_s: float

    def __post_init__(self) -> None:
        if self.time_limit_s <= 0:
            raise ConfigError(
                f"stopping.time_limit_s must be above 0, but got {self.time_limit_s}"
            )

    def why_end(self, state: SearchState) -> str | None:
        """Return the limit, once the time is over."""
        is_over = state.elapsed_s >= self.time_limit_s
        return f"stopping.time_limit_s={self.time_limit_s:g} is over" if is_over else None

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the time that is left."""
        return max(0.0, self.time_limit_s - state.elapsed_s)


@dataclass(frozen=True)
class TooManyFailures:
    """Gives a search up, with an error, when too many trials fail.

    Attributes:
        max_failed_share: share of failed among ended trials above which the search is given up.
    """

    max_failed_share: float

    def __post_init__(self) -> None:
        if not 0 < self.max_failed_share <= 1:
            raise ConfigError(
                f"stopping.max_failed_share must be in (0, 1], but got {self.max_failed_share}"
            )

    def why_end(self, state: SearchState) -> str | None:
        """Return None: what ends a search here is an error.

        A command that goes on with a run is judged only once a trial of its own has ended.

        Raises:
            ExecutionError: too many trials failed; with the most frequent failure.
        """
        is_judged = state.num_failed >= MIN_FAILURES and state.num_done > state.num_resumed
        if is_judged and state.num_failed > self.max_failed_share * state.num_done:
            raise self._failure(state.ended)
        return None

    def remaining_s(self, state: SearchState) -> float | None:
        """Return None: nobody knows which trials will fail."""
        del state
        return None

    def _failure(self, records: Iterable[TrialRecord]) -> ExecutionError:
        ended = trainings(records)
        failures = [record.failure for record in ended if record.failure is not None]
        counts = Counter((failure.kind, failure.message) for failure in failures)
        (kind, message), count = counts.most_common(1)[0]
        traceback = next(f.traceback for f in failures if (f.kind, f.message) == (kind, message))
        return ExecutionError(
            f"{len(failures)} of {len(ended)} trials failed, more than stopping.max_failed_share="
            f"{self.max_failed_share:g} allows; {count} of them with {kind.value}: {message}\n"
            f"{traceback}".rstrip()
        )


@dataclass(frozen=True)
class Stopping:
    """The rules of a search; whichever comes first ends it.

    Attributes:
        num_trials: of `MaxTrials`; None for no such rule.
        time_limit_s: of `TimeLimit`; None for no such rule.
        max_failed_share: of `TooManyFailures`.
        rules: further ones.
    """

    num_trials: int | None = None
    time_limit_s: float | None = None
    max_failed_share: float = 0.5
    rules: tuple[StopRule, ...] = ()

    def __post_init__(self) -> None:
        _ = self.all_rules  # each refuses its settings

    @cached_property
    def all_rules(self) -> tuple[StopRule, ...]:
        """All rules in the order in which they are asked; failures come first."""
        own: list[StopRule] = [TooManyFailures(self.max_failed_share)]
        if self.num_trials is not None:
            own.append(MaxTrials(self.num_trials))
        if self.time_limit_s is not None:
            own.append(TimeLimit(self.time_limit_s))
        return (*own, *self.rules)

    def why_end(self, state: SearchState) -> str | None:
        """Return what the first rule says that ends the search; None while a trial may start.

        Raises:
            ExecutionError: a rule gives the search up.
        """
        said = (rule.why_end(state) for rule in self.all_rules)
        return next((why for why in said if why is not None), None)

    def why_end_all(self, state: SearchState) -> str | None:
        """Return why no trial may go on either; None while those that began may.

        The number of trials alone forbids new ones, and lets those at a rung go on.

        Raises:
            ExecutionError: a rule gives the search up.
        """
        said = (r.why_end(state) for r in self.all_rules if not isinstance(r, MaxTrials))
        return next((why for why in said if why is not None), None)

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the least that a rule expects to be left, or None while none expects anything."""
        said = (rule.remaining_s(state) for rule in self.all_rules)
        return min((found for found in said if found is not None), default=None)

    def cuts(self, state: SearchState) -> bool:
        """Say whether a rule of the user's, or a budget, leaves running trials as they are."""
        return any(rule.cuts(state) for rule in self.rules if isinstance(rule, Cuts))

    def within_s(self, state: SearchState) -> float | None:
        """Return the seconds in which a trial that starts now is to end; None for no such time."""
        told = (rule.within_s(state) for rule in self.rules if isinstance(rule, Bounds))
        return min((seconds for seconds in told if seconds is not None), default=None)

    def is_time_over(self, state: SearchState) -> bool:
        """Say whether the time alone ends the search: what else ends it may still be repaired."""
        if self.time_limit_s is None:
            return False
        return TimeLimit(self.time_limit_s).why_end(state) is not None
