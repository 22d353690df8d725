"""How does a profile read on a terminal, and in a file for machines?"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from nas.cli.answer import plain
from nas.cli.numbers import format_count
from nas.config.schema import SearchConfig
from nas.files import write_text
from nas.objective import Constraint
from nas.profile.proxy_ranks import ProxyRanks
from nas.profile.space_profile import CostRange, Feasibility, Sample, SpaceProfile
from nas.profile.trial_time import PlannedSearch, TrialTimes
from nas.report.values import counted, format_duration, format_value, heading_of

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SHORT = {
    "num_params": "params",
    "size_bytes": "size",
    "num_macs": "MACs",
    "activation_bytes": "activations",
}


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print some lines, and an empty one after them."""
    for line in [*lines, ""]:
        _say(console, line)


def print_sizes(console: Console, profile: SpaceProfile, *, space: str) -> None:
    """Print how many architectures there are, and a line for each cost."""
    _say(console, f"{space}: {count_words(profile)}")
    sample = profile.sample
    if not sample.members:
        return
    _say(console, sample_words(sample))
    table = _table("", "min", "median", "max", "histogram")
    for spread in sorted(profile.spreads, key=lambda spread: _place(spread.metric)):
        cells = [format_value(spread.metric, value) for value in spread.quantiles[::2]]
        table.add_row(_SHORT.get(spread.metric, spread.metric), *cells, histogram(spread))
    console.print(table)
    for line in histogram_notes(profile):
        _say(console, line)


def count_words(profile: SpaceProfile) -> str:
    """Return how many architectures and networks there are."""
    total = profile.num_architectures
    if math.isinf(total):
        return "infinitely many architectures (a float range without a step)"
    words = f"{format_count(total)} architectures, counted exactly"
    if profile.num_networks is None:
        return f"{words}; there may be fewer networks, since some architectures build the same one"
    if profile.num_networks < total:
        return f"{words}, which build {format_count(profile.num_networks)} distinct networks"
    return words


def sample_words(sample: Sample) -> str:
    """Return what was counted."""
    number = f"{len(sample.members):,}"
    how = "all" if sample.is_whole else "each parameter drawn by itself"
    words = f"costs of {number} of them ({how}), counted in {format_duration(sample.seconds)}"
    if sample.num_unbuildable:
        words += f"; the space has no network for {sample.num_unbuildable} draws"
    if sample.faults:
        words += f"; {len(sample.faults)} cannot be built, the first: {sample.faults[0]}"
    return words


def unbuildable_line(profile: SpaceProfile) -> str:
    """Return what is wrong with a space of which nothing can be built."""
    sample = profile.sample
    why = sample.faults[0] if sample.faults else "the space has no network for any of the draws"
    return f"no architecture of the space can be built: {why}; mend its build or its parameters"


def histogram(spread: CostRange) -> str:
    """Return the counts as blocks; a bin that is not empty is never blank."""
    highest = max(spread.counts)
    steps = len(_BLOCKS) - 1
    return "".join(
        _BLOCKS[math.ceil(steps * count / highest)] if count else "·" for count in spread.counts
    )


def histogram_notes(profile: SpaceProfile) -> list[str]:
    """Return what one must know to read the histograms."""
    notes = []
    if any(spread.is_log for spread in profile.spreads):
        notes.append("histograms run from min to max, evenly in the logarithm from a factor of 10")
    few = [s for s in profile.spreads if s.num_counted < len(profile.sample.members)]
    notes += [f"{_SHORT.get(s.metric, s.metric)}: of {s.num_counted} of them" for s in few]
    return notes


def print_feasibility(
    console: Console, profile: SpaceProfile, *, constraints: Sequence[Constraint]
) -> None:
    """Print which share keeps the constraints, or what comes nearest."""
    found = profile.feasibility
    if found is None:
        _say(console, "\nno constraints are set: every network may be searched")
        return
    asked = " and ".join(map(str, constraints))
    _say(console, f"\n{asked}: {share_words(found, is_whole=profile.sample.is_whole)}")
    if found.nearest is None or found.nearest_costs is None:
        return
    costs = {c.metric: found.nearest_costs.get(c.metric) for c in constraints}
    shown = ", ".join(f"{heading_of(m)} {format_value(m, v)}" for m, v in costs.items())
    what = "but this one was found" if found.is_possible else "the nearest that was found"
    _say(console, f"{what}: {shown} ({found.nearest.describe()})")
    for constraint in constraints:
        value = costs[constraint.metric]
        if value is not None and constraint.excess(value) > 0:
            end = "max" if constraint.maximum is not None and value > constraint.maximum else "min"
            limit = f"constraints.{constraint.metric}.{end}={value:.0f}"
            _say(console, f"  a limit that it keeps: {limit}")


def share_words(found: Feasibility, *, is_whole: bool) -> str:
    """Return how many keep the constraints."""
    if found.num_kept == 0:
        rest = "" if is_whole else f" (95 %: fewer than {100 * found.high:.2g} %)"
        return f"none of {found.num_counted:,} keeps this limit{rest}"
    words = f"{100 * found.num_kept / found.num_counted:.3g} % keep this limit"
    if not is_whole:
        words += f" (95 %: {100 * found.low:.3g} to {100 * found.high:.3g} %)"
    return words


def print_times(
    console: Console, times: TrialTimes, *, config: SearchConfig, device: str, plan: PlannedSearch
) -> None:
    """Print what trials take here, and what that makes of the planned search."""
    threads = config.evaluation.get("num_threads")
    epochs = config.training.get("epochs")
    about = [counted(epochs, "epoch") if epochs else "", f"on {device}"]
    if isinstance(threads, int | float):
        about.append(f"{threads:g} CPU thread" + ("" if threads == 1 else "s"))
    _say(console, f"\nmeasured here ({', '.join(filter(None, about))}):")
    names = [times.scale, *(n for n in ("num_params",) if n in times.trials[0].costs)]
    table = _table("model", *map(heading_of, names), "time of a trial", "measured")
    for trial in times.trials:
        cells = [format_value(name, trial.costs.get(name)) for name in names]
        took = format_duration(trial.seconds) if trial.failure is None else trial.failure
        table.add_row(trial.word, *cells, took, f"{100 * trial.share:.3g} %")
    console.print(table)
    if times.mean_s > 0:
        _say(console, plan_words(times, config=config, plan=plan))


def plan_words(times: TrialTimes, *, config: SearchConfig, plan: PlannedSearch) -> str:
    """Return trials per hour, and the expected length of the planned search."""
    words = (
        f"networks drawn at random take about {format_duration(times.mean_s)} a trial on average, "
        f"{plan.num_workers} at a time: {times.trials_per_hour:,.0f} trials an hour, if they do "
        "not slow each other down"
    )
    number, limit = config.stopping.num_trials, config.stopping.time_limit_s
    if plan.expected_s is not None and (limit is None or plan.expected_s < limit):
        words += (
            f"\nthe search: about {format_duration(plan.expected_s)}, as planned above from "
            "networks such as a search begins with"
        )
    elif times.planned_s is not None:
        what = f"{number} trials of such networks" if number is not None else "the search"
        if limit is not None and times.planned_s >= limit:
            what = f"the search ends at its time limit, with about {_done_by(times, limit)} trials"
            words += f"\n{what}: {format_duration(limit)}"
        else:
            words += f"\n{what}: {format_duration(times.planned_s)}"
    if times.over_limit > 0:
        words += (
            f"\n{100 * times.over_limit:.0f} % of the networks would pass "
            "training.trial_time_limit_s, and fail; raise it, or limit the size"
        )
    return words


def _done_by(times: TrialTimes, limit_s: float) -> str:
    return f"{times.trials_per_hour * limit_s / 3600:,.0f}"


def print_proxies(console: Console, ranks: ProxyRanks) -> None:
    """Print the rank correlations of proxies, with size as the one to beat."""
    _say(console, f"\n{ranks.words}")
    is_judged = any(row.at_equal_size for row in ranks.rows)
    equal = [f"{target} at equal size" for target in ranks.targets] if is_judged else []
    table = _table("proxy", *ranks.targets, *equal, "ms each", "paper")
    for row in ranks.rows:
        values = [*row.correlations, *(row.at_equal_size or [math.nan] * len(equal))]
        cells = [f"{value:+.2f}" if math.isfinite(value) else "–" for value in values]
        spent = f"{1000 * row.seconds_each:.0f}" if row.seconds_each else "–"
        table.add_row(row.name, *cells, spent, row.paper)
    console.print(table)


def write_profile(
    path: Path,
    profile: SpaceProfile,
    times: TrialTimes | None,
    ranks: ProxyRanks | None,
) -> None:
    """Write everything as JSON; what is no finite number is null."""
    total = profile.num_architectures
    values = ranks.values if ranks is not None else {}
    content: dict[str, Any] = {
        "num_architectures": None if math.isinf(total) else int(total),
        "num_networks": profile.num_networks,
        "num_counted": len(profile.sample.members),
        "is_whole": profile.sample.is_whole,
        "num_unbuildable": profile.sample.num_unbuildable,
        "faults": list(profile.sample.faults),
        "costs": {spread.metric: asdict(spread) for spread in profile.spreads},
        "feasibility": _feasibility_values(profile.feasibility),
        "times": None if times is None else _time_values(times),
        "proxies": None if ranks is None else [asdict(row) for row in ranks.rows],
        "sample": [
            {"architecture_id": a.id, **costs, **values.get(a.id, {}), "parameters": dict(a)}
            for a, costs in profile.sample.members
        ],
    }
    write_text(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def _feasibility_values(found: Feasibility | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "num_kept": found.num_kept,
        "share": found.num_kept / found.num_counted,
        "interval": [found.low, found.high],
        "nearest": None if found.nearest is None else dict(found.nearest),
        "nearest_costs": None if found.nearest_costs is None else dict(found.nearest_costs),
    }


def _time_values(times: TrialTimes) -> Mapping[str, Any]:
    return {
        "trials": [
            {
                "word": trial.word,
                "architecture_id": trial.architecture.id,
                **trial.costs,
                "seconds": trial.seconds,
                "measured_share": trial.share,
                "failure": trial.failure,
            }
            for trial in times.trials
        ],
        "mean_s": times.mean_s,
        "trials_per_hour": times.trials_per_hour,
        "planned_s": times.planned_s,
    }


def _place(metric: str) -> int:
    return list(_SHORT).index(metric) if metric in _SHORT else len(_SHORT)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
