"""What does a search lose by predicted latencies, against exact ones?

    python -m experiments.devices.search [--devices 2080ti_32 raspi4] [--seeds 3]

On some NAS-Bench-201 cells, with the times measured on a device as the truth: searches of 100
trainings whose second objective is the measured latency, and searches whose second objective is
predicted from 20 networks. Both are judged by the volume that what they trained dominates in
validation accuracy and the logarithm of the measured latency, as a share of the whole table's.
"""

import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from experiments.devices.tables import LEAST_MS, LatencyTable, pretended_table, read_table
from experiments.smoke import make_parser, run_experiment
from nas.cli.main import main as run_nas
from nas.device.latency_model import fit_latency_model
from nas.device.similarity import FloatArray
from nas.pareto.hypervolume import hypervolume

RESULTS = Path(__file__).parent / "results" / "search.csv"
COLUMNS = ("device", "seed", "exact", "predicted", "ratio")
_LOWEST_QUALITY = 0.05  # quantile of the table's, from which volumes are counted


def main(words: Sequence[str]) -> int:
    """Search with exact and with predicted latencies, and compare what was reached."""
    parser = make_parser(__doc__)
    parser.add_argument("--devices", nargs="+", default=["2080ti_32", "raspi4"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--networks", type=int, default=3000)
    parser.add_argument("--measured", type=int, default=20)
    parser.add_argument("--pretend", action="store_true", help="an invented table, without data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    if options.pretend:
        table = pretended_table(options.networks)
        qualities = np.log([total.num_params for total in table.totals])
    else:
        table, qualities = _cells(options.networks)
    rows: list[tuple[object, ...]] = [COLUMNS]
    for device in options.devices:
        for seed in range(options.seeds):
            exact, predicted = (
                _reached(table, qualities, device, times, seed=seed, num_trials=options.trials)
                for times in (
                    table.times[device],
                    _predicted(table, device, seed=seed, number=options.measured),
                )
            )
            row = (device, seed, round(exact, 4), round(predicted, 4), round(predicted / exact, 4))
            rows.append(row)
            print("  ".join(str(cell).rjust(10) for cell in row), flush=True)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return 0


def _cells(number: int) -> tuple[LatencyTable, FloatArray]:
    table = read_table("nas_bench_201", num_networks=number)
    return table, table.numbers["quality"]


def _predicted(table: LatencyTable, device: str, *, seed: int, number: int) -> FloatArray:
    times = table.times[device]
    usable = np.flatnonzero(times >= LEAST_MS)
    measured = np.random.default_rng(seed).permutation(usable)[:number]
    counts = [total.counts for total in table.totals]
    model = fit_latency_model([counts[row] for row in measured], list(times[measured]))
    return np.array([model.predict(one) for one in counts])


def _reached(
    table: LatencyTable,
    qualities: FloatArray,
    device: str,
    costs: FloatArray,
    *,
    seed: int,
    num_trials: int,
) -> float:
    """Return the share of the table's volume that a search by some costs reaches."""
    places = [f"p{place}" for place in range(table.codes.shape[1])]
    words_of = [[f"o{code}" for code in column] for column in table.codes.T]
    columns = dict(zip(places, words_of, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        pa.parquet.write_table(pa.table({**columns, "quality": qualities, "cost": costs}), path)
        words = [
            *("search", "preset=table", f"table.path={path}", "table.quality=quality"),
            *(f"table.parameters=[{','.join(places)}]", "table.size=cost", "ui=none"),
            *(f"stopping.num_trials={num_trials}", f"seed={seed}", f"run_folder={folder}/run"),
        ]
        status = run_nas(words)
        assert status == 0, "the search ended well"
        with (Path(folder) / "run" / "trials.csv").open(newline="") as file:
            told = list(csv.DictReader(file))
    trained = [tuple(row[f"param.{name}"] for name in places) for row in told]
    rows = {key: row for row, key in enumerate(zip(*columns.values(), strict=True))}
    found = [rows[key] for key in trained if key in rows]
    truth = np.column_stack([-qualities, np.log(np.maximum(table.times[device], LEAST_MS))])
    reference = np.array([np.quantile(truth[:, 0], 1 - _LOWEST_QUALITY), truth[:, 1].max()])
    within = truth.clip(max=reference)
    return hypervolume(within[found], reference=reference) / hypervolume(
        within, reference=reference
    )


def small(folder: Path) -> Iterator[list[str]]:
    """Six trainings on an invented table."""
    yield [
        *("--pretend", "--devices", "invented", "--seeds", "1", "--trials", "6"),
        *("--networks", "60", "--measured", "10", "--results", str(folder / "search.csv")),
    ]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
