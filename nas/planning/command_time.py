"""How is the time of a command shared out: its start, trials, tables, retrainings, files?

What is no training takes about so many times as long as the command took to load its libraries:
both are work of one processor, on this machine, beside whatever else runs on it. The numbers come
from single commands on two cores at loads of 9 to 18. At a load of 3, in one command, the start
took 22 s where 15 were planned, and the files 18 where 26 were. On a machine that others kept
busy, files took 19 s where 72 were planned, so a long loading counts for less since then.
"""

from dataclasses import dataclass

from nas.planning.duration import duration_words

REPORTS = "tables and pictures"  # the part of a command in which a search writes them
# Times the loading of the libraries, in seconds.
_WORKERS = 2.0  # Ray, and the first worker's own loading
_REPORTS = 0.7  # tables, pictures and page of a search
_RESTART = 2.0  # reading the data again, and workers for the retrainings
_FILES = 4.0  # of the first network that is shipped: loading exporters, tables and page included
_MORE_FILES = 3.0  # of each further one
_CLOSING = 0.6  # ending workers and the process
# What the loading counts as, at least and at most, in seconds.
LEAST_UNIT_S, MOST_UNIT_S = 2.0, 7.0
# A disk that is read for the first time says nothing of the processor: of its seconds count ...
MOST_TIMES_BUSY = 2.0
_USUAL_NUM_WINNERS = 2  # for which files are planned, before they are known
_CAUTION = 2.5  # times what tables and pictures say: in two commands files took 1.6 and 3 times
_TOLD_EXCESS = 1.1  # times the budget, from which on it is told that the plan does not fit
_LEAST_SHARE = 0.15  # of the budget, that trainings get however short it is


def unit_of(loading_s: float, *, busy_s: float) -> float:
    """Return the seconds that stand for how quick this machine is now.

    Args:
        loading_s: wall time that the command took to load its libraries.
        busy_s: processor time of the same.

    >>> unit_of(5.0, busy_s=2.6), unit_of(30.0, busy_s=2.6), unit_of(0.1, busy_s=0.1)
    (5.0, 5.2, 2.0)
    """
    return min(MOST_UNIT_S, max(LEAST_UNIT_S, min(loading_s, MOST_TIMES_BUSY * busy_s)))


def unit_after_reports(unit_s: float, *, reports_s: float) -> float:
    """Return the unit, less where a search's tables and pictures took less than it had planned.

    Libraries that are loaded for the first time take long on any machine.

    >>> unit_after_reports(7.0, reports_s=0.5), unit_after_reports(3.0, reports_s=9.0)
    (2.0, 3.0)
    """
    return max(LEAST_UNIT_S, min(unit_s, _CAUTION * reports_s / (_REPORTS + _CLOSING)))


@dataclass(frozen=True)
class Retrainings:
    """When the retrainings of a `nas finish` must have ended.

    Attributes:
        ends_s: when the whole command is to end, by some clock.
        unit_s: see `unit_of`.
    """

    ends_s: float
    unit_s: float

    def spares_time(self, now_s: float, num_networks: int) -> bool:
        """Say whether there is time for more than making the files of so many networks."""
        needed = _CLOSING + _MORE_FILES * num_networks
        return self.ends_s - now_s > self.unit_s * needed

    def until_s(self, num_networks: int) -> float:
        """Return when they must have ended, by the same clock, so that their files fit.

        Args:
            num_networks: that are made into files; 0 for none.
        """
        return self.ends_s - self.unit_s * (_CLOSING + files_units(num_networks))


def files_units(num_networks: int) -> float:
    """Return how many times the loading the files of so many networks take."""
    return 0.0 if num_networks == 0 else _FILES + _MORE_FILES * (num_networks - 1)


@dataclass(frozen=True)
class CommandTime:
    """What a command with a budget plans to do with it; seconds of wall time.

    Attributes:
        budget_s: for the whole command.
        start_s: until the first trial begins.
        trials_s: of the search.
        reports_s: tables, pictures, page, and the end of the command.
        retraining_s: of the winners, their start included; 0 without `finish=true`.
        files_s: of the winners' files, likewise.
    """

    budget_s: float
    start_s: float
    trials_s: float
    reports_s: float
    retraining_s: float = 0.0
    files_s: float = 0.0

    @property
    def search_end_s(self) -> float:
        """When the trials are to have ended, in seconds from the beginning of the command."""
        return self.start_s + self.trials_s

    def parts(self) -> dict[str, float]:
        """Return what is planned, in order: words -> seconds."""
        told = {
            "start": self.start_s,
            "trials": self.trials_s,
            REPORTS: self.reports_s,
            "retraining winners": self.retraining_s,
            "making their files": self.files_s,
        }
        return {name: seconds for name, seconds in told.items() if seconds > 0}

    def describe(self) -> str:
        """Return the plan in one line."""
        told = (f"{name} {duration_words(seconds)}" for name, seconds in self.parts().items())
        words = f"{duration_words(self.budget_s)} in all: {', '.join(told)}"
        together_s = sum(self.parts().values())
        if together_s > _TOLD_EXCESS * self.budget_s:
            words += f" (together {duration_words(together_s)}: the budget is too short to keep)"
        return words


@dataclass(frozen=True)
class TimeBudget:
    """A budget, before it is shared out.

    Attributes:
        seconds: of wall time for the whole command.
        began_s: when the command began, by some clock.
        unit_s: see `unit_of`.
        finish_share: of the time for trainings, that the retraining of winners gets; None where
            nothing is retrained.
        has_workers: processes are started for trials.
        spent_s: what earlier commands spent on the same search.
        makes_files: of winners.
    """

    seconds: float
    began_s: float
    unit_s: float = LEAST_UNIT_S
    finish_share: float | None = None
    has_workers: bool = True
    spent_s: float = 0.0
    makes_files: bool = True

    def planned(self, now_s: float) -> CommandTime:
        """Return what is planned once the search is ready to begin.

        Args:
            now_s: by the clock of `began_s`.
        """
        start_s = now_s - self.began_s + (_WORKERS * self.unit_s if self.has_workers else 0.0)
        reports_s = self.unit_s * (_REPORTS + _CLOSING)
        finishes = self.finish_share is not None
        files_s = self.unit_s * files_units(_USUAL_NUM_WINNERS if finishes else 0)
        restart_s = self.unit_s * _RESTART if finishes else 0.0
        fixed_s = start_s + reports_s + files_s + restart_s
        free_s = max(_LEAST_SHARE * self.seconds, self.seconds - fixed_s)
        share = self.finish_share or 0.0
        return CommandTime(
            budget_s=self.seconds,
            start_s=start_s,
            trials_s=max(1.0, (1.0 - share) * free_s - self.spent_s),
            reports_s=reports_s,
            retraining_s=share * free_s + restart_s,
            files_s=files_s,
        )
