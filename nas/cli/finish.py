"""`nas finish`: confirm the winners of a run, and make them into files."""

import math
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nas.cli.answer import answer, wants_json
from nas.cli.command_clock import CommandClock, began_s
from nas.cli.finish_ending import end_finish, interrupted_finish
from nas.cli.terminal import make_console
from nas.config.launch import open_launch_folder
from nas.config.schema import ExecutionKind, Ui
from nas.config.trust import with_trust
from nas.engine.interrupt import (
    Interrupted,
    InterruptWatch,
    StopWords,
    say_when_stopped,
    waits_for_trainings,
)
from nas.record.run_folder import RunFolder

if TYPE_CHECKING:
    from nas.assemble.finish import AssembledFinish
    from nas.config.finishing import FinishConfig
    from nas.finish.ledger import LedgerEntry
    from nas.finish.length import CurvePoint, Gain, Lengths
    from nas.finish.retrain import Crew, Retraining
    from nas.finish.task import FinishSummary
    from nas.planning.command_time import Retrainings
    from nas.record.winners import WinnerRow

_RETRAINING = "retraining winners"  # a part of the command's time


def run(words: Sequence[str]) -> int:
    """Finish one run."""
    return run_timed(words, None)


def run_timed(words: Sequence[str], clock: CommandClock | None) -> int:
    """Finish one run, and measure the time that its parts take.

    Args:
        words: of the command line.
        clock: of the search in the same command, if there was one.
    """
    own = CommandClock(began_s()) if clock is None else clock
    begun_s = own.began_s if clock is None else time.monotonic()
    open_launch_folder()
    from nas.config.finishing import check_finish

    config = check_finish(words)
    _refuse_soon(config)
    from nas.assemble.finish import build_finish  # brings torch, which a refused line never needs
    from nas.cli.tracking import Tracks
    from nas.config.recorded import read_mapping

    own.loaded()
    console = make_console(is_quiet=config.ui is Ui.NONE)
    tracks = Tracks(config.tracking)
    command = shlex.join(with_trust(["nas", "finish", *words]))
    say_when_stopped(StopWords("all that is done stays", command))
    try:
        finish = build_finish(config, words=with_trust(words))
        _say_missing(console, finish)
        values = read_mapping(finish.folder.config_yaml)
        with tracks.following(finish.folder, values, console.print):
            summary = _finish(finish, config, console, clock=own, begun_s=begun_s)
            tracks.finished(finish.folder)
    except KeyboardInterrupt as signal:  # but for retrainings nobody watches for signals
        raise Interrupted(interrupted_finish(command)) from signal
    status = end_finish(console, summary, folder=finish.folder, command=command)
    if clock is None:  # else the search answers
        _answer(finish.folder, summary)
    _say_cost(console, finish.folder, grid_g_per_kwh=config.grid_g_per_kwh)
    if clock is None and config.budget is not None:  # else the search tells it
        console.print(own.describe(config.budget), markup=False, highlight=False, soft_wrap=True)
    return status


def _refuse_soon(config: "FinishConfig") -> None:
    """Refuse what can be judged before torch is loaded: no run, and a training that cannot be."""
    from nas.assemble.check import check_training
    from nas.config.recorded import read_mapping

    folder = RunFolder.open(Path(config.run))
    if config.training and folder.config_yaml.is_file():
        recorded = read_mapping(folder.config_yaml).get("training")
        if isinstance(recorded, dict):
            check_training(recorded, config.training)


def _finish(
    finish: "AssembledFinish",
    config: "FinishConfig",
    console: Console,
    *,
    clock: CommandClock,
    begun_s: float,
) -> "FinishSummary":
    """Hold the `finish` folder of the run, and fill it."""
    from nas.assemble.run_data import keep_fingerprint
    from nas.cli.log import logging_to
    from nas.cli.view import make_view
    from nas.execution.ray_kept import one_local_ray
    from nas.record.artefacts import read_artefacts
    from nas.record.claim import claimed_finish
    from nas.report.confirmation import write_finish_png
    from nas.report.mistakes import write_mistake_pictures
    from nas.report.shipped import write_files_png

    name, place = finish.folder.name, finish.folder.finish_dir
    view = make_view(Ui.NONE if config.ui is Ui.NONE else Ui.PLAIN, console)
    with claimed_finish(place) as lease, logging_to(place / "log.txt", view):
        if finish.note is not None:
            view.message(finish.note)
            keep_fingerprint(finish.folder, finish.fingerprint)
        if (changed := finish.words_on_choice()) is not None:
            view.message(changed)
        crew = _crew(finish, console, config)
        if not clock.took_s:  # a command of its own, which no search began
            clock.end("start")
        retrainings = _retrainings(config, clock, begun_s=begun_s)

        def publish(rows: "Sequence[WinnerRow]") -> None:
            clock.end(_RETRAINING)
            write_finish_png(rows, name=name, path=place / "finish.png")

        with one_local_ray():
            summary = finish.run(
                crew=replace(crew, retrainings=retrainings), publish=publish, lease=lease
            )
        if not summary.is_interrupted:  # whoever presses Ctrl-C does not want to wait
            table = place / "artefacts.csv"
            files = read_artefacts(table) if table.is_file() else []
            write_files_png(files, name=name, path=place / "files.png")
            write_mistake_pictures(place)
            finish.write_page()
    trains_more = bool(summary.taught or summary.shrunk)
    last = "further trainings and files" if trains_more else "making their files"
    clock.end(last if _RETRAINING in clock.took_s else _RETRAINING)  # which a signal may end
    return summary


def _retrainings(
    config: "FinishConfig", clock: CommandClock, *, begun_s: float
) -> "Retrainings | None":
    """Return when retrainings must have ended; None without a budget."""
    from nas.planning.command_time import Retrainings
    from nas.running_clock import running_s

    if config.budget is None:
        return None
    left_s = begun_s + config.budget - time.monotonic()
    return Retrainings(running_s() + left_s, clock.unit_s)


def _crew(finish: "AssembledFinish", console: Console, config: "FinishConfig") -> "Crew":
    """Return the workers of a finish, and what tells of each training on the console."""
    from nas.finish.retrain import Crew

    metric = finish.task.winner_metric.metric
    is_concurrent = config.execution.kind is not ExecutionKind.INLINE

    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    return Crew(
        make_backend=finish.make_backend,
        watch=partial(InterruptWatch, waits_for_trainings(is_concurrent=is_concurrent)),
        on_entry=lambda *told: _say_entry(console, metric, *told),
        time_limit_s=config.trial_time_limit_s,
        on_length=lambda *told: _say_length(console, *told),
        on_settled=lambda *told: tell(_settled_words(*told)),
        tell=tell,
    )


def _say_missing(console: Console, finish: "AssembledFinish") -> None:
    """Name members of the front whose weights the search lost; these files do not need them."""
    from nas.cli.missing import say_missing, without_weights

    task = finish.task
    numbers = without_weights(finish.folder, task.records, task.objectives)
    why = " nas finish goes on: it trains its winners itself."
    say_missing(console, finish.folder, numbers, why=why)


def _say_cost(console: Console, folder: "RunFolder", *, grid_g_per_kwh: float | None) -> None:
    from nas.finish.spent import total_use
    from nas.record.spent import read_spent
    from nas.report.cost import search_cost
    from nas.report.values import format_duration
    from nas.study.journal import load_records

    cost = search_cost(load_records(folder.study_journal), read_spent(folder.spent_jsonl))
    searched = f"Search: {cost.describe(grid_g_per_kwh=grid_g_per_kwh)}"
    used = total_use(folder.finish_dir)
    # Why energy is not known stands in the model cards; here it is told to those who ask for it.
    is_told = not math.isnan(used.joules) or grid_g_per_kwh is not None
    energy = f" {used.describe(grid_g_per_kwh=grid_g_per_kwh)}" if is_told else ""
    took = format_duration(used.seconds)
    retrained = (
        f"All retrainings of this run took {took}, with starting workers and tests.{energy}"
    )
    for line in (searched, retrained) if used.seconds else (searched,):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _say_entry(
    console: Console,
    metric: str,
    job: "Retraining",
    entry: "LedgerEntry",
    num_done: int,
    num_jobs: int,
) -> None:
    from nas.report.values import format_value

    value = format_value(metric, entry.metrics[metric])
    share = entry.metrics.get("training_share", 1.0)
    epochs = ""
    if job.epochs is not None and share < 1.0:
        epochs = f", {share * job.epochs:.0f} of {job.epochs} epochs"
    console.print(
        f"[{num_done}/{num_jobs}] {job.name}: test {value} in {entry.seconds:.1f} s{epochs}",
        markup=False,
        highlight=False,
    )


def _say_length(console: Console, points: "Sequence[CurvePoint]", gains: "Sequence[Gain]") -> None:
    """Tell how winners did that were trained for some epochs, and what the doubling gained."""
    from nas.metric import is_share
    from nas.report.values import counted, format_value

    metric = points[0].metric
    factor, unit = (100, " points") if is_share(metric) else (1, "")
    told = [f"{point.name} {format_value(metric, point.value)}" for point in points]
    for place, gain in enumerate(gains):
        told[place] += f" ({factor * gain.value:+.2f}{unit} ± {factor * gain.noise:.2f})"
    text = f"{counted(points[0].epochs, 'epoch')}, validation: {', '.join(told)}"
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _settled_words(lengths: "Lengths", num_left: int) -> str:
    """Return how long winners train, and why.

    Args:
        lengths: as planned.
        num_left: retrainings that are not on record yet.
    """
    from nas.finish.earlier import EARLIER
    from nas.finish.find_length import FITS
    from nas.report.values import counted

    found = list(lengths.of.values())
    # Of a network between two that were tried, the reason is that of the one it follows.
    reasons = {(length.epochs, length.reason.rpartition(" tried: ")[2]) for length in found}
    shortest = min(length.epochs for length in found)
    span = f"{shortest} to {lengths.longest}" if shortest < lengths.longest else str(shortest)
    times = "once" if lengths.num_seeds == 1 else f"{lengths.num_seeds} times"
    unit = "epoch" if span == "1" else "epochs"
    if all(length.reason == EARLIER for length in found):
        return (
            f"No winner is retrained: an earlier nas finish trained them longer, {span} {unit}; "
            "a larger budget, or training.epochs=..., would train them for more"
        )
    if num_left == 0:
        return f"No winner is retrained: all retrainings, of {span} {unit}, are on record"
    # More is planned than is sure to fit; the clock ends what is too long.
    most = "up to " if any(length.reason == FITS for length in found) else ""
    text = f"Winners are retrained for {most}{span} {unit}, {times} each"
    if all(length.reason == FITS for length in found):
        return f"{text}, as the budget allows"
    lines = [f"{text}:"]
    for epochs, reason in sorted(reasons):
        number = counted(epochs, "epoch")
        allowed = f"up to {number}, as the budget allows"
        lines.append(f"  {allowed if reason == FITS else f'{number}: {reason}'}")
    return "\n".join(lines)


def _answer(folder: RunFolder, summary: "FinishSummary") -> None:
    """Give what was found out as a JSON document, where one is wanted."""
    if not wants_json():
        return
    from nas.cli.run_document import finish_content
    from nas.cli.run_view import RunView

    content = finish_content(RunView.open(str(folder.path)), files=summary.artefacts)
    failures = [{"name": name, "message": told.message} for name, told in summary.failures]
    ended = {"is_interrupted": summary.is_interrupted, "failures": failures}
    answer("finish", {**content, **ended})
