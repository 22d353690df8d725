"""Where did the time of a search go, and how busy were its slots?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.evaluation.part_clock import PARTS
from nas.report.page_parts import Cell, PageTable, Row
from nas.report.values import counted, format_duration
from nas.trial import TrialRecord, trainings


@dataclass(frozen=True)
class TimeUse:
    """What the trials' time was made of.

    Attributes:
        parts_s: part -> seconds of all trials together, in the order of a trial; empty where no
            trial measured them.
        num_slots: trials that ran at once, at most.
        busy_share: of the time of these slots, from the first trial to the last, in which one ran.
    """

    parts_s: Mapping[str, float]
    num_slots: int
    busy_share: float

    def describe(self) -> str:
        """Return a sentence on the slots."""
        return (
            f"{counted(self.num_slots, 'slot')}, busy for {self.busy_share:.0%} of the time from "
            "the first trial to the last, pauses between commands included. What a trial waits "
            "for is the search itself: until a worker takes it, and until its result is taken."
        )

    def table(self) -> PageTable:
        """Return the parts with their shares."""
        total_s = sum(self.parts_s.values())
        rows = [
            Row(
                [
                    Cell(name),
                    Cell(format_duration(seconds), seconds, is_number=True),
                    Cell(f"{seconds / total_s:.1%}", seconds / total_s, is_number=True),
                ]
            )
            for name, seconds in self.parts_s.items()
        ]
        return PageTable(["part of the trials", "time", "share"], rows, "Where the time went")


def time_use(records: Sequence[TrialRecord]) -> TimeUse:
    """Return what the trials' time was made of."""
    ended = [r for r in trainings(records) if r.finished_s is not None and r.started_s > 0]
    totals = Counter[str]()
    for record in ended:
        totals.update(record.parts_s)
    ordered = [*PARTS, *sorted(set(totals) - set(PARTS))]
    parts_s = {name: totals[name] for name in ordered if totals[name] > 0}
    spans = [(r.started_s, r.finished_s) for r in ended if r.finished_s is not None]
    if not spans:
        return TimeUse(parts_s, 0, 0.0)
    num_slots = most_at_once(spans)
    wall_s = max(end for _, end in spans) - min(start for start, _ in spans)
    busy_s = sum(record.seconds for record in ended)
    share = min(1.0, busy_s / (wall_s * num_slots)) if wall_s > 0 else 1.0
    return TimeUse(parts_s, num_slots, share)


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """Return how many spans overlap, at most; one that begins as another ends does not.

    >>> most_at_once([(0, 2), (1, 3), (2, 4)])
    2
    """
    # At one moment ends come before beginnings.
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most
