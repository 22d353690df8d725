"""What does a search leave on the terminal? The front, the knee, its cost, its files."""

import shlex
from collections import Counter
from collections.abc import Sequence
from math import nan
from pathlib import Path

from rich.console import Console

from nas.cli.show import as_run
from nas.cli.terminal import terminal_width
from nas.engine.task import SearchSummary
from nas.objective import Constraint, Objective
from nas.record.references import REFERENCES_CSV, floors_of, read_references
from nas.record.run_folder import RunFolder
from nas.record.spent import read_spent
from nas.report.cost import search_cost
from nas.report.front import front_records
from nas.report.inheritance import inheritance_line
from nas.report.limits import limit_floors, limits_line
from nas.report.reference_points import references_line
from nas.report.tables import front_table, knee_sentence
from nas.report.trivial import trivial_line
from nas.report.values import counted, format_duration
from nas.trial import trainings


def print_ending(
    console: Console,
    summary: SearchSummary,
    *,
    folder: RunFolder,
    objectives: Sequence[Objective],
    limits: Sequence[Constraint] = (),
) -> None:
    """Print the front as a table, smallest first, and some lines about it."""
    references = read_references(folder.path / REFERENCES_CSV)
    floors = (*floors_of(references, objectives), *limit_floors(limits, objectives))
    front = front_records(summary.records, objectives)
    console.print()
    if front:
        width = terminal_width(console)
        console.print(front_table(summary.records, objectives, floors=floors, width=width))
    for line in (
        knee_sentence(summary.records, objectives, floors=floors),
        *_inheritance(summary),
        *filter(None, [limits_line(summary.records, front, limits), references_line(references)]),
        *filter(None, [trivial_line([r.metrics.get("accuracy", nan) for r in front], references)]),
        cost_sentence(summary),
        search_cost(summary.records, read_spent(folder.spent_jsonl)).describe(),
        *_why_ended(summary),
    ):
        # A terminal gets lines that end between words, a file gets whole ones.
        is_whole = not console.is_terminal
        console.print(line, markup=False, highlight=False, soft_wrap=is_whole)
    if front and console.is_terminal:  # where architectures are cut
        own = Path("runs") / folder.name
        named = shlex.quote(as_run(str(own if own.absolute() == folder.path else folder.path)))
        told = (
            f"In full: nas show {named} trial={front[0].number}   Which to take: nas pick {named}"
        )
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    made = ("report.html", "front.png", "front.csv", "trials.csv", "models")
    names = ", ".join(name for name in made if (folder.path / name).exists())
    files = f"Files: {folder.path}" + (f" ({names})" if names else "")
    console.print(files, markup=False, highlight=False, soft_wrap=True)


def _inheritance(summary: SearchSummary) -> list[str]:
    line = inheritance_line(summary.records, is_retrained=False)
    return [] if line is None else [line]


def _why_ended(summary: SearchSummary) -> list[str]:
    """Return which stop rule ended the search; nothing of what was told when it happened."""
    is_news = summary.why_ended and not summary.is_exhausted
    return [f"Ended: {summary.why_ended}."] if is_news else []


def cost_sentence(summary: SearchSummary) -> str:
    """Return what the search did, in one line: trials by state, proposals drawn again, time."""
    trained = trainings(summary.records)
    counts = Counter(record.state.value for record in trained)
    states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    redrawn = (
        f"; {counted(summary.num_redrawn, 'proposal')} drawn again" if summary.num_redrawn else ""
    )
    if summary.num_raised:
        redrawn += f"; build raised for {counted(summary.num_raised, 'architecture')}"
    spent = format_duration(summary.elapsed_s)
    num_variants = len(summary.records) - len(trained)
    variants = f" and {counted(num_variants, 'variant')}" if num_variants else ""
    told = f"{counted(len(trained), 'trial')} ({states or 'none'}){variants}{redrawn}."
    return f"{told} This command searched for {spent}."
