"""What does `nas finish` leave on the terminal? Its tables, what to know of them, its files."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nas.cli.show import as_run
from nas.exit_status import ExitStatus
from nas.record.run_folder import RunFolder

if TYPE_CHECKING:
    from nas.finish.task import FinishSummary


def end_finish(
    console: Console, summary: "FinishSummary", *, folder: RunFolder, command: str
) -> int:
    """Print what came of it, and return the exit status."""
    from nas.record.artefacts import drawbacks
    from nas.report.confirmation import (
        chance_line,
        confirmation_table,
        distillation_table,
        optimism_line,
    )
    from nas.report.shipped import FILES_LEGEND, artefact_table

    for lines in (
        confirmation_table(summary.rows),
        distillation_table(summary.rows, summary.taught),
        confirmation_table(summary.shrunk),
        artefact_table(summary.artefacts),
    ):
        if len(lines) > 1:
            _print_table(console, lines)
    told = [FILES_LEGEND] if summary.artefacts else []
    told += [optimism_line(summary.rows), *_inheritance(folder)] if summary.rows else []
    for line in (*told, *drawbacks(summary.artefacts, with_folders=True)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    ranking = None if summary.ranking is None else summary.ranking.describe()
    told = [text for text in (_trivial(summary), chance_line(summary.rows), ranking) if text]
    for text in (*told, *_use_lines(folder, summary), _files_line(folder, summary)):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if summary.is_interrupted:
        console.print(interrupted_finish(command), markup=False, highlight=False, soft_wrap=True)
        return ExitStatus.INTERRUPTED
    for name, failure in summary.failures:
        console.print(f"{name} failed ({failure.kind}): {failure.message}", markup=False)
    is_incomplete = bool(summary.failures) and not summary.rows
    return ExitStatus.INCOMPLETE if is_incomplete else ExitStatus.DONE


def interrupted_finish(command: str) -> str:
    """Return how to go on."""
    return f"interrupted; all that is done stays. Go on with:\n  {command}"


def _inheritance(folder: RunFolder) -> list[str]:
    """Return what to know where trials of the search started from others."""
    from nas.report.inheritance import inheritance_line
    from nas.study.journal import load_records

    line = inheritance_line(load_records(folder.study_journal), is_retrained=True)
    return [] if line is None else [line]


def _trivial(summary: "FinishSummary") -> str:
    """Return a warning where no winner is better than a trivial model."""
    from nas.report.trivial import trivial_line

    winners = [row for row in summary.rows if not row.is_baseline and row.metric == "accuracy"]
    return trivial_line([row.test_mean for row in winners], summary.trivial)


def _use_lines(folder: RunFolder, summary: "FinishSummary") -> list[str]:
    """Return how to use the best of the networks, where there are files of it."""
    from nas.cli.finished_trial import use_command
    from nas.objective import objective_for

    winners = [row for row in summary.rows if not row.is_baseline]
    made = {Path(file.file).parent for file in summary.artefacts if not file.refused}
    usable = [
        (row, program)
        for row in winners
        if Path(str(row.trial)) in made
        and (program := folder.finish_dir / str(row.trial) / "predict.py").is_file()
    ]
    if not usable:
        return []
    best, program = min(usable, key=lambda p: objective_for(p[0].metric).loss(p[0].test_mean))
    told = f"Use {best.name}: {use_command(program.parent)}"
    others = len(winners) > 1
    return [told + f"   Which to take: nas pick {shlex.quote(as_run(str(folder.path)))}" * others]


def _files_line(folder: RunFolder, summary: "FinishSummary") -> str:
    made = _made(summary)
    return f"Files: {folder.finish_dir}" + (f" ({', '.join(made)})" if made else "")


def _made(summary: "FinishSummary") -> list[str]:
    """Return the names of what the command left."""
    tables = {
        "winners.csv": summary.rows,
        "finish.png": summary.rows,
        "distilled.csv": summary.taught,
        "compressed.csv": summary.shrunk,
        "artefacts.csv": summary.artefacts,
        "files.png": summary.artefacts,
        "a folder for each network": summary.artefacts,
    }
    return [name for name, rows in tables.items() if rows]


def _print_table(console: Console, lines: Sequence[Sequence[str]]) -> None:
    """Print a table at its full width: a narrow terminal wraps lines, not cells."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for index, line in enumerate(lines):
        cells = [f"{text:>{width}}" for text, width in zip(line, widths, strict=True)]
        cells[0] = f"{line[0]:<{widths[0]}}"
        style = "bold" if index == 0 else None
        console.print("  ".join(cells), style=style, markup=False, highlight=False, soft_wrap=True)
    console.print()
