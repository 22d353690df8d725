"""`nas show`: a run, or one of its trials in full. It reads the run folder and writes nothing."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nas.cli.answer import answer, wants_json
from nas.cli.command_of_choosing import SHOW
from nas.cli.flags import parse_settings
from nas.cli.terminal import make_console, terminal_width
from nas.exit_status import ExitStatus

if TYPE_CHECKING:
    from nas.cli.run_view import RunView
    from nas.report.neighbours import Neighbour
    from nas.trial import TrialRecord


def run(words: Sequence[str]) -> int:
    """Show one run, or one trial of it."""
    settings = parse_settings(words, SHOW)
    from nas.cli.run_document import run_content, trial_content
    from nas.cli.run_view import RunView
    from nas.cli.runs_in import runs_in

    console = make_console()
    if "trial" not in settings and (found := runs_in(Path(settings["run"]))):
        return _show_runs(console, found, place=settings["run"])
    view = RunView.open(settings["run"])
    if "trial" not in settings:
        if wants_json():
            answer("run", run_content(view))
        _print_run(console, view, named=settings["run"])
        return ExitStatus.DONE
    record = view.trial(settings["trial"])
    if wants_json():
        answer("trial", trial_content(view, record))
    lines = [_title(view, record), "", *trial_lines(view, record)]
    say(console, [*lines, "", *_next_of(view, record, named=settings["run"])])
    return ExitStatus.DONE


def _show_runs(console: Console, found: Sequence[Path], *, place: str) -> int:
    """List the runs of a folder."""
    from nas.cli.runs_in import run_lines, run_row
    from nas.report.values import counted

    rows = [run_row(path) for path in found]
    if wants_json():
        answer("runs", {"path": str(Path(place).absolute()), "runs": rows})
    newest = shlex.join(["nas", "show", str(Path(place) / found[0].name)])
    told = f"{counted(len(rows), 'run')} in {place}, the newest first"
    say(console, [told, *run_lines(rows), "", f"One of them:   {newest}"])
    return ExitStatus.DONE


def say(console: Console, lines: Sequence[str]) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def finish_command(named: str, number: int) -> str:
    """Return the command that finishes a trial of a run."""
    return shlex.join(["nas", "finish", as_run(named), f"pick=[{number}]"])


def as_run(named: str) -> str:
    """Return a run as the first word of a command; a name with `=` would be read as a setting."""
    return f"run={named}" if "=" in named else named


def trial_lines(view: "RunView", record: "TrialRecord") -> list[str]:
    """Return what is known of a trial: its numbers, its whole architecture, its neighbours."""
    from nas.report.neighbours import neighbours_of
    from nas.report.tables import metric_columns
    from nas.report.values import format_duration, format_value, label_of

    names = [name for name in metric_columns([record], view.objectives) if name in record.metrics]
    rows = [(label_of(name), format_value(name, record.metrics[name])) for name in names]
    if record.seconds:
        rows.append(("time of the trial", format_duration(record.seconds)))
    if record.budget < 1 or record.rungs:
        rows.append(("share of a full training", f"{record.budget:.3g}"))
    lines = [*_columns(rows), "", *_columns(_architecture_rows(record))]
    if record in view.front:
        beside = neighbours_of(record, view.front, view.objectives)
        heading = "Beside it on the front, by what the search measured"
        lines += ["", heading, *neighbour_lines(view, record, beside)]
    return lines


def neighbour_lines(
    view: "RunView", record: "TrialRecord", neighbours: Sequence["Neighbour"]
) -> list[str]:
    """Return a line for the trial and one for each neighbour, smallest first."""
    from nas.report.front import leading_objective
    from nas.report.values import format_value

    names = [objective.metric for objective in view.objectives]
    size = leading_objective(view.objectives).metric
    ordered = sorted(
        [(record, "this one"), *((n.record, n.told) for n in neighbours)],
        key=lambda pair: pair[0].metrics[size],
    )
    rows = [
        (f"trial {r.number}", *(format_value(n, r.metrics.get(n)) for n in names), told)
        for r, told in ordered
    ]
    if not neighbours:
        return ["  it is the only member"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[:-1], widths, strict=False))
        + f"  {row[-1]}"
        for row in rows
    ]  # fmt: skip


def _print_run(console: Console, view: "RunView", *, named: str) -> None:
    from nas.report.tables import front_table, knee_sentence

    say(console, [_states(view)])
    if view.front:
        width = terminal_width(console)
        records, objectives = view.records, view.objectives
        console.print(front_table(records, objectives, floors=view.floors, width=width))
    say(
        console,
        list(_about(view, knee_sentence(view.records, view.objectives, floors=view.floors))),
    )
    if view.front:
        number = (view.knee or view.front[-1]).number
        trial = shlex.join(["nas", "show", named, f"trial={number}"])
        pick = shlex.join(["nas", "pick", named])
        say(console, ["", "One in full:   " + trial, "Which to take: " + pick])


def _states(view: "RunView") -> str:
    from nas.report.values import counted
    from nas.trial import trainings

    trained = trainings(view.records)
    counts = Counter(view.state_of(record) for record in trained)
    states = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    variants = len(view.records) - len(trained)
    more = f" and {counted(variants, 'variant')}" if variants else ""
    told = f" ({states})" if states else ""
    return f"{view.folder.name}: {counted(len(trained), 'trial')}{told}{more}"


def _about(view: "RunView", knee: str) -> Iterator[str]:
    from nas.report.limits import limits_line
    from nas.report.reference_points import references_line

    yield knee
    yield from filter(None, [limits_line(view.records, view.front, view.limits)])
    yield from filter(None, [references_line(view.references)])
    winners = view.folder.finish_dir / "winners.csv"
    if winners.is_file():
        yield from _finished(view)


def _finished(view: "RunView") -> Iterator[str]:
    from nas.cli.finished_trial import finished_trial
    from nas.record.winners import read_winners
    from nas.report.values import format_value

    known = {record.number: record for record in view.records}
    yield "Finished by nas finish:"
    for row in read_winners(view.folder.finish_dir / "winners.csv"):
        size = format_value("size_bytes", row.size_bytes)
        found = finished_trial(view.folder, known[row.trial]) if row.trial in known else None
        value = format_value(row.metric, row.test_mean)
        told = f"{value} on the test split" if found is None else found.tested
        files = f", files in {found.folder}" if found is not None and found.folder else ""
        yield f"  {row.name}: {told}, {size}{files}"


def _title(view: "RunView", record: "TrialRecord") -> str:
    place = ""
    if record in view.front:
        rank = view.front.index(record) + 1
        place = f", on the front ({rank} of {len(view.front)}, smallest first)"
        place += ", the knee" if record is view.knee and len(view.front) > 1 else ""
    origin = record.origin.removesuffix(": ")
    made = f", {origin}" if origin else ""
    why = ""
    if record.failure is not None:
        why = f": {record.failure.kind.value}: {' '.join(record.failure.message.split())}"
    return (
        f"Trial {record.number} of {view.folder.name}{made}: {view.state_of(record)}{place}{why}"
    )


def _next_of(view: "RunView", record: "TrialRecord", *, named: str) -> Iterator[str]:
    from nas.cli.finished_trial import finished_lines
    from nas.trial import TrialState

    weights = view.weights_of(record)
    if weights is not None:
        yield f"Weights:    {weights}"
    if lines := finished_lines(view.folder, record):
        yield from lines
    elif record.state is TrialState.COMPLETE and record.budget >= 1.0 and view.has_networks:
        yield f"Finish it:  {finish_command(named, record.number)}"


def _architecture_rows(record: "TrialRecord") -> list[tuple[str, str]]:
    words = (word.partition("=") for word in record.architecture.words())
    return [(name, value.replace("·", " ")) for name, _, value in words]


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name:<{width}}  {value}" for name, value in rows]
