"""How soon is the front there when trials cost less than a whole training?

python -m experiments.time_to_front.real RUNS --cifar10 MOSAICS    goes on where it ended

RUNS is a folder for run folders, outside the repository; MOSAICS the folder that
`experiments.cifar10.convert` reads. Results are written after each seed of each problem.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.cifar10.pretend import write_mosaics
from experiments.search_quality.real.contest import make_cifar10
from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.real.retraining import Retrainings
from experiments.time_to_front.real.searches import ARMS, PROBLEMS, WHOLE, ArmSearch, searches
from experiments.time_to_front.real.summary import (
    LOOKS,
    ArmRow,
    rows_of,
    scale_for,
    table,
    wanted,
)
from nas.record.rows import write_rows

RESULTS = Path(__file__).resolve().parents[1] / "results"
NUM_TRIALS = 32


def main(words: Sequence[str]) -> int:
    """Search, retrain and write results, seed by seed."""
    options = parse(words)
    runs = options.runs.absolute()
    make_cifar10(options.cifar10, runs)
    known = Retrainings(runs / "retrained.csv")
    done: list[ArmSearch] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for problem in options.problems:
            group = list(
                searches(
                    runs,
                    problems=[problem],
                    arms=options.arms,
                    seeds=[seed],
                    num_trials=options.trials,
                    settings=options.settings,
                )
            )
            _do(group, known)
            done += group
            _write(done, known, results=options.results)
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--cifar10", type=Path, required=True, metavar="MOSAICS")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), help=f"'{WHOLE}' first")
    parser.add_argument("--trials", type=int, default=NUM_TRIALS, help="of whole trainings")
    parser.add_argument("--settings", nargs="+", default=(), help="of each search, key=value")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    return parser.parse_args(words)


def _do(group: Sequence[ArmSearch], known: Retrainings) -> None:
    """Search with all arms, and retrain what stood on the front of each."""
    for one in group:
        print(one.folder.name, flush=True)
        one.run()
        known.train(one, wanted(one.steps(), _times(one)))


def _times(one: ArmSearch) -> list[float]:
    """Return the device-seconds at which fronts are looked at."""
    return [look * _total_s(one) for look in LOOKS]


def _total_s(one: ArmSearch) -> float:
    return one.whole.steps()[-1].spent_s


def _write(done: Sequence[ArmSearch], known: Retrainings, *, results: Path) -> None:
    rows: list[ArmRow] = []
    for problem in dict.fromkeys(one.problem for one in done):
        steps = {one: one.steps() for one in done if one.problem == problem}
        retrained = known.of(problem)
        whole = [step.record for found in steps.values() for step in found]
        scale = scale_for([record for record in whole if record is not None], retrained)
        for one, found in steps.items():
            rows += rows_of(
                (problem, one.arm, one.seed),
                found,
                total_s=_total_s(one),
                until=ARMS[one.arm][1],
                retrained=retrained,
                scale=scale,
            )
    write_rows(results / "real.csv", rows, kind=ArmRow)
    lines = table(rows)
    (results / "real.md").write_text("\n".join(lines) + "\n")
    print(*lines, sep="\n", flush=True)


def small(folder: Path) -> Iterator[list[str]]:
    """Search and retrain one problem with two arms, a few trials each."""
    mosaics = ["--cifar10", str(write_mosaics(folder / "mosaics"))]
    few = ["--seeds", "1", "--problems", "signals", "--arms", "whole", "inherit", "--trials", "6"]
    tiny = ["--settings", "training.epochs=1", "data.num_train=200"]
    yield [str(folder / "runs"), *mosaics, *few, "--results", str(folder), *tiny]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
