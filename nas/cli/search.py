"""`nas search`: compose, check, build, search, print the front."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from nas.assemble.jobs import SearchJob, plan_jobs
from nas.cli.answer import answer, wants_json
from nas.cli.command_clock import CommandClock, began_s, trials_line
from nas.cli.commands import SEARCH
from nas.cli.flags import Flags, parse_flags
from nas.cli.terminal import make_console
from nas.config.compose import on_top
from nas.config.launch import open_launch_folder
from nas.config.recorded import read_source, write_config
from nas.config.schema import ExecutionKind, SearchConfig, Ui, constraints_of
from nas.config.show import show_config, show_info
from nas.config.source import ConfigSource
from nas.engine.interrupt import Interrupted, StopWords, say_when_stopped
from nas.errors import NasError
from nas.exit_status import ExitStatus
from nas.record.run_folder import RunFolder
from nas.secrets import masked

if TYPE_CHECKING:
    from nas.assemble.run_data import RunData
    from nas.assemble.search import AssembledSearch
    from nas.assemble.settle import SettledSearch
    from nas.engine.task import SearchSummary, SearchTask
    from nas.engine.view import View
    from nas.evaluation.evaluator import Evaluator
    from nas.execution.backend import Backend
    from nas.planning.command_time import TimeBudget
    from nas.record.lease import Lease

_LOG = logging.getLogger(__name__)

_OF_ONE_RUN = ("name", "run_folder", "resume")  # a repetition is a run of its own


def run(words: Sequence[str]) -> int:
    """Do what the command line asks for; of several searches the worst status counts."""
    flags = parse_flags(words, SEARCH)
    open_launch_folder()
    source = _source(flags)
    if flags.cfg or flags.info:
        _show(source, flags)
        return ExitStatus.DONE
    return _run_all(plan_jobs(source, is_multirun=flags.is_multirun, began_s=began_s()))


def _source(flags: Flags) -> ConfigSource:
    """Return what the command line begins with: files, or what a run was told."""
    if flags.config_path is None:
        return ConfigSource(flags.config_dir, flags.config_name, flags.overrides)
    told = read_source(RunFolder.open(flags.config_path))
    return on_top(told.without(_OF_ONE_RUN), flags.overrides)


def _show(source: ConfigSource, flags: Flags) -> None:
    if flags.cfg:
        show_config(source, what=flags.cfg, package=flags.package, is_resolved=flags.is_resolved)
    if flags.info:
        show_info(source, what=flags.info)


def _run_all(jobs: Sequence[SearchJob]) -> int:
    console = make_console()
    worst: int = ExitStatus.DONE
    for place, job in enumerate(jobs):
        begun = job if place == 0 else replace(job, started_s=time.monotonic())
        try:
            status = run_job(begun, console)
        except NasError as error:
            if len(jobs) == 1:
                raise
            text = masked(f"nas: {job.config.name}: {error}")
            console.print(text, markup=False, soft_wrap=True)
            status = ExitStatus.USERS_FAULT
        worst = max(worst, status)
        if status == ExitStatus.INTERRUPTED:
            break
    return worst


def run_job(job: SearchJob, console: Console, *, repeats: RunFolder | None = None) -> int:
    """Search once and return the exit status.

    The folder is held, and a refused command undone, by `nas.record.claim`.

    Args:
        job: what to search.
        console: where to tell of it.
        repeats: a run whose data these must be, as those of a run that goes on.
    """
    _say_begin(job, console)
    say_when_stopped(StopWords("no trial has ended yet; what was begun is taken back"))
    from nas.execution.ray_kept import one_local_ray

    clock = CommandClock(job.started_s)
    try:
        with one_local_ray() if job.config.finish else nullcontext():
            return _run_job(job, console, clock, repeats)
    except KeyboardInterrupt as signal:
        from nas.cli.interrupted import search_interrupted

        text = search_interrupted(Path(job.config.run_folder))
        raise Interrupted(text) from signal


def _run_job(
    job: SearchJob, console: Console, clock: CommandClock, repeats: RunFolder | None
) -> int:
    # Imported here: they bring torch and Optuna, which a faulty configuration never needs.
    from nas.assemble.devices import keep_devices
    from nas.assemble.run_data import study_notes
    from nas.assemble.settle import settle
    from nas.cli.log import logging_to
    from nas.cli.missing import resume_command
    from nas.cli.tracking import Tracks
    from nas.cli.view import make_view
    from nas.config.places import telling_where
    from nas.record.claim import claimed_run

    place, tracks = Path(job.config.run_folder), Tracks(job.config.tracking)
    before = RunFolder.open(place) if job.config.resume else repeats
    with telling_where(job.values) if before is not None else nullcontext():
        settled = settle(
            job.values, job.config, budget=_budget(job, clock, before), say=_sayer(job, console)
        )
    config, search = settled.config, settled.search
    data = _checked_data(search, config, before)
    with claimed_run(place, resume=config.resume) as claim:
        folder = claim.folder
        say_when_stopped(StopWords("all trials that ended stay", resume_command(folder)))
        write_config(folder, values=settled.values, source=job.source)
        keep_devices(search.devices, run_folder=folder.path)
        view = make_view(config.ui, console)
        following = tracks.following(folder, settled.values, view.message)
        with logging_to(folder.log_txt, view), following:
            _note_circumstances(folder, data, view, notes=_notes(job, settled))
            watching = tracks.watching(view, search.task.objectives)
            summary = _search(
                search,
                config,
                folder,
                watching,
                notes=study_notes(data.fingerprint),
                lease=claim.lease,
                clock=clock,
            )
            if not summary.is_interrupted:  # whoever presses Ctrl-C does not want to wait
                _write_reports(folder, summary, search)
            tracks.searched(folder)
    status = _end(console, summary, config=config, folder=folder, task=search.task)
    clock.wrote_reports()
    if config.finish and status == ExitStatus.DONE:
        status = _finish(replace(job, config=config), folder, clock, console)
    _say_time(console, settled, summary, clock)
    return _answered(status, folder, summary)


def _checked_data(
    search: "AssembledSearch", config: SearchConfig, before: RunFolder | None
) -> "RunData":
    """Return what is searched on, once all that the command needs is known to be there."""
    from nas.assemble.export_formats import check_files_after_search
    from nas.assemble.run_data import data_of

    if config.finish:
        check_files_after_search()
    return data_of(search, config, before=before)


def _budget(job: SearchJob, clock: CommandClock, before: RunFolder | None) -> "TimeBudget | None":
    """Return the budget of the command, now that its libraries are loaded; None without one."""
    from nas.assemble.budget import is_new_budget, time_budget

    clock.loaded()
    before = None if is_new_budget(job.source) else before
    return time_budget(job.config, began_s=clock.began_s, unit_s=clock.unit_s, before=before)


def _search(
    search: "AssembledSearch",
    config: SearchConfig,
    folder: RunFolder,
    view: "View",
    *,
    notes: Mapping[str, Any],
    lease: "Lease",
    clock: CommandClock,
) -> "SearchSummary":
    """Search, and note what it takes."""
    from nas.cli.spending import Spending
    from nas.engine.loop import run_search
    from nas.report.reports import write_tables

    def make_backend(evaluator: "Evaluator") -> "Backend":
        backend = search.make_backend(evaluator)
        clock.end("start")
        return backend

    objectives = search.task.objectives
    is_simulated = config.execution.kind is ExecutionKind.SIMULATED
    spending = Spending(folder, view, is_simulated=is_simulated)
    with spending.noting:
        summary = run_search(
            replace(search.task, notes=notes),
            run_folder=folder,
            make_backend=make_backend,
            view=spending,
            publish=lambda records: write_tables(folder, records, objectives),
            storage_url=config.storage.url,
            resume=config.resume,
            lease=lease,
        )
        spending.drawn_again(num_redrawn=summary.num_redrawn, num_known=summary.num_known)
    clock.end("trials")
    return summary


def _answered(status: int, folder: RunFolder, summary: "SearchSummary") -> int:
    """Give the run as a JSON document, where one is wanted; return the exit status."""
    if not wants_json():
        return status
    from nas.cli.run_document import run_content
    from nas.cli.run_view import RunView

    ended = {"ended": summary.why_ended, "is_interrupted": summary.is_interrupted}
    answer("run", {**run_content(RunView.open(str(folder.path))), **ended})
    return status


def _say_begin(job: SearchJob, console: Console) -> None:
    """Say on a terminal that something happens: what comes next takes some seconds."""
    if job.config.ui is not Ui.NONE and console.is_terminal:
        console.print(f"{job.config.name}: reading data, starting workers", markup=False)


def _sayer(job: SearchJob, console: Console) -> Callable[[str], None] | None:
    """Return what tells of something that takes seconds, before there is a view."""
    if job.config.ui is Ui.NONE:
        return None
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


def _finish(job: SearchJob, folder: RunFolder, clock: CommandClock, console: Console) -> int:
    """Finish the run with what is left of the budget."""
    from nas.assemble.budget import finish_words, is_new_budget
    from nas.cli import finish

    goes_on = job.config.resume and not is_new_budget(job.source)
    words = finish_words(job.config, folder.path, started_s=clock.began_s, goes_on=goes_on)
    try:
        return finish.run_timed(words, clock)
    except Interrupted as told:  # the search is whole, and answers
        console.print(str(told), markup=False, highlight=False, soft_wrap=True)
        return ExitStatus.INTERRUPTED


def _say_time(
    console: Console, settled: "SettledSearch", summary: "SearchSummary", clock: CommandClock
) -> None:
    """Say what became of the plan of a command that has a budget."""
    if settled.time is None or settled.config.ui is Ui.NONE:
        return
    lines = [clock.describe(settled.time.budget_s, settled.time)]
    if settled.plan is not None:
        lines.insert(0, trials_line(summary.records, settled.plan, num_before=summary.num_resumed))
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _input_shape(search: "AssembledSearch") -> Sequence[int]:
    """Return (C, H, W) of the data; empty where they are no images."""
    shape: Sequence[int] = getattr(getattr(search.data, "shape", None), "input_shape", ())
    return shape


def _notes(job: SearchJob, settled: "SettledSearch") -> list[str]:
    """Return what is to be told before the first trial."""
    from nas.assemble.devices import device_notes
    from nas.assemble.prior_notes import prior_notes

    search, limits = settled.search, constraints_of(settled.config.constraints)
    told = device_notes(search.devices, limits, input_shape=_input_shape(search))
    ignored = prior_notes(settled.config.sampler, search.task.space)
    return [*job.notes, *settled.lines, *told, *ignored]


def _note_circumstances(
    folder: RunFolder, data: "RunData", view: "View", *, notes: Sequence[str]
) -> None:
    """Write down the machine and the data that a search runs with."""
    from nas.cli.data_notes import note_data
    from nas.record.environment import collect_environment, write_environment

    write_environment(folder.environment_json, collect_environment())
    note_data(folder, data.content, data.fingerprint, say=view.message)
    for note in (*notes, *data.notes):
        _LOG.info("%s", note)
        view.message(note)


def _write_reports(folder: RunFolder, summary: "SearchSummary", search: "AssembledSearch") -> None:
    """Write tables, picture and page; the front of a table has its scores on the test split."""
    from nas.evaluation.tabular import with_scores
    from nas.report.front import front_records
    from nas.report.reports import write_reports

    objectives = search.task.objectives
    front = {record.number for record in front_records(summary.records, objectives)}
    scored = with_scores(summary.records, evaluator=search.task.evaluator, numbers=front)
    write_reports(folder, scored, objectives, limits=search.task.limits)


def _end(
    console: Console,
    summary: "SearchSummary",
    *,
    config: SearchConfig,
    folder: RunFolder,
    task: "SearchTask",
) -> int:
    """Say what came of a search, and return the exit status."""
    from nas.cli.interrupted import interrupted_text
    from nas.cli.missing import say_missing

    if config.ui is not Ui.NONE:
        from nas.cli.ending import print_ending

        print_ending(
            console, summary, folder=folder, objectives=task.objectives, limits=task.limits
        )
    if summary.is_interrupted:
        text = interrupted_text(folder, summary.records)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return ExitStatus.INTERRUPTED
    say_missing(console, folder, summary.without_weights)
    is_incomplete = bool(summary.without_weights) and config.train_again
    return ExitStatus.INCOMPLETE if is_incomplete else ExitStatus.DONE
