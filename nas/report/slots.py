"""Which slot ran which trial when? The timeline of a search, as the page draws it."""

import heapq
from collections.abc import Sequence
from typing import Any

from nas.report.page_parts import Section
from nas.trial import TrialRecord, trainings

MOST_SHOWN = 20_000  # trials in the picture: the last ones


def timeline(records: Sequence[TrialRecord]) -> dict[str, Any]:
    """Return for each training that ended its slot, beginning and end in seconds, and its state.

    A slot is free again when its trial ends; a trial takes the free slot of the lowest number.
    Nothing is returned where the times are not known.
    """
    known = [r for r in trainings(records) if r.finished_s is not None and r.started_s > 0]
    ended = sorted(known, key=lambda r: (r.started_s, r.number))[-MOST_SHOWN:]
    begin = min((r.started_s for r in ended), default=0.0)
    slots = _slots([(r.started_s, r.finished_s or r.started_s) for r in ended])
    return {
        "number": [r.number for r in ended],
        "slot": slots,
        "start": [round(r.started_s - begin, 2) for r in ended],
        "end": [round((r.finished_s or begin) - begin, 2) for r in ended],
        "state": [r.state.value for r in ended],
    }


def slots_section(records: Sequence[TrialRecord]) -> Section | None:
    """Return the picture; None where no trial's times are known."""
    if not timeline(records)["slot"]:
        return None
    return Section("slots_chart.html", "Timeline of the slots")


def _slots(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return the slot of each span; they are in the order of their beginnings.

    >>> _slots([(0, 3), (1, 2), (2, 4), (3, 5)])
    [1, 2, 2, 1]
    """
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    found = []
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        slot = heapq.heappop(free) if free else len(busy) + 1
        heapq.heappush(busy, (end, slot))
        found.append(slot)
    return found
