"""How much faster is our loop than the usual one, and what does each of its parts give?

python -m experiments.training_speed            CPU time of a training, way by way
python -m experiments.training_speed threads    wall time of two processes that share two cores
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.smoke import make_parser, run_experiment
from nas.train.threads import worker_environment

RESULTS = Path(__file__).parent / "results"
WAYS = (
    "ours",
    "usual",
    "default malloc",
    "channels first",
    "optimizer not fused",
    "bfloat16 autocast",
)
COLUMNS = ["way", "round", "architecture", "num_params", "cpu_s", "wall_s", "accuracy"]


def start(*words: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a process that trains."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.training_speed", "train", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(process: subprocess.Popen[str]) -> list[list[str]]:
    """Wait for a process and return its rows."""
    text, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a training process ended with status {process.returncode}")
    return list(csv.reader(text.splitlines()))


def compare_ways(*, rounds: int, count: int, only: Sequence[str] | None, results: Path) -> None:
    """Time every way, one after the other, several times over; write and print the medians."""
    results.mkdir(exist_ok=True)
    rows: list[list[object]] = []
    for number in range(rounds):
        for way in only or WAYS:
            words = ("--variant", way, "--count", str(count))
            done = finish(start(*words, environment=worker_environment(1)))
            rows += [[way, number, *row] for row in done]
            print(f"round {number + 1} of {rounds}: {way}", file=sys.stderr, flush=True)
        with (results / "ways.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        print_ratios(rows)


def print_ratios(rows: list[list[object]]) -> None:
    """Print for each way the median, over architectures, of its least CPU time over ours."""
    least: dict[tuple[str, str], float] = {}
    accuracy: dict[str, list[float]] = {}
    for way, _, architecture, _, cpu_s, _, correct in rows:
        key = (str(way), str(architecture))
        least[key] = min(least.get(key, float("inf")), float(str(cpu_s)))
        accuracy.setdefault(str(way), []).append(float(str(correct)))
    names = sorted({name for _, name in least})
    print("| way | CPU time, times ours: median (least to most) | CPU s of all | mean accuracy |")
    print("|---|---|---|---|")
    for way in accuracy:
        ratios = [least[way, name] / least["ours", name] for name in names]
        total = sum(least[way, name] for name in names)
        print(
            f"| {way} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {total:.1f} | {statistics.mean(accuracy[way]):.3f} |"
        )


def compare_threads(*, rounds: int, count: int, only: Sequence[str] | None, results: Path) -> None:
    """Time two processes at once with one or two threads, waiting passively or spinning."""
    settings = {
        "1 thread": worker_environment(1),
        "2 threads, passive": worker_environment(2),
        "2 threads, spinning": {**worker_environment(2), "OMP_WAIT_POLICY": "ACTIVE"},
        "2 threads, torch's default": {"OMP_NUM_THREADS": "2"},
    }
    settings = {name: settings[name] for name in only or settings}
    results.mkdir(exist_ok=True)
    rows: list[list[object]] = []
    for number in range(rounds):
        for name, environment in settings.items():
            words = ("--count", str(count), "--epochs", "1")
            started = time.perf_counter()
            running = [start(*words, environment=environment) for _ in range(2)]
            trained = [sum(float(row[3]) for row in finish(process)) for process in running]
            whole = time.perf_counter() - started
            rows.append([name, number, f"{statistics.mean(trained):.2f}", f"{whole:.2f}"])
            print(*rows[-1], file=sys.stderr, flush=True)
    with (results / "threads.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["setting", "round", "training_wall_s", "wall_s"], *rows])
    print("| two processes of | wall s of the same trainings, median |")
    print("|---|---|")
    for name in settings:
        times = [float(str(row[2])) for row in rows if row[0] == name]
        print(f"| {name} | {statistics.median(times):.1f} |")


def print_trainings(options: argparse.Namespace) -> None:
    """Train in one way, in this process: what the comparisons start."""
    from experiments.training_speed.variants import train_all

    rows = train_all(options.variant, count=options.count, epochs=options.epochs)
    csv.writer(sys.stdout).writerows(rows)


def main(words: Sequence[str]) -> int:
    """Run the comparison that the words ask for."""
    parser = make_parser(__doc__)
    parser.add_argument("what", nargs="?", choices=["ways", "threads", "train"], default="ways")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=12, help="architectures")
    parser.add_argument("--only", nargs="+", help="ways, ours among them; or settings of threads")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    parser.add_argument("--variant", choices=WAYS, default="ours", help="of train")
    parser.add_argument("--epochs", type=int, default=1, help="of train")
    options = parser.parse_args(words)
    if options.what == "train":
        print_trainings(options)
        return 0
    compare = compare_ways if options.what == "ways" else compare_threads
    compare(rounds=options.rounds, count=options.count, only=options.only, results=options.results)
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train one architecture in the ways that differ most in this process, and compare few."""
    few = ["--rounds", "1", "--count", "1", "--results", str(folder)]
    for way in ("usual", "bfloat16 autocast"):
        yield ["train", "--variant", way, "--count", "1"]
    yield ["ways", "--only", "ours", *few]
    yield ["threads", "--only", "1 thread", *few]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
