"""`nas reproduce`: repeat a run from its folder, and say where the repetition differs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nas.cli.commands import REPRODUCE
from nas.cli.flags import parse_settings
from nas.cli.terminal import make_console
from nas.config.launch import open_launch_folder

if TYPE_CHECKING:
    from nas.record.run_folder import RunFolder


def run(words: Sequence[str]) -> int:
    """Repeat one run."""
    moved = [word for word in words if word.startswith(("data.", "table."))]
    own = [word for word in words if word not in moved]
    settings = parse_settings(own, REPRODUCE)
    open_launch_folder()
    from nas.assemble.jobs import plan_jobs, refuse_changed
    from nas.cli.search import run_job
    from nas.config.recorded import read_source
    from nas.record.changes import changed_environment
    from nas.record.environment import collect_environment, read_environment
    from nas.record.run_folder import RunFolder

    console = make_console()
    before = RunFolder.open(Path(settings["run"]))
    into = Path(settings.get("into", f"{before.path}-again"))
    source = read_source(before)
    again = (f"name='{into.name}'", f"run_folder='{into}'")
    (job,) = plan_jobs(replace(source, overrides=(*source.overrides, *moved, *again)))
    if moved:
        refuse_changed(before, job.values)
    changes = changed_environment(read_environment(before.environment_json), collect_environment())
    _say(console, "The environment is the same." if not changes else "What differs from the run:")
    for line in changes:
        _say(console, f"  {line}")
    status = run_job(job, console, repeats=before)
    for line in _compare(before, RunFolder.open(into)):
        _say(console, line)
    return status


def _compare(before: "RunFolder", again: "RunFolder") -> list[str]:
    """Return what to know of a run and its repetition: equal proposals, equal results."""
    from nas.config.recorded import recorded_objectives
    from nas.objective import losses
    from nas.study.journal import load_records
    from nas.trial import trainings

    objectives = recorded_objectives(before)
    both = [trainings(load_records(folder.study_journal)) for folder in (before, again)]
    pairs = list(zip(*both, strict=False))
    same = [one.architecture == other.architecture for one, other in pairs]
    first = same.index(False) if False in same else len(same)
    equal = sum(
        losses(objectives, one.metrics) == losses(objectives, other.metrics)
        for one, other in pairs[:first]
    )
    lines = [f"{sum(same)} of {len(pairs)} proposals are the same"]
    if first < len(pairs):
        lines[0] += f"; the first that differs is trial {first}"
    lines.append(f"{equal} of the first {first} have exactly the same objectives")
    return lines


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
