"""The tables of a run: trials.csv and front.csv for machines, the front for people at a terminal.

Columns are ordered by their kind, then by name; a value that a trial does not have is empty.
Numbers are written so that they read back exactly.
"""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from nas.architecture import Architecture, Value
from nas.evaluation.part_clock import PARTS
from nas.files import write_text
from nas.metric import METRICS, is_count
from nas.objective import Objective
from nas.report.front import Floors, front_records, knee_record, leading_objective
from nas.report.values import format_value, heading_of, objective_text
from nas.trial import TrialRecord

KNEE_MARK = "◆"
COSTS_SHOWN = ("num_params", "num_macs")  # beside the objectives, where a trial has them
_MIN_ROOM = 20  # characters that an architecture needs; costs are left out before it has less


def write_trials_csv(
    records: Sequence[TrialRecord], *, objectives: Sequence[Objective], path: Path
) -> None:
    """Write one row per trial, by number.

    The columns: number, state, rung (the share of a full training), architecture_id,
    the objectives, the other metrics, `param.*`, seconds, the parts of these (`train_s`, ...),
    failure_kind, failure_message. A run
    with variants has `parent`, the trial that they were made of, and `variant` too; one whose
    trials start from the weights of others has `inherited_from`, and shares are of their training.
    Where trials trained in steps, `at_SHARE.METRIC` is what each had reached at that share.
    """
    metrics = metric_columns(records, objectives)
    parameters = parameter_columns(record.architecture for record in records)
    ordered = sorted(records, key=lambda record: record.number)
    seconds = [] if "seconds" in metrics else ["seconds"]
    links = link_columns(records)
    header = ["number", "state", "rung", *links, "architecture_id", *metrics]
    header += [f"param.{name}" for name in parameters]
    rungs, parts = rung_columns(records, objectives), part_columns(records)
    header += [*rungs, *seconds, *(f"{name}_s" for name in parts)]
    header += ["failure_kind", "failure_message"]
    rows = [
        [
            record.number,
            record.state.value,
            record.budget,
            *_links(record, links),
            record.architecture.id,
            *_cells(record.metrics, metrics),
            *_cells(record.architecture, parameters),
            *_cells(_at_rungs(record), rungs),
            *([record.seconds] if seconds else []),
            *_cells(record.parts_s, parts),
            record.failure.kind.value if record.failure else "",
            record.failure.message if record.failure else "",
        ]
        for record in ordered
    ]
    _write_csv(path, header, rows)


def write_front_csv(
    records: Sequence[TrialRecord], *, objectives: Sequence[Objective], path: Path
) -> None:
    """Write one row per front member, smallest first.

    The columns: trial, architecture_id, the objectives, the other metrics, `param.*`; also the
    links of `trials.csv`.
    """
    front = front_records(records, objectives)
    links = link_columns(records)
    metrics = metric_columns(front, objectives)
    parameters = parameter_columns(record.architecture for record in front)
    header = ["trial", *links, "architecture_id", *metrics]
    header += [f"param.{name}" for name in parameters]
    rows = [
        [
            record.number,
            *_links(record, links),
            record.architecture.id,
            *_cells(record.metrics, metrics),
            *_cells(record.architecture, parameters),
        ]
        for record in front
    ]
    _write_csv(path, header, rows)


def part_columns(records: Iterable[TrialRecord]) -> list[str]:
    """Return the parts of a trial's time that occur; none where nobody measured them."""
    seen = {name for record in records for name in record.parts_s}
    known = [name for name in PARTS if name in seen]
    return known + sorted(seen - set(known))


def link_columns(records: Iterable[TrialRecord]) -> list[str]:
    """Return the columns that link a trial to another one; none where nothing is linked."""
    known = list(records)
    columns = ["parent", "variant"] if any(r.parent is not None for r in known) else []
    return columns + (["inherited_from"] if any(r.has_inherited for r in known) else [])


def rung_columns(records: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[str]:
    """Return the columns of what trials had reached at their rungs; none where there are none."""
    shares = sorted({rung.budget for record in records for rung in record.rungs})
    names = [o.metric for o in objectives if not o.is_static] + ["seconds"]
    return [f"at_{share:g}.{name}" for share in shares for name in dict.fromkeys(names)]


def _at_rungs(record: TrialRecord) -> dict[str, float]:
    found: dict[str, float] = {}
    for rung in record.rungs:
        found |= {f"at_{rung.budget:g}.{name}": value for name, value in rung.metrics.items()}
        found[f"at_{rung.budget:g}.seconds"] = rung.seconds
    return found


def metric_columns(records: Iterable[TrialRecord], objectives: Sequence[Objective]) -> list[str]:
    """Return the objectives in their order, then the known metrics in theirs, the rest by name.

    `seconds` is left to the trial's own column unless it is an objective.
    """
    first = [objective.metric for objective in objectives]
    seen = {name for record in records for name in record.metrics} - {*first, "seconds"}
    known = [name for name in METRICS if name in seen]
    return first + known + sorted(seen - set(known))


def parameter_columns(architectures: Iterable[Architecture]) -> list[str]:
    """Return all parameters that occur, outer ones first, `stages.2` before `stages.10`."""
    names = {name for architecture in architectures for name in architecture}
    return sorted(names, key=lambda name: ("." in name, _natural(name)))


def front_table(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    *,
    floors: Floors = (),
    width: int | None = None,
) -> Table:
    """Return the front for the terminal, smallest first, the knee marked.

    What all members have in common stands once, below the table.

    Args:
        records: all trials.
        objectives: a column each.
        floors: losses from which on a point counts.
        width: characters of a line; architectures are cut to fit, values are not. None: no limit.
    """
    front = front_records(records, objectives)
    best = knee_record(front, objectives, floors=floors)
    shared, own = split_shared([record.architecture for record in front])
    columns = _front_columns(front, objectives)
    room = None if width is None else _room(columns, width)
    if room is not None and room < _MIN_ROOM:
        columns = columns[: len(objectives)] + columns[-1:]
        room = max(1, _room(columns, width or 0))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left", caption_style="")
    table.add_column("", no_wrap=True)
    for heading, *_ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("architecture", overflow="fold", ratio=1)
    rows = zip(*(cells for _, *cells in columns), strict=True)
    for record, words, values in zip(front, own, rows, strict=True):
        is_knee = record is best and len(front) > 1
        # As it is: square brackets in a name are no markup.
        architecture = Text(record.origin + shorten_groups(words))
        if room is not None:
            architecture.truncate(room, overflow="ellipsis")
        mark, style = (KNEE_MARK, "bold") if is_knee else ("", "")
        table.add_row(mark, *values, architecture, style=style)
    if shared:
        table.caption = Text(f"In all of them: {shorten_groups(shared)}")
    return table


def _front_columns(
    front: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[list[str]]:
    """Return the columns before the architecture, each with its heading first."""
    columns = [
        [heading_of(name), *(format_value(name, record.metrics.get(name)) for record in front)]
        for name in _front_metrics(front, objectives)
    ]
    return [*columns, ["trial", *(str(record.number) for record in front)]]


def _room(columns: Sequence[Sequence[str]], width: int) -> int:
    """Return the characters that columns leave for the architecture; the mark has one too."""
    taken = 1 + sum(max(map(len, column)) for column in columns)
    num_columns = len(columns) + 2
    return width - taken - 3 * num_columns  # what stands between two columns, and at the edges


def knee_sentence(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], *, floors: Floors = ()
) -> str:
    """Return one line: the member to look at first, and what the ends of the front give."""
    front = front_records(records, objectives)
    best = knee_record(front, objectives, floors=floors)
    if best is None:
        return "No trial has been trained in full, so there is no front yet."
    values = ", ".join(objective_text(o, best.metrics.get(o.metric)) for o in objectives)
    if len(front) == 1:
        return f"The front is one architecture: trial {best.number} with {values}."
    low, high = (_end_text(end, objectives) for end in (front[0], front[-1]))
    return (
        f"Knee {KNEE_MARK}: trial {best.number} with {values}; "
        f"the front's {len(front)} members reach from {low} to {high}."
    )


def _end_text(record: TrialRecord, objectives: Sequence[Objective]) -> str:
    lead = leading_objective(objectives)
    others = [objective for objective in objectives if objective is not lead]
    names = [objective.metric for objective in (*others[:1], lead)]
    return " at ".join(format_value(name, record.metrics.get(name)) for name in names)


def split_shared(architectures: Sequence[Architecture]) -> tuple[str, list[str]]:
    """Return what all architectures have in common, as one line, and one line of the rest of each.

    Repeated blocks are common only as a whole, or where all of them have one and the same value.
    Of a single architecture nothing is common.
    """
    if len(architectures) < 2:
        return "", [architecture.describe() for architecture in architectures]
    columns = [_by_label(architecture) for architecture in architectures]
    common = {
        label
        for label, cells in columns[0].items()
        if all(other.get(label) == cells for other in columns[1:])
    }
    shared = {n: v for label in common for n, v in columns[0][label].items()}
    alike = _alike(columns, common)
    shared |= alike
    common |= set(alike)
    own = [
        Architecture(
            {
                n: v
                for label, cells in column.items()
                if label not in common
                for n, v in cells.items()
            }
        ).describe()
        for column in columns
    ]
    return Architecture(shared).describe(), own


def _alike(
    columns: Sequence[Mapping[str, Mapping[str, Value]]], common: Collection[str]
) -> dict[str, Value]:
    """Return the labels that have one value at every block of every architecture, once each."""
    found: dict[str, Value] = {}
    for label, cells in columns[0].items():
        values = {value for column in columns for value in column.get(label, {}).values()}
        is_everywhere = all(len(c.get(label, {})) == _depth(c, label) for c in columns)
        if label not in common and len(values) == 1 and is_everywhere:
            found[label] = next(iter(cells.values()))
    return found


def _depth(column: Mapping[str, Mapping[str, Value]], label: str) -> int:
    """Return how many blocks the group of a label has: those of its most frequent member."""
    group = label.rpartition(".")[0]
    return max(len(cells) for other, cells in column.items() if other.rpartition(".")[0] == group)


def shorten_groups(words: str) -> str:
    """Return `Architecture.describe`'s line with each group named once.

    >>> shorten_groups("width=1 stages.kernel=3·5 stages.expansion=1·6")
    'width=1 stages.kernel=3·5 .expansion=1·6'
    """
    shown = []
    last = ""
    for word in words.split(" "):
        group, dot, name = word.partition("=")[0].rpartition(".")
        is_same = bool(dot) and group == last
        shown.append(word.removeprefix(group) if is_same else word)
        last = group if name else last
    return " ".join(shown)


def _by_label(architecture: Architecture) -> dict[str, dict[str, Value]]:
    columns: dict[str, dict[str, Value]] = {}
    for name, value in architecture.items():
        label = ".".join(part for part in name.split(".") if not part.isdigit())
        columns.setdefault(label, {})[name] = value
    return columns


def _front_metrics(front: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[str]:
    names = [objective.metric for objective in objectives]
    if len(names) > 2:
        return names  # more would leave no room for the architecture
    extra = [n for n in COSTS_SHOWN if any(n in record.metrics for record in front)]
    return names + [name for name in extra if name not in names]


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = (part for part in re.split(r"(\d+)", name) if part)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _links(record: TrialRecord, columns: Sequence[str]) -> list[object]:
    cells = {
        "parent": record.parent,
        "variant": record.variant,
        "inherited_from": record.relative,
    }
    return ["" if cells[name] is None else cells[name] for name in columns]


def _cells(values: Mapping[str, Value], names: Sequence[str]) -> list[object]:
    return [_cell(name, values.get(name)) for name in names]


def _cell(name: str, value: Value | None) -> object:
    if value is None or value != value:  # NaN: a failed trial's metric is absent, not a number
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"  # as in the YAML
    if isinstance(value, float) and is_count(name) and value.is_integer() and math.isfinite(value):
        return int(value)
    return value


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
