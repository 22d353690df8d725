"""How many epochs until the front is found, with trials that train in steps and without?

    python -m experiments.time_to_front.tables --seeds 20

Each method searches a published table (`table_problems.py`) with one worker until it has spent as
many epochs as `--trainings` whole trainings take. It is judged by the share of the true front's
hypervolume that its whole trainings cover. A search goes through the project's own study, deciders
and samplers; nothing is trained and nothing is written but the results.
"""

import csv
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np
import optuna

from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.table_problems import (
    MADE_UP,
    PROBLEMS,
    RungProblem,
    open_rung_problem,
)
from experiments.time_to_front.table_search import METHODS, RIVAL, Point, search, search_by_rival

RESULTS = Path(__file__).resolve().parent / "results" / "tables.csv"
GOAL = 0.95
FIELDS = ["problem", "method", "seed", "epochs_to_95", "share_at_end", "num_started", "num_whole"]
# The share is kept at these parts of the search.
MARKS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


def row_of(
    problem: RungProblem, method: str, seed: int, points: Sequence[Point], limit: float
) -> dict[str, object]:
    """Return one row of the results."""
    reached = next((p.epochs for p in points if p.share >= GOAL), None)
    row = {
        "problem": problem.name,
        "method": method,
        "seed": seed,
        "epochs_to_95": "" if reached is None else round(reached),
        "share_at_end": round(points[-1].share, 5),
        "num_started": points[-1].num_started,
        "num_whole": points[-1].num_whole,
    }
    for mark in MARKS:
        shares = [p.share for p in points if p.epochs <= mark * limit + 1e-6]
        row[f"share_at_{mark:g}"] = round(shares[-1], 5) if shares else 0.0
    return row


def main(words: Sequence[str]) -> int:
    """Parse the command line, search and report."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--problems", nargs="+", default=list(PROBLEMS), choices=[*PROBLEMS, MADE_UP]
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=[*METHODS, RIVAL])
    parser.add_argument("--syne-tune", default="", help="python of an environment that has it")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trainings", type=int, default=120, help="budget, in whole trainings")
    parser.add_argument("--continues", action="store_true", help="a rung is part of the next")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if options.syne_tune:
        options.methods = list(dict.fromkeys([*options.methods, RIVAL]))
    done = {(r["problem"], r["method"], int(r["seed"])) for r in read(options.results)}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name in options.problems:
            for method in options.methods:
                if (name, method, seed) not in done:
                    run_one(name, method, seed, options)
    report(read(options.results))
    return 0


def run_one(name: str, method: str, seed: int, options: Namespace) -> None:
    """Search once, and add a row to the results."""
    problem = open_rung_problem(name, continues=options.continues)
    trainings = min(options.trainings, problem.num_networks)
    began_s = time.process_time()
    max_epochs = float(trainings * problem.epochs)
    if method == RIVAL:
        points = search_by_rival(problem, options.syne_tune, seed=seed, max_epochs=max_epochs)
    else:
        points = search(problem, method, seed=seed, max_epochs=max_epochs)
    row = row_of(problem, method, seed, points, trainings * problem.epochs)
    row["cpu_s"] = round(time.process_time() - began_s, 1)
    append(options.results, row)
    print(row, flush=True)


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of the results; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: dict[str, object]) -> None:
    """Add a row to the results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def report(rows: Sequence[dict[str, str]]) -> None:
    """Print, for each problem and method, the epochs to the goal and the share at the end."""
    pairs = dict.fromkeys((r["problem"], r["method"]) for r in rows)
    for problem, method in pairs:
        own = [r for r in rows if (r["problem"], r["method"]) == (problem, method)]
        reached = sorted(float(r["epochs_to_95"]) for r in own if r["epochs_to_95"])
        ends = [float(r["share_at_end"]) for r in own]
        middle = median([*reached, *[np.inf] * (len(own) - len(reached))])
        print(
            f"{problem:11} {method:22} {len(own):3} seeds: {len(reached):3} reach {GOAL:g}, "
            f"median {middle:8.0f} epochs; at the end {mean(ends):.4f}, worst {min(ends):.4f}"
        )


def small(folder: Path) -> Iterator[list[str]]:
    """Search a table that needs no data for a moment."""
    settings = ["--seeds", "1", "--trainings", "6", "--problems", MADE_UP]
    yield [*settings, "--results", str(folder / "tables.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
