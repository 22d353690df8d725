"""What does the live view of a search draw? Counts, pace, the front as a table and as a scatter.

It fits the terminal: values are never cut, the architecture takes what is left of a line, and the
scatter takes what is left of the height.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.cli.scatter import Axes, Point, scatter_lines
from nas.engine.view import Progress
from nas.metric import Direction
from nas.objective import Objective
from nas.report.tables import shorten_groups, split_shared
from nas.report.values import counted, format_duration, format_value, heading_of, objective_text
from nas.trial import TrialRecord

_MIN_ROWS, _MAX_ROWS = 5, 24  # of the table
_BESIDE = 110  # from this width on, the scatter stands beside the table
_SCATTER = 9  # lines that the table leaves for the scatter below it
_GAP = "  "


@dataclass(frozen=True)
class LivePicture:
    """Draws itself in whatever room the terminal has.

    Attributes:
        progress: how the search stands.
        objectives: what it makes better.
        rate: trials per time, in words; empty while that is not known.
        warnings: what costs money for nothing.
        beaten: where trials stand that are not on the front.
    """

    progress: Progress
    objectives: Sequence[Objective]
    rate: str = ""
    warnings: Sequence[str] = ()
    beaten: Sequence[Point] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw from the top: what matters first, and no more lines than there are."""
        width = options.max_width
        head = [Text(line) for line in self._head()]
        warnings = [Text(f"! {line}", style="yellow") for line in self.warnings]
        for line in (*head, *warnings):
            line.truncate(width, overflow="ellipsis")
            yield line
        num_lines = len(head) + len(warnings)
        share = _done_share(self.progress)
        if share is not None:
            bar = Table.grid()  # a bar alone does not end its line
            bar.add_row(ProgressBar(total=1.0, completed=share, width=min(width, _BESIDE)))
            yield bar
            num_lines += 1
        # One line less than the terminal has: the cursor stands in the last one.
        yield from self._front(width, (options.height or console.height) - 1 - num_lines)

    def _head(self) -> list[str]:
        now = self.progress
        lines = [counts_line(now, again="drawn again"), pace_line(now, self.rate)]
        return [*lines, best_line(now, self.objectives)] if now.front else lines

    def _front(self, width: int, height: int) -> RenderResult:
        front = self.progress.front
        if not front:
            return
        axes = Axes.of(self.objectives)
        if axes is None or width < _BESIDE:
            # The table has what the scatter leaves, and the scatter what a short table leaves.
            num_rows = max(_MIN_ROWS, min(len(front), _MAX_ROWS, height - 2 - _SCATTER))
            table = front_lines(front, self.objectives, width=width, num_rows=num_rows)
            yield from table[:height]
            if axes is not None:
                yield from self._scatter(axes, width, height - len(table))
            return
        picture = self._scatter(axes, width * 2 // 5, height)
        room = width - width * 2 // 5 - 4 if picture else width
        num_rows = min(_MAX_ROWS, height - 3)
        both = Table.grid(padding=(0, 3, 0, 0))
        table = front_lines(front, self.objectives, width=room, num_rows=num_rows)
        both.add_row(Text("\n").join(table), Text("\n").join(picture))
        yield both

    def _scatter(self, axes: Axes, width: int, height: int) -> list[Text]:
        members = filter(None, map(axes.point, self.progress.front))
        lines = scatter_lines(list(members), self.beaten, axes=axes, width=width, height=height)
        return [Text(line, no_wrap=True) for line in lines]


def counts_line(progress: Progress, *, again: str = "proposals drawn again") -> str:
    """Return how many trials there are in each state, and how many proposals were drawn again."""
    total = "" if progress.num_trials is None else f" of {progress.num_trials}"
    words = [f"{progress.num_done}{total} trials", f"{progress.num_running} running"]
    if progress.num_paused:
        words.append(f"{progress.num_paused} waiting at a rung")
    if progress.num_failed:
        words.append(f"{progress.num_failed} failed")
    if progress.num_redrawn:
        words.append(f"{progress.num_redrawn} {again}")
    return ", ".join(words)


def pace_line(progress: Progress, rate: str) -> str:
    """Return how fast it goes: slots, rate, time so far and to the end."""
    busy = min(progress.num_running, progress.num_slots)
    words = [f"{busy} of {counted(progress.num_slots, 'slot')} busy", rate]
    words.append(format_duration(progress.elapsed_s))
    if progress.remaining_s is not None:
        words.append(f"about {format_duration(progress.remaining_s)} left for trials")
    return ", ".join(filter(None, words))


def best_line(progress: Progress, objectives: Sequence[Objective]) -> str:
    """Return the front member that is best in what is maximised, in words."""
    lead = next((o for o in objectives if o.direction is Direction.MAXIMIZE), objectives[0])
    best = min(progress.front, key=lambda record: lead.loss(record.metrics[lead.metric]))
    values = ", ".join(objective_text(o, best.metrics.get(o.metric)) for o in objectives)
    return f"best {heading_of(lead.metric)}: trial {best.number} with {values}"


def front_lines(
    front: Sequence[TrialRecord], objectives: Sequence[Objective], *, width: int, num_rows: int
) -> list[Text]:
    """Return the front as lines; of many members an even choice, and how many there are.

    Args:
        front: smallest first; not empty.
        objectives: a column each, before the trial's number; none is ever cut.
        width: characters of a line; the architecture has what the columns leave.
        num_rows: members shown at most; 2 or more.
    """
    shown = evenly(front, num_rows)
    # What all members share would fill the line of each.
    _, own = split_shared([record.architecture for record in shown])
    heads = [*(heading_of(objective.metric) for objective in objectives), "trial"]
    rows = [
        [*(format_value(o.metric, r.metrics.get(o.metric)) for o in objectives), str(r.number)]
        for r in shown
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    words = [record.origin + shorten_groups(w) for record, w in zip(shown, own, strict=True)]
    lines = []
    for index, cells in enumerate([heads, *rows]):
        values = _GAP.join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
        last = "architecture" if index == 0 else words[index - 1]
        line = Text(f"{values}{_GAP}{last}", style="bold" if index == 0 else "")
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    if len(shown) < len(front):
        lines.append(Text(f"{len(shown)} of {len(front)} members", style="italic"))
    return lines


def evenly(records: Sequence[TrialRecord], limit: int) -> list[TrialRecord]:
    """Return at most `limit` records at even distances, the first and the last among them."""
    if len(records) <= limit:
        return list(records)
    step = (len(records) - 1) / (limit - 1)
    return [records[round(index * step)] for index in range(limit)]


def _done_share(progress: Progress) -> float | None:
    """Return how much of the search is done, 0 to 1; None where nobody knows."""
    if progress.num_trials is not None:
        return min(1.0, progress.num_done / max(1, progress.num_trials))
    if progress.remaining_s is None:
        return None
    return progress.elapsed_s / max(1e-9, progress.elapsed_s + progress.remaining_s)
