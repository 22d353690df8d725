"""`nas compare`: the fronts of several runs in one picture, and their hypervolumes."""

import csv
import glob
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.answer import answer, wants_json
from nas.cli.commands import COMPARE
from nas.cli.flags import parse_list, parse_settings
from nas.cli.terminal import make_console
from nas.errors import ConfigError
from nas.exit_status import ExitStatus

if TYPE_CHECKING:
    from nas.record.run_folder import RunFolder
    from nas.report.comparison import ComparedRun

_FILES = ("comparison.png", "comparison.svg", "runs.csv", "growth.csv")
# What two runs may differ in and still be repetitions of one another.
_CHANCE = ("name", "run_folder", "seed", "resume", "ui", "execution", "storage", "tracking")


def run(words: Sequence[str]) -> int:
    """Compare runs and leave picture and tables in a folder."""
    settings = parse_settings(words, COMPARE)
    from nas.config.recorded import read_mapping
    from nas.record.run_folder import RunFolder

    places, notes = expand_places(parse_list(settings["runs"]))
    folders = [RunFolder.open(place) for place in places]
    from nas.report.comparison import (
        compare_runs,
        comparison_table,
        lines_on_longer_runs,
        lines_on_nothing,
        without_copies,
        write_growth_csv,
        write_runs_csv,
    )
    from nas.report.comparison_plot import write_comparison_png
    from nas.report.noise import noise_lines
    from nas.report.recipes import recipe_lines, recipe_warning

    configs = [read_mapping(folder.config_yaml) for folder in folders]
    runs = _load_runs(folders, configs, parse_list(settings["labels"]))
    unlike = recipe_lines([folder.name for folder in folders], configs)
    counting, copies = without_copies(runs)
    comparison = compare_runs(counting)
    out = free_place(Path(settings["out"]))
    title = " · ".join(group.label for group in comparison.groups)
    note = "not trained alike" if unlike else ""
    write_comparison_png(comparison, title=title, note=note, path=out / "comparison.png")
    write_runs_csv(comparison, path=out / "runs.csv")
    write_growth_csv(comparison, path=out / "growth.csv")
    _answer(out)
    console = make_console()
    console.print(comparison_table(comparison))
    tests = [_tests_line(folder, run) for folder, run in zip(folders, runs, strict=True)]
    on_volumes = [*lines_on_nothing(comparison), *lines_on_longer_runs(comparison)]
    told = [*notes, *copies, *on_volumes, *noise_lines(comparison), *tests, recipe_warning(unlike)]
    for line in filter(None, told):
        console.print(line, markup=False, highlight=False)
    console.print(f"Written: {out.absolute()} ({', '.join(_FILES)})", markup=False)
    return ExitStatus.DONE


def _tests_line(folder: "RunFolder", run: "ComparedRun") -> str | None:
    """Return the front of a run's winners by their tests, small to large; None without tests."""
    from nas.cli.finished_trial import tested_records
    from nas.report.front import front_records
    from nas.report.values import objective_text

    tested = tested_records(folder, run.records, run.objectives)
    if not tested:
        return None
    members = [
        ", ".join(objective_text(o, record.metrics.get(o.metric)) for o in run.objectives)
        for record in front_records(tested, run.objectives)
    ]
    return f"{run.name}, winners on the test split: {'; '.join(members)}."


def _answer(out: Path) -> None:
    """Give the comparison as a JSON document: a row for each run, as in runs.csv."""
    if not wants_json():
        return
    with (out / "runs.csv").open(newline="", encoding="utf-8") as file:
        rows = [{k: _number(v) for k, v in row.items()} for row in csv.DictReader(file)]
    names = ("comparison.png", "runs.csv", "growth.csv")
    files = {name: str((out / name).absolute()) for name in names}
    answer("comparison", {"runs": rows, "files": files})


def _number(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return text or None


def expand_places(items: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return the folders that names and patterns mean, each once, in their order.

    Returns:
        The folders, and a sentence for each that was named more than once.

    Raises:
        ConfigError: a pattern means none.
    """
    found: dict[Path, Path] = {}
    notes: dict[str, None] = {}
    for item in items:
        matches = sorted(glob.glob(item)) if glob.has_magic(item) else [item]  # noqa: PTH207 - as typed
        if not matches:
            raise ConfigError(f"runs: nothing is called {item}; name folders of runs")
        for place in map(Path, matches):
            first = found.setdefault(place.resolve(), place)
            if first is not place and not glob.has_magic(item):
                notes[f"{item} is named more than once, and counts once."] = None
    return list(found.values()), list(notes)


def free_place(folder: Path) -> Path:
    """Return the folder; where it holds a comparison, the next free one: comparison-2, ..."""
    place, number = folder, 1
    while any(os.path.lexists(place / name) for name in _FILES):
        number += 1
        place = folder.with_name(f"{folder.name}-{number}")
    return place


def _load_runs(
    folders: Sequence["RunFolder"], configs: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> "list[ComparedRun]":
    from nas.assemble.run_data import known_data, refuse_other_data
    from nas.config.recorded import recorded_objectives
    from nas.report.comparison import ComparedRun
    from nas.study.journal import load_study

    if labels and len(labels) != len(folders):
        raise ConfigError(
            f"labels has {len(labels)} items for {len(folders)} runs; give one for each"
        )
    objectives = [recorded_objectives(folder) for folder in folders]
    histories = [load_study(folder.study_journal) for folder in folders]
    known = [known_data(f, history=h) for f, h in zip(folders, histories, strict=True)]
    refuse_other_data([folder.name for folder in folders], known)
    shown = list(labels) or group_labels([folder.name for folder in folders], configs)
    return [
        ComparedRun(folder.name, label, history.records, goals, config.get("seed"))
        for folder, label, history, goals, config in zip(
            folders, shown, histories, objectives, configs, strict=True
        )
    ]


def group_labels(names: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a label for each run, the same for those that differ by chance alone.

    The sampler and the space where that tells the groups apart, else the runs' names without
    numbers, else the name of each group's first run.
    """
    from nas.report.comparison import labels_from_settings, name_stem

    keys = [json.dumps(_without_chance(config), sort_keys=True) for config in configs]
    firsts = [names[keys.index(key)] for key in keys]
    candidates = (labels_from_settings(configs), [name_stem(name) for name in names])
    for labels in candidates:
        is_one_to_one = (
            len(set(zip(keys, labels, strict=True))) == len(set(keys)) == len(set(labels))
        )
        if is_one_to_one:
            return labels
    return firsts


def _without_chance(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in _CHANCE}
    sampler = config.get("sampler")
    if isinstance(sampler, Mapping):  # it repeats the seed
        kept["sampler"] = {key: value for key, value in sampler.items() if key != "seed"}
    return kept
