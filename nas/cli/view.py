"""How does a search look while it runs? A live picture on a terminal, lines elsewhere.

All three fulfil `nas.engine.view.View`. Lines are for people who read them later in a file:
number, state, values with units, seconds, and whether the trial is on the front.
"""

import time
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.cli.numbers import format_count
from nas.config.schema import Ui
from nas.engine.view import Progress, SearchPlan, View
from nas.metric import Direction
from nas.objective import Objective
from nas.report.values import (
    counted,
    format_duration,
    format_value,
    heading_of,
    objective_text,
)
from nas.trial import TrialRecord, TrialState

PROGRESS_EVERY_S = 60.0
_MAX_ROWS = 12  # of the live front: a terminal has about 24 lines
_MAX_FAILURE = 100  # characters of a failure on its line


def make_view(ui: Ui, console: Console) -> View:
    """Return the view that `ui` asks for; auto is live where the console is a terminal."""
    if ui is Ui.NONE:
        return SilentView(console)
    is_live = ui is Ui.AUTO and console.is_terminal and not console.is_dumb_terminal
    return LiveView(console) if is_live else PlainView(console)


class SilentView:
    """Shows nothing but what must be read."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self, plan: SearchPlan) -> None:
        """Show nothing."""

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Show nothing."""

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Show nothing."""

    def tick(self, progress: Progress) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Show nothing: it is in the log."""

    def close(self) -> None:
        """Have nothing to end."""


class PlainView:
    """One line for each trial, and one every minute that says how far the search is.

    Args:
        console: where to write.
        clock: seconds that never go back.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._plan: SearchPlan | None = None
        self._said_s = clock()

    def start(self, plan: SearchPlan) -> None:
        """Write what is about to be searched."""
        self._plan = plan
        self._said_s = self._clock()
        self._line(plan_line(plan))

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Write the trial's line."""
        assert self._plan is not None, "start comes first"
        self._line(trial_line(record, progress, self._plan.objectives))
        self.tick(progress)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Write what the trial has reached."""
        assert self._plan is not None, "start comes first"
        self._line(rung_line(record, self._plan.objectives))
        self.tick(progress)

    def tick(self, progress: Progress) -> None:
        """Write how far the search is, once a minute."""
        if self._clock() - self._said_s >= PROGRESS_EVERY_S:
            self._said_s = self._clock()
            self._line(progress_line(progress))

    def message(self, text: str) -> None:
        """Write the text."""
        self._line(text)

    def close(self) -> None:
        """Have nothing to end."""

    def _line(self, text: str) -> None:
        # No wrapping, colours or markup: in a file a line is a line.
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


class LiveView:
    """A picture that is redrawn in place: counts, times, a bar and the front.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._plan: SearchPlan | None = None

    def start(self, plan: SearchPlan) -> None:
        """Begin to draw below what is on the terminal."""
        self._plan = plan
        self._console.print(plan_line(plan), highlight=False, markup=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Draw anew; a failure gets a line that stays."""
        assert self._plan is not None, "start comes first"
        if record.state is TrialState.FAILED:
            self.message(trial_line(record, progress, self._plan.objectives))
        self.tick(progress)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Draw anew."""
        del record
        self.tick(progress)

    def tick(self, progress: Progress) -> None:
        """Draw anew."""
        if self._live is not None and self._plan is not None:
            self._live.update(picture(progress, self._plan.objectives), refresh=True)

    def message(self, text: str) -> None:
        """Write a line above the picture."""
        self._console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Remove the picture; the end of the command prints the front."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def plan_line(plan: SearchPlan) -> str:
    """Return one line: the run, its size, its objectives and where its files go."""
    goals = ", ".join(heading_of(objective.metric) for objective in plan.objectives)
    trials = "no limit of trials" if plan.num_trials is None else counted(plan.num_trials, "trial")
    earlier = f", {plan.num_resumed} of them done before" if plan.num_resumed else ""
    space = f"{format_count(plan.num_architectures)} architectures"
    return (
        f"{plan.name}: {trials}{earlier} of {space} for {goals}, "
        f"{plan.num_slots} at a time, in {plan.run_folder}"
    )


def trial_line(record: TrialRecord, progress: Progress, objectives: Sequence[Objective]) -> str:
    """Return a trial's line: number, state, values, seconds, and its place."""
    words = [f"trial {record.number:>4}  {record.state.value:<8}"]
    if record.failure is not None:
        reason = " ".join(record.failure.message.split())
        short = reason[: _MAX_FAILURE - 1] + "…" if len(reason) > _MAX_FAILURE else reason
        words.append(f"{record.failure.kind.value}: {short}")
    else:
        words.extend(objective_text(o, record.metrics.get(o.metric)) for o in objectives)
    words.append(format_duration(record.seconds))
    if record.parent is not None:
        words.append(record.origin.removesuffix(": "))
    if any(member.number == record.number for member in progress.front):
        words.append("on the front")
    return "  ".join(words)


def rung_line(record: TrialRecord, objectives: Sequence[Objective]) -> str:
    """Return a line of a trial that waits at a rung: number, share of the training, values."""
    rung = record.rungs[-1]
    words = [f"trial {record.number:>4}  {f'at {rung.budget:.3g}':<8}"]
    words.extend(objective_text(o, rung.metrics.get(o.metric)) for o in objectives)
    return "  ".join([*words, format_duration(rung.seconds)])


def progress_line(progress: Progress) -> str:
    """Return how far the search is, in one line."""
    total = "" if progress.num_trials is None else f" of {progress.num_trials}"
    words = [f"{progress.num_done}{total} trials", f"{progress.num_running} running"]
    if progress.num_paused:
        words.append(f"{progress.num_paused} waiting at a rung")
    if progress.num_failed:
        words.append(f"{progress.num_failed} failed")
    if progress.num_redrawn:
        words.append(f"{counted(progress.num_redrawn, 'proposal')} drawn again")
    words.append(f"front of {len(progress.front)}")
    words.append(format_duration(progress.elapsed_s))
    if progress.remaining_s is not None:
        words.append(f"about {format_duration(progress.remaining_s)} left")
    return ", ".join(words)


def picture(progress: Progress, objectives: Sequence[Objective]) -> RenderableType:
    """Return the live picture."""
    parts: list[RenderableType] = [Text(progress_line(progress))]
    if progress.num_trials is not None:
        done = min(progress.num_done, progress.num_trials)
        line = Table.grid()  # a bar alone does not end its line
        line.add_row(ProgressBar(total=progress.num_trials, completed=done, width=60))
        parts.append(line)
    if progress.front:
        parts.extend([Text(best_line(progress, objectives)), front_picture(progress, objectives)])
    return Group(*parts)


def best_line(progress: Progress, objectives: Sequence[Objective]) -> str:
    """Return the front member that is best in what is maximised, in words."""
    lead = next((o for o in objectives if o.direction is Direction.MAXIMIZE), objectives[0])
    best = min(progress.front, key=lambda record: lead.loss(record.metrics[lead.metric]))
    values = ", ".join(objective_text(o, best.metrics.get(o.metric)) for o in objectives)
    return f"best {heading_of(lead.metric)}: trial {best.number} with {values}"


def front_picture(progress: Progress, objectives: Sequence[Objective]) -> Table:
    """Return the front as a table that fits a terminal; of many members an even choice."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for objective in objectives:
        table.add_column(heading_of(objective.metric), justify="right", no_wrap=True)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("architecture", overflow="ellipsis", no_wrap=True, ratio=1)
    shown = evenly(progress.front, _MAX_ROWS)
    for record in shown:
        values = [format_value(o.metric, record.metrics.get(o.metric)) for o in objectives]
        table.add_row(*values, str(record.number), Text(record.describe()))
    if len(shown) < len(progress.front):
        table.caption = f"{len(shown)} of {len(progress.front)} members"
    return table


def evenly(records: Sequence[TrialRecord], limit: int) -> list[TrialRecord]:
    """Return at most `limit` records at even distances, the first and the last among them."""
    if len(records) <= limit:
        return list(records)
    step = (len(records) - 1) / (limit - 1)
    return [records[round(index * step)] for index in range(limit)]
