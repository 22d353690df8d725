"""What does a search leave on the terminal? The front, the knee, its cost, its files."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from nas.objective import Objective
from nas.record.run_folder import RunFolder
from nas.report.front import front_records
from nas.report.tables import front_table, knee_sentence
from nas.report.values import format_duration
from nas.search.loop import SearchSummary


def print_ending(
    console: Console,
    summary: SearchSummary,
    *,
    folder: RunFolder,
    objectives: Sequence[Objective],
) -> None:
    """Print the front as a table, smallest first, and three lines about it."""
    console.print()
    if front_records(summary.records, objectives):
        console.print(front_table(summary.records, objectives))
    for line in (
        knee_sentence(summary.records, objectives),
        cost_sentence(summary),
        f"Files: {folder.path} (report.html, front.png, front.csv, trials.csv, models)",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def cost_sentence(summary: SearchSummary) -> str:
    """Return what the search did, in one line: trials by state, proposals drawn again, time."""
    counts = Counter(record.state.value for record in summary.records)
    states = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    redrawn = f"; {summary.num_redrawn} proposals drawn again" if summary.num_redrawn else ""
    spent = format_duration(summary.elapsed_s)
    return f"{len(summary.records)} trials ({states or 'none'}){redrawn}; {spent}."
