"""How well are latencies on a device predicted from a few networks that were measured there?

    python -m experiments.devices [--draws 20] [--only TABLE/DEVICE ...]

On published tables: NAS-Bench-201 cells and FBNet chains on 27 devices each. Each draw takes 10,
20 or 50 networks at random as measured, and predicts others: our model of operators, a line
through multiply-accumulates, and a random forest on the one-hot codes of the choices.
"""

import csv
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from experiments.devices.tables import LEAST_MS, LatencyTable, pretended_table, read_table
from experiments.smoke import make_parser, run_experiment
from nas.device.latency_model import fit_latency_model
from nas.device.similarity import FloatArray
from nas.device.validation import fitted_line, prediction_error

RESULTS = Path(__file__).parent / "results" / "contest.csv"
TABLES = {"fbnet": 5000, "nas_bench_201": 3000}
NUM_MEASURED = (10, 20, 50)
NUM_TESTED = 1000
COLUMNS = (
    *("table", "device", "whole_ms", "num_measured", "method", "draws"),
    *("rank_correlation", "rank_correlation_sd", "share_close", "median_error"),
)
Method: TypeAlias = Callable[[LatencyTable, FloatArray, FloatArray, FloatArray], FloatArray]


def nas_model(
    table: LatencyTable, measured: FloatArray, times: FloatArray, others: FloatArray
) -> FloatArray:
    """Predict by the model of operators."""
    model = fit_latency_model([table.totals[row].counts for row in measured], list(times))
    return np.array([model.predict(table.totals[row].counts) for row in others])


def macs_alone(
    table: LatencyTable, measured: FloatArray, times: FloatArray, others: FloatArray
) -> FloatArray:
    """Predict by a line through multiply-accumulates."""
    macs = np.array([total.num_macs for total in table.totals], dtype=float)
    # A line that falls or is flat would have no order: this rival is judged by its own.
    line = fitted_line(macs[measured], times, macs[others])
    return line if np.ptp(line) else line + 1e-9 * macs[others]


def forest(
    table: LatencyTable, measured: FloatArray, times: FloatArray, others: FloatArray
) -> FloatArray:
    """Predict by a random forest on one-hot codes."""
    from sklearn.ensemble import RandomForestRegressor

    hot = table.one_hot
    fitted = RandomForestRegressor(100, random_state=0).fit(hot[measured], times)
    return np.asarray(fitted.predict(hot[others]))


METHODS: Mapping[str, Method] = {
    "nas": nas_model,
    "macs_alone": macs_alone,
    "random_forest": forest,
}


def main(words: Sequence[str]) -> int:
    """Hold the contest and print a row for each device, number of networks and method."""
    parser = make_parser(__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--only", nargs="+", help="TABLE or TABLE/DEVICE")
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=tuple(METHODS))
    parser.add_argument("--pretend", type=int, default=0, help="so many networks without data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for table in _tables(options.pretend):
            for device in table.times:
                if not _is_wanted(table.name, device, options.only):
                    continue
                methods = {name: METHODS[name] for name in options.methods}
                rows = list(device_rows(table, device, methods, num_draws=options.draws))
                writer.writerows(rows)
                file.flush()
                _show(rows)
    return 0


def _tables(num_pretended: int) -> Iterator[LatencyTable]:
    if num_pretended:
        yield pretended_table(num_pretended)
        return
    for name, number in TABLES.items():
        yield read_table(name, num_networks=number)


def _is_wanted(table: str, device: str, only: Sequence[str] | None) -> bool:
    return only is None or table in only or f"{table}/{device}" in only


def device_rows(
    table: LatencyTable, device: str, methods: Mapping[str, Method], *, num_draws: int
) -> Iterator[tuple[object, ...]]:
    """Yield a row for each number of measured networks and method: means over the draws."""
    times = table.times[device]
    usable = np.flatnonzero(times >= LEAST_MS)
    for num_measured in NUM_MEASURED:
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
        for draw in range(num_draws):
            order = np.random.default_rng(draw).permutation(usable)
            measured, others = order[:num_measured], order[num_measured:][-NUM_TESTED:]
            for name, method in methods.items():
                predicted = method(table, measured, times[measured], others)
                error = prediction_error(predicted, times[others])
                found[name].append((error.rank_correlation, error.share_close, error.median_error))
        for name, errors in found.items():
            rank, close, median = np.array(errors).T
            yield (
                *(table.name, device, int(table.is_whole_ms(device)), num_measured, name),
                *(num_draws, round(float(rank.mean()), 4), round(float(rank.std()), 4)),
                *(round(float(close.mean()), 4), round(float(median.mean()), 4)),
            )


def _show(rows: Sequence[tuple[object, ...]]) -> None:
    for row in rows:
        print("  ".join(str(cell).rjust(13) for cell in row), flush=True)


def small(folder: Path) -> Iterator[list[str]]:
    """Two draws on an invented device."""
    yield ["--draws", "2", "--pretend", "80", "--results", str(folder / "contest.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
