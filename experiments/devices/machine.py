"""Are latencies of this machine predicted, with one thread and with two?

    python -m experiments.devices.machine make FOLDER [--measured 30] [--fresh 50]
    python FOLDER/SPACE/measure.py --threads 1,2       for each SPACE
    python -m experiments.devices.machine judge FOLDER

For each of two spaces: some networks chosen as `nas device new` chooses them, and fresh ones drawn
at random; all are measured in turns. The model is fitted to the first and judged by the second.
`volume_lost`: the fresh networks on the front by predicted latency, at their measured latencies,
against the front by measured ones; in logarithms of latency and of parameters or
multiply-accumulates, which stand for an accuracy that nobody trained for.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.smoke import make_parser, run_experiment
from nas.assemble.device_networks import MeasurableNetwork, draw_candidates
from nas.assemble.make import make_space
from nas.config.compose import compose_values
from nas.config.open_settings import with_settled
from nas.config.source import ConfigSource
from nas.device.choose import choose_networks
from nas.device.latency_model import fit_latency_model
from nas.device.measured import read_measured, read_networks
from nas.device.places import MEASURED_CSV, NETWORKS_JSON
from nas.device.similarity import FloatArray
from nas.device.validation import prediction_error
from nas.export.measuring_folder import (
    NetworkToMeasure,
    files_of_untrained,
    write_measuring_folder,
)
from nas.pareto.dominance import front_mask
from nas.pareto.hypervolume import hypervolume
from nas.space.space import SearchSpace
from nas.task import DataShape

RESULTS = Path(__file__).parent / "results" / "machine.csv"
SPACES = ("mobilenet", "resnet")
SHAPE = DataShape((3, 32, 32), 10)
COLUMNS = (
    *("space", "threads", "statistic", "num_measured", "num_fresh"),
    *("rank_correlation", "share_close", "median_error", "own_noise"),
    *("volume_lost_params", "volume_lost_macs", "num_noisy"),
)
_FRESH = "fresh"


def main(words: Sequence[str]) -> int:
    """Make the networks, or judge the predictions."""
    parser = make_parser(__doc__)
    parser.add_argument("what", choices=("make", "judge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--measured", type=int, default=30)
    parser.add_argument("--fresh", type=int, default=50)
    parser.add_argument("--spaces", nargs="+", default=SPACES)
    parser.add_argument("--pool", type=int, default=400, help="networks to choose from")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    if options.what == "make":
        for name in options.spaces:
            make(name, options.folder / name, options.measured, options.fresh, options.pool)
        return 0
    rows = [row for name in options.spaces for row in judge(name, options.folder / name)]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return 0


def make(name: str, folder: Path, num_measured: int, num_fresh: int, num_pool: int) -> None:
    """Write a folder of chosen and of fresh networks."""
    values = compose_values(ConfigSource(overrides=(f"search_space={name}",))).values
    space: SearchSpace = make_space(with_settled(values)["search_space"])
    pool = draw_candidates(space, SHAPE, number=num_pool, seed=0)
    known = {space.identity(candidate.architecture) for candidate in pool}
    fresh = [
        candidate
        for candidate in draw_candidates(space, SHAPE, number=3 * num_fresh, seed=1)
        if space.identity(candidate.architecture) not in known
    ]
    chosen = choose_networks([candidate.graph.counts for candidate in pool], num_measured)
    networks = [
        *(_network(f"network_{n:03}", pool[i], space) for n, i in enumerate(chosen)),
        *(_network(f"{_FRESH}_{n:03}", c, space) for n, c in enumerate(fresh[:num_fresh])),
    ]
    write_measuring_folder(folder, networks, about={"search_space": name})


def _network(name: str, candidate: MeasurableNetwork, space: SearchSpace) -> NetworkToMeasure:
    onnx, _ = files_of_untrained(lambda: space.build(candidate.architecture, SHAPE), SHAPE)
    print(name, flush=True)
    return NetworkToMeasure(name, candidate.graph, onnx)


def judge(name: str, folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield a row for each number of threads: errors on the fresh networks."""
    given = read_networks(folder / NETWORKS_JSON)
    with (folder / MEASURED_CSV).open(newline="") as file:
        threads = sorted({int(row["threads"]) for row in csv.DictReader(file)})
    for number in threads:
        for takes_fastest in (False, True):
            measured = read_measured(
                folder / MEASURED_CSV, given, threads=number, takes_fastest=takes_fastest
            )
            times = np.array(measured.values["latency_ms"])
            is_fresh = np.array([network.startswith(_FRESH) for network in measured.names])
            counts = [network.counts for network in measured.networks]
            fitted = fit_latency_model(
                [counts[place] for place in np.flatnonzero(~is_fresh)], list(times[~is_fresh])
            )
            fresh = np.flatnonzero(is_fresh)
            networks = [measured.networks[place] for place in fresh]
            qualities = [
                np.log([network.num_params for network in networks]),
                np.log([network.num_macs for network in networks]),
            ]
            predicted = np.array([fitted.predict(counts[place]) for place in fresh])
            error = prediction_error(predicted, times[fresh])
            row = (
                *(name, number, "fastest" if takes_fastest else "median"),
                *(int((~is_fresh).sum()), len(fresh), round(error.rank_correlation, 4)),
                *(round(error.share_close, 3), round(error.median_error, 4)),
                round(fitted.noise_share, 4),
                *(
                    round(_volume_lost(quality, predicted, times[fresh]), 4)
                    for quality in qualities
                ),
                measured.num_noisy,
            )
            print("  ".join(str(cell).rjust(10) for cell in row), flush=True)
            yield row


def _volume_lost(quality: FloatArray, predicted: FloatArray, measured: FloatArray) -> float:
    """Return the share of the volume that the front by predicted latencies falls short."""
    truth = np.column_stack([-quality, np.log(measured)])
    believed = np.column_stack([-quality, np.log(predicted)])
    reference = truth.max(axis=0)
    chosen = truth[front_mask(believed)]
    return 1 - hypervolume(chosen, reference=reference) / hypervolume(truth, reference=reference)


def small(folder: Path) -> Iterator[list[str]]:
    """Two networks, of which nothing is measured."""
    place = str(folder / "machine")
    yield ["make", place, "--measured", "1", "--fresh", "1", "--spaces", "resnet", "--pool", "9"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
