"""What did `measure.py` write? Read and checked against the networks that were given out.

Two columns are enough: `network` and `latency_ms`. What else `measure.py` writes is used where it
is there: how many threads, which file it was, joules, noise, versions.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.device.csv_table import NETWORK, read_number, read_rows
from nas.device.device import operators_from
from nas.device.places import NETWORKS_JSON
from nas.device.similarity import Counts
from nas.errors import ConfigError, nearest_first

MIN_NETWORKS = 10
FASTEST = "fastest_ms"
_UNITS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}  # to milliseconds
# What no processor is: a hundred times slower than a microcontroller, ten times faster than the
# largest accelerator; a call of a runtime takes a microsecond at least. Beyond, the times are in
# another unit than the column says.
_MACS_PER_MS = (1e2, 1e13)
_LEAST_MS = 1e-3
_MOST_APART = 2.0  # times that several measurements of one network may differ by
_NUM_SHOWN = 5


@dataclass(frozen=True)
class GivenNetwork:
    """A network that was given out to be measured.

    Attributes:
        counts: its operators.
        num_macs: multiply-accumulates.
        num_params: parameters.
        sha256: of its file.
        predicted: metric on a device -> what was predicted, where something was.
    """

    counts: Counts
    num_macs: float
    num_params: float
    sha256: str
    predicted: Mapping[str, float]


@dataclass(frozen=True)
class Measurements:
    """Times of networks on a device.

    Attributes:
        names: of the networks, in the order in which they were given out.
        networks: the same.
        values: metric -> value of each, NaN where it was not measured.
        told: what is the same in all rows: threads, machine, versions.
        num_noisy: how many are marked as noisy.
        absent: names of networks that were given out and not measured.
    """

    names: tuple[str, ...]
    networks: tuple[GivenNetwork, ...]
    values: Mapping[str, tuple[float, ...]]
    told: Mapping[str, str]
    num_noisy: int
    absent: tuple[str, ...]


def read_networks(path: Path) -> dict[str, GivenNetwork]:
    """Read `networks.json`.

    Raises:
        ConfigError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        counts = operators_from(content)
        return {
            row["name"]: GivenNetwork(
                counts[place],
                float(row["num_macs"]),
                float(row["num_params"]),
                str(row["sha256"]),
                {str(k): float(v) for k, v in row.get("predicted", {}).items()},
            )
            for place, row in enumerate(content["rows"])
        }
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no {path}, which says what the measured networks are; keep {NETWORKS_JSON} "
            "beside the table, or give the device that it belongs to"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ConfigError(
            f"{path} is damaged ({type(error).__name__}: {error}); make the folder again with "
            "nas device new"
        ) from error


def read_origin(path: Path) -> tuple[str, tuple[int, ...]]:
    """Return what the networks of `networks.json` were drawn from, and made for: (C, H, W).

    Empty where the file does not say.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content.get("search_space", "")), tuple(
            map(int, content.get("input_shape", ()))
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return "", ()


def read_measured(
    path: Path,
    given: Mapping[str, GivenNetwork],
    *,
    threads: int | None = None,
    takes_fastest: bool = False,
    least: int = MIN_NETWORKS,
) -> Measurements:
    """Read a table of measurements.

    Args:
        path: of the CSV file.
        given: the networks that were given out, by name.
        threads: the rows to take, where there are several numbers of threads.
        takes_fastest: take the quickest turn of each network in place of the median: on a machine
            that other work slows down.
        least: how many networks must have been measured.

    Raises:
        ConfigError: with what is wrong with the table.
    """
    rows, columns = read_rows(path)
    rows = _with_threads(rows, columns, threads, path)
    column, to_ms = _time_column(columns, path, takes_fastest=takes_fastest)
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        found.setdefault(_name_of(row[NETWORK]), []).append(row)
    _check_same_networks(found, given, path)
    all_times = {name: [to_ms * _time(r, column, path) for r in found[name]] for name in found}
    _check_alike(all_times, path)
    times = {name: _median(values) for name, values in all_times.items()}
    names = tuple(name for name in given if name in found)
    if len(names) < least:
        raise ConfigError(
            f"{path} has times of {len(names)} networks, and at least {least} are needed; measure "
            "more of them"
        )
    _check_plausible([(given[name], times[name]) for name in names], path)
    return Measurements(
        names,
        tuple(given[name] for name in names),
        {
            "latency_ms": tuple(times[name] for name in names),
            "energy_j": tuple(_median([_energy(row) for row in found[name]]) for name in names),
        },
        _told(rows),
        sum(any(row.get("noisy") == "yes" for row in found[name]) for name in names),
        tuple(name for name in given if name not in found),
    )


def _with_threads(
    rows: list[dict[str, str]], columns: Sequence[str], threads: int | None, path: Path
) -> list[dict[str, str]]:
    if "threads" not in columns:
        return rows
    known = sorted({row["threads"].strip() for row in rows})
    if threads is None and len(known) > 1:
        raise ConfigError(
            f"{path} has times with {', '.join(known)} threads; say which by threads={known[0]}: "
            "each is a device of its own"
        )
    if threads is None:
        return rows
    if str(threads) not in known:
        raise ConfigError(f"{path} has no times with {threads} threads; it has {', '.join(known)}")
    return [row for row in rows if row["threads"].strip() == str(threads)]


def _time_column(columns: Sequence[str], path: Path, *, takes_fastest: bool) -> tuple[str, float]:
    """Return the column of the times, and what makes milliseconds of them."""
    start = FASTEST.removesuffix("_ms") if takes_fastest else "latency"
    for unit, factor in _UNITS.items():
        if f"{start}_{unit}" in columns:
            return f"{start}_{unit}", factor
    near = nearest_first(f"{start}_ms", columns)
    known = ", ".join(f"{start}_{unit}" for unit in _UNITS)
    raise ConfigError(
        f"{path} has no column {start}_ms; it has, nearest first: {near}. The name says the unit: "
        f"one of {known}"
    )


def _name_of(text: str) -> str:
    """Return the name of a network; its file may be told in place of it."""
    return re.split(r"[/\\]", text.strip())[-1].removesuffix(".onnx")


def _time(row: Mapping[str, str], column: str, path: Path) -> float:
    text = row[column].strip()
    try:
        value = read_number(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(
            f"{path}: {column} of {row[NETWORK]} is {text[:40] or 'empty'!r}, and must be a "
            "number above 0; measure that network again, or take the row out"
        )
    return value


def _energy(row: Mapping[str, str]) -> float:
    try:
        value = read_number(row.get("energy_j") or "nan")
    except ValueError:
        return math.nan
    return value if value > 0 else math.nan


def _check_alike(times: Mapping[str, Sequence[float]], path: Path) -> None:
    for name, values in times.items():
        if max(values) > _MOST_APART * min(values):
            raise ConfigError(
                f"{path} has several rows of {name}, from {min(values):g} to {max(values):g} ms; "
                "keep those of one measurement, or give each its number in a column 'threads'"
            )
    found = {value for values in times.values() for value in values}
    if len(found) == 1 < len(times):
        raise ConfigError(
            f"{path} has the same time for all networks, {found.pop():g} ms, so nothing can be "
            "learned from it; does the device's clock tell shorter times?"
        )


def _check_same_networks(
    found: Mapping[str, Sequence[Mapping[str, str]]],
    given: Mapping[str, GivenNetwork],
    path: Path,
) -> None:
    unknown = [name for name in found if name not in given]
    if unknown:
        raise ConfigError(
            f"{path} has times of networks that were not given out for this device: "
            f"{_shown(unknown)}; it belongs to another device or search space"
        )
    other = [
        name
        for name, rows in found.items()
        for row in rows
        if row.get("sha256", "").strip() not in ("", given[name].sha256)
    ]
    if other:
        raise ConfigError(
            f"{path} was measured with other files than this device's networks ({_shown(other)} "
            "differ): it belongs to another device or search space, or nas device new ran again; "
            "measure the networks that lie there now"
        )


def _check_plausible(timed: Sequence[tuple[GivenNetwork, float]], path: Path) -> None:
    speed = _median([network.num_macs / ms for network, ms in timed])
    middle = _median([ms for _, ms in timed])
    low, high = _MACS_PER_MS
    if not low <= speed <= high or middle < _LEAST_MS:
        raise ConfigError(
            f"{path}: half of the networks would take less than {middle:.3g} ms, "
            f"{speed / 1e6:.3g} billion multiply-accumulates a second, which no device does; is "
            "the unit right? The column's name says it: latency_s, latency_ms, latency_us or "
            "latency_ns"
        )


def _told(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = ("threads", "runtime", "machine", "system", "python")
    values = {name: {row.get(name, "") or "" for row in rows} for name in names}
    return {name: found.pop() for name, found in values.items() if len(found) == 1 and any(found)}


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _shown(names: Sequence[str]) -> str:
    rest = len(names) - _NUM_SHOWN
    return ", ".join(names[:_NUM_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
