"""Which way of searching is better? Several runs side by side, grouped by what they share.

Runs of a group differ by chance only (their seed): their volumes are averaged, with the standard
error of the mean. All volumes are shares of one box around the fronts of all runs
(`nas.report.growth`), so they compare within one comparison and not with another one. Groups are
ranked at the same number of trials: as many as the shortest run has; where longer runs would be
ranked otherwise by what they have in common, that is said.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table
from rich.text import Text

from nas.errors import RunFolderError
from nas.files import write_text
from nas.objective import Objective
from nas.report.front import FloatArray, comparable_records, front_records
from nas.report.growth import Growth, growth_of, yardstick_of
from nas.report.values import counted, format_value, heading_of
from nas.trial import TrialRecord


@dataclass(frozen=True)
class ComparedRun:
    """One run to compare.

    Attributes:
        name: the run's name.
        label: what it shares with the runs of its group.
        records: its trials.
        objectives: what it made better.
        seed: of its sampler and trainings; None where it is not known.
    """

    name: str
    label: str
    records: Sequence[TrialRecord]
    objectives: tuple[Objective, ...]
    seed: int | None = None

    @property
    def results(self) -> list[tuple[object, ...]]:
        """What its trials came to, in their order: architecture and objectives of each."""
        return [
            (record.architecture.id, *(record.metrics.get(o.metric) for o in self.objectives))
            for record in sorted(self.records, key=lambda record: record.number)
        ]


@dataclass(frozen=True)
class Group:
    """Runs that differ by chance only.

    Attributes:
        label: what they share.
        runs: the runs, as given.
        growths: how each one's front grew.
        num_trials: (n,) 1, 2, ... to the end of the shortest run.
        means: (n,) mean share after so many trials.
        errors: (n,) standard error of the mean; NaN for a single run.
    """

    label: str
    runs: tuple[ComparedRun, ...]
    growths: tuple[Growth, ...]
    num_trials: NDArray[np.int64]
    means: FloatArray
    errors: FloatArray


@dataclass(frozen=True)
class Comparison:
    """Groups of runs with the same objectives, the best one first.

    Attributes:
        objectives: what all runs made better.
        groups: by their mean share after `num_trials`, the highest first.
        num_trials: as many trials as every run has.
    """

    objectives: tuple[Objective, ...]
    groups: tuple[Group, ...]
    num_trials: int

    def share(self, group: Group) -> tuple[float, float]:
        """Return a group's mean share after `num_trials`, and its standard error."""
        if self.num_trials == 0:
            return 0.0, math.nan
        return float(group.means[self.num_trials - 1]), float(group.errors[self.num_trials - 1])


def compare_runs(runs: Sequence[ComparedRun]) -> Comparison:
    """Group runs by their label and follow their fronts.

    Raises:
        RunFolderError: there is no run, two have unlike objectives, or no trial of any run counts.
    """
    objectives = _shared_objectives(runs)
    common = yardstick_of([run.records for run in runs], objectives)
    if common is None:
        names = ", ".join(run.name for run in runs)
        raise RunFolderError(
            f"no trial of {names} was trained in full, so there is nothing to compare"
        )
    groups = []
    for label in dict.fromkeys(run.label for run in runs):
        members = tuple(run for run in runs if run.label == label)
        growths = tuple(growth_of(run.records, objectives, common) for run in members)
        groups.append(_group(label, members, growths))
    num_trials = min(len(group.num_trials) for group in groups)
    ranked = Comparison(objectives, tuple(groups), num_trials)
    best_first = sorted(groups, key=lambda group: -ranked.share(group)[0])
    return replace(ranked, groups=tuple(best_first))


def without_copies(runs: Sequence[ComparedRun]) -> tuple[list[ComparedRun], list[str]]:
    """Return the runs without copies, and a sentence for each copy.

    Of runs of a group that have the same seed and agree in every result that both have, such as a
    copied folder or the same search again, the longest counts: the others say nothing of chance.
    """
    kept: list[ComparedRun] = []
    told = []
    for run in sorted(runs, key=lambda run: -len(run.records)):  # stable: the first of equals
        same = next((other for other in kept if _is_copy(run, other)), None)
        if same is None:
            kept.append(run)
        else:
            told.append(
                f"{run.name} repeats {same.name}, result for result, and does not count: both "
                f"have the seed {run.seed}."
            )
    return [run for run in runs if any(run is one for one in kept)], told


def _is_copy(run: ComparedRun, longer: ComparedRun) -> bool:
    if (run.label, run.seed) != (longer.label, longer.seed):
        return False
    found = run.results
    return bool(found) and found == longer.results[: len(found)]


def labels_from_settings(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a label for each run: its sampler and its space, each only if the runs differ by it.

    Args:
        settings: what each run's config.yaml holds; `_target_` of `sampler` and `search_space`
            counts.
    """
    samplers = [_target(setting, "sampler") for setting in settings]
    spaces = [_target(setting, "search_space") for setting in settings]
    parts = [part for part in (samplers, spaces) if len(set(part)) > 1] or [samplers]
    return [", ".join(words) for words in zip(*parts, strict=True)]


def name_stem(name: str) -> str:
    """Return a run's name without the seed or count at its end; a time stays whole.

    >>> name_stem("nsga2_seed3"), name_stem("tpe-07"), name_stem("resnet18")
    ('nsga2', 'tpe', 'resnet18')
    >>> name_stem("2026-11-30_03-18-47")
    '2026-11-30_03-18-47'
    """
    if re.search(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$", name):
        return name
    return re.sub(r"[-_.]+(?:seed|run|s|r)?[-_=]?\d+$", "", name) or name


def write_runs_csv(comparison: Comparison, *, path: Path) -> None:
    """Write one row per run: label, run, trials, those that count, front, volume, best values.

    The hypervolume is that of the whole run.
    """
    names = [objective.metric for objective in comparison.objectives]
    header = ["label", "run", "num_trials", "num_comparable", "front_size", "hypervolume"]
    rows: list[list[object]] = []
    for group in comparison.groups:
        for run, growth in zip(group.runs, group.growths, strict=True):
            front = front_records(run.records, comparison.objectives)
            share = growth.shares[-1] if len(growth.shares) else 0.0
            comparable = comparable_records(run.records, comparison.objectives)
            row = [group.label, run.name, len(growth.shares), len(comparable), len(front)]
            rows.append([*row, float(share), *_best_values(front, comparison.objectives)])
    _write_csv(path, [*header, *(f"best.{name}" for name in names)], rows)


def write_growth_csv(comparison: Comparison, *, path: Path) -> None:
    """Write the curves: label, num_trials, num_runs, hypervolume's mean and standard error."""
    rows = [
        [
            group.label,
            int(n),
            len(group.runs),
            float(mean),
            "" if math.isnan(error) else float(error),
        ]
        for group in comparison.groups
        for n, mean, error in zip(group.num_trials, group.means, group.errors, strict=True)
    ]
    header = ["label", "num_trials", "num_runs", "hypervolume_mean", "hypervolume_standard_error"]
    _write_csv(path, header, rows)


def comparison_table(comparison: Comparison) -> Table:
    """Return the groups for the terminal, the best first: volume with its spread, best values."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left", caption_style="")
    table.add_column("group", overflow="fold")
    for heading in ("runs", "trials", "hypervolume", "on front"):
        table.add_column(heading, justify="right", no_wrap=True)
    for objective in comparison.objectives:
        table.add_column(f"best {heading_of(objective.metric)}", justify="right", no_wrap=True)
    for group in comparison.groups:
        fronts = [front_records(run.records, comparison.objectives) for run in group.runs]
        best = np.array([_best_values(f, comparison.objectives) for f in fronts if f], dtype=float)
        means = best.mean(axis=0) if len(best) else [math.nan] * len(comparison.objectives)
        table.add_row(
            Text(group.label),
            str(len(group.runs)),
            str(len(group.num_trials)),
            share_text(*comparison.share(group)),
            f"{np.mean([len(front) for front in fronts]):.1f}",
            *(
                format_value(o.metric, v)
                for o, v in zip(comparison.objectives, means, strict=True)
            ),
        )
    after = counted(comparison.num_trials, "trial")
    table.caption = (
        f"Hypervolume: mean ± standard error over runs after {after} each, "
        "as a share of the volume of all runs' front; the other columns are means at each end."
    )
    return table


def lines_on_nothing(comparison: Comparison) -> list[str]:
    """Return a line for each group without any volume: why that is."""
    if not comparison.num_trials:
        return []
    after = counted(comparison.num_trials, "trial")
    return [
        f"{group.label} has no volume after {after}: {_why_nothing(group, comparison)}."
        for group in comparison.groups
        if comparison.share(group)[0] == 0.0
    ]


def _why_nothing(group: Group, comparison: Comparison) -> str:
    counting = [comparable_records(run.records, comparison.objectives) for run in group.runs]
    if not any(counting):
        return "none of its trials was trained in full"
    return "its first networks that were trained in full came later"


def lines_on_longer_runs(comparison: Comparison) -> list[str]:
    """Return a line for each number of trials at which the longer groups have another leader."""
    lines = []
    ranked = list(comparison.groups)
    for num_trials in sorted({len(group.num_trials) for group in comparison.groups}):
        ranked = [group for group in ranked if len(group.num_trials) >= num_trials]
        leader, best = ranked[0], max(ranked, key=lambda group: _mean_after(group, num_trials))
        if best is not leader and num_trials > comparison.num_trials:
            shares = [f"{_mean_after(group, num_trials):.4f}" for group in (best, leader)]
            lines.append(
                f"After {counted(num_trials, 'trial')}, which not all runs have, {best.label} is "
                f"ahead of {leader.label}: {shares[0]} against {shares[1]}."
            )
        ranked.sort(key=lambda group: -_mean_after(group, num_trials))
    return lines


def _mean_after(group: Group, num_trials: int) -> float:
    return float(group.means[num_trials - 1]) if num_trials else 0.0


def share_text(mean: float, error: float) -> str:
    """Return a share with its standard error; the error is left out for a single run."""
    return f"{mean:.4f}" if math.isnan(error) else f"{mean:.4f} ± {error:.4f}"


def _shared_objectives(runs: Sequence[ComparedRun]) -> tuple[Objective, ...]:
    if not runs:
        raise RunFolderError("there is no run to compare; give runs=[runs/a,runs/b]")
    first = runs[0]
    for run in runs[1:]:
        if run.objectives != first.objectives:
            raise RunFolderError(
                f"the runs {first.name} and {run.name} have different objectives: "
                f"{_words(first.objectives)} against {_words(run.objectives)}; "
                "compare runs with the same objectives"
            )
    return first.objectives


def _words(objectives: Sequence[Objective]) -> str:
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)


def _group(label: str, runs: tuple[ComparedRun, ...], growths: tuple[Growth, ...]) -> Group:
    shortest = min(len(growth.shares) for growth in growths)
    shares = np.array([growth.shares[:shortest] for growth in growths])
    errors = (
        shares.std(axis=0, ddof=1) / math.sqrt(len(runs))
        if len(runs) > 1
        else np.full(shortest, math.nan)
    )
    return Group(label, runs, growths, np.arange(1, shortest + 1), shares.mean(axis=0), errors)


def _best_values(front: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[object]:
    if not front:
        return [""] * len(objectives)
    return [min((r.metrics[o.metric] for r in front), key=o.loss) for o in objectives]


def _target(settings: Mapping[str, Any], name: str) -> str:
    section = settings.get(name)
    target = section.get("_target_") if isinstance(section, Mapping) else section
    return str(target).rpartition(".")[2] if target else f"no {name}"


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())
