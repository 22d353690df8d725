"""How does a search look while it runs? A live picture on a terminal, lines elsewhere.

All three fulfil `nas.engine.view.View`. Lines are for people who read them later in a file:
number, state, values with units, seconds, and whether the trial is on the front.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

from nas.cli.cost_warnings import CostWarnings
from nas.cli.numbers import format_count
from nas.cli.picture import LivePicture, counts_line
from nas.cli.scatter import Axes, Point
from nas.cli.trial_rate import TrialRate
from nas.config.schema import Ui
from nas.engine.view import Progress, SearchPlan, View
from nas.objective import Objective
from nas.report.limits import limit_words
from nas.report.values import counted, format_duration, heading_of, objective_text
from nas.trial import TrialRecord, TrialState

PROGRESS_EVERY_S = 60.0
_DRAWING_SHARE = 0.05  # of the time of the search, which waits meanwhile
_MAX_POINTS = 2000  # of the scatter
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

    What costs money for nothing is told once a kind, behind such a line.

    Args:
        console: where to write.
        clock: seconds that never go back.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._plan: SearchPlan | None = None
        self._warnings: CostWarnings | None = None
        self._warned: set[str] = set()
        self._said_s = clock()

    def start(self, plan: SearchPlan) -> None:
        """Write what is about to be searched."""
        self._plan, self._warnings = plan, CostWarnings(plan)
        self._said_s = self._clock()
        self._line(plan_line(plan))

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Write the trial's line."""
        assert self._plan is not None, "start comes first"
        assert self._warnings is not None, "start comes first"
        self._warnings.finished(record)
        self._line(trial_line(record, progress, self._plan.objectives))
        self._say_progress(progress)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Write what the trial has reached."""
        assert self._plan is not None, "start comes first"
        self._line(rung_line(record, self._plan.objectives))
        self._say_progress(progress)

    def tick(self, progress: Progress) -> None:
        """Write how far the search is, once a minute."""
        assert self._warnings is not None, "start comes first"
        self._warnings.hear(progress)
        self._say_progress(progress)

    def _say_progress(self, progress: Progress) -> None:
        assert self._warnings is not None, "start comes first"
        if self._clock() - self._said_s >= PROGRESS_EVERY_S:
            self._said_s = self._clock()
            self._line(progress_line(progress))
            for kind, line in self._warnings.named_lines(progress):
                if kind not in self._warned:
                    self._line(f"warning: {line}")
                    self._warned.add(kind)

    def message(self, text: str) -> None:
        """Write the text."""
        self._line(text)

    def close(self) -> None:
        """Have nothing to end."""

    def _line(self, text: str) -> None:
        # No wrapping, colours or markup: in a file a line is a line.
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


class LiveView:
    """A picture that is redrawn in place: counts, pace, a bar, the front as table and scatter.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._plan: SearchPlan | None = None
        self._warnings: CostWarnings | None = None
        self._axes: Axes | None = None
        self._rate = TrialRate()
        self._due_s = 0.0
        self._beaten: deque[Point] = deque(maxlen=_MAX_POINTS)

    def start(self, plan: SearchPlan) -> None:
        """Begin to draw below what is on the terminal."""
        self._plan, self._warnings = plan, CostWarnings(plan)
        self._axes = Axes.of(plan.objectives)
        self._console.print(plan_line(plan), highlight=False, markup=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Remember where the trial stands; a failure gets a line that stays."""
        assert self._plan is not None, "start comes first"
        assert self._warnings is not None, "start comes first"
        self._warnings.finished(record)
        point = None if self._axes is None else self._axes.point(record)
        if point is not None:
            self._beaten.append(point)  # of one on the front, the front's mark lies above it
        if record.state is TrialState.FAILED:
            self.message(trial_line(record, progress, self._plan.objectives))

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Wait for the next tick, which comes once free slots have work again."""

    def tick(self, progress: Progress) -> None:
        """Draw anew, unless that would take a notable share of the time."""
        if self._live is None or self._plan is None or self._warnings is None:
            return
        self._rate.hear(progress)
        self._warnings.hear(progress)
        began_s = time.monotonic()
        if began_s < self._due_s:
            return
        drawn = LivePicture(
            progress,
            self._plan.objectives,
            rate=self._rate.words(progress),
            warnings=self._warnings.lines(progress),
            beaten=self._beaten,
        )
        self._live.update(drawn, refresh=True)
        now_s = time.monotonic()
        self._due_s = now_s + (now_s - began_s) / _DRAWING_SHARE

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
    names = [heading_of(objective.metric) for objective in plan.objectives]
    aim = f"the best {names[0]}" if plan.seeks_best else f"better {' and '.join(names)}"
    bounds = " and ".join(map(limit_words, (*plan.constraints, *plan.limits)))
    within = f" with {bounds}" * bool(bounds)
    trials = (
        "as many trials as there is time for"
        if plan.num_trials is None
        else counted(plan.num_trials, "trial")
    )
    earlier = f", {plan.num_resumed} of them done before" if plan.num_resumed else ""
    space = f"{format_count(plan.num_architectures)} architectures"
    return (
        f"{plan.name}: {trials}{earlier}, {plan.num_slots} at a time, out of {space}; "
        f"the aim is {aim}{within}; in {plan.run_folder}"
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
    words = [counts_line(progress)]
    words.append(f"front of {len(progress.front)}")
    words.append(format_duration(progress.elapsed_s))
    if progress.remaining_s is not None:
        words.append(f"about {format_duration(progress.remaining_s)} left for trials")
    return ", ".join(words)
