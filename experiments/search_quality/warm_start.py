"""What does an earlier search on other data spare a search?

    python -m experiments.search_quality.warm_start

A search on one data set of NAS-Bench-201 first, with 60 trainings; then one on another that is
told of it (`warm_start`), against one that is not, with the same seeds. And one that is told
nonsense: the earlier results dealt out anew among the same networks.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.search_quality.contest import Outcome, play
from experiments.search_quality.methods.frontier import FrontierMethod, with_facts
from experiments.search_quality.problems import open_problem
from experiments.search_quality.store import RESULTS, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.frontier.warm_start import Results
from nas.seeding import derive_seed, generator

TRANSFERS = (
    ("nb201_c10", "nb201_c100"),
    ("nb201_c100", "nb201_c10"),
    ("nb201_c100", "nb201_in16"),
    ("nb201_in16", "nb201_c100"),
)
MARKS = (10, 25, 50, 100)
NUM_EARLIER = 60


def search(name: str, seed: int, num_trainings: int, earlier: Results | None) -> Outcome:
    """Return what came of a search that was told of an earlier one."""
    problem = open_problem(name)
    own = derive_seed(seed, name, "frontier")
    if earlier is None:
        return play(with_facts(problem, own), problem, seed=seed, num_trainings=num_trainings)
    method = FrontierMethod(problem, problem.facts, own, warm_start=[earlier])
    return play(method, problem, seed=seed, num_trainings=num_trainings)


def results_of(name: str, seed: int, num_trainings: int) -> Results:
    """Return what a search found out."""
    problem = open_problem(name)
    found = search(name, seed, num_trainings, None).architectures
    return [(one, problem.quality(one)) for one in found]


def dealt_anew(results: Results, seed: int) -> Results:
    """Return the results, each of another network of the same search."""
    order = generator(seed, "nonsense").permutation(len(results))
    return [(one, results[i][1]) for (one, _), i in zip(results, order, strict=True)]


def main(words: Sequence[str]) -> int:
    """Write and print a row for each pair of tables and kind of telling."""
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--transfer", nargs=2, action="append", help="from one table to another")
    parser.add_argument("--earlier", type=int, default=NUM_EARLIER, help="trainings")
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    parser.add_argument("--results", type=Path, default=RESULTS / "warm_start.csv")
    options = parser.parse_args(words)
    num_seeds, last = options.seeds, max(options.marks)
    rows = []
    for source, target in options.transfer or TRANSFERS:
        volumes: dict[str, list[np.ndarray]] = {"nothing": [], "earlier": [], "nonsense": []}
        for seed in range(num_seeds):
            # The earlier search has other draws than the later one.
            told = results_of(source, 1000 + seed, options.earlier)
            tellings = {"nothing": None, "earlier": told, "nonsense": dealt_anew(told, seed)}
            for kind, earlier in tellings.items():
                volumes[kind].append(search(target, seed, last, earlier).volumes)
        for kind, each in volumes.items():
            table = np.array(each)
            row = {"earlier": source, "search": target, "told": kind, "seeds": num_seeds}
            row |= {
                f"at_{mark}": round(float(table[:, mark - 1].mean()), 4) for mark in options.marks
            }
            row |= {f"worst_at_{last}": round(float(table[:, -1].min()), 4)}
            rows.append(row)
            print(row, flush=True)
    write_rows(options.results, rows)
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Tell a search of the table that lies here of another search of it."""
    table = ["--transfer", "mobilenet_blocks", "mobilenet_blocks", "--seeds", "1"]
    lengths = ["--earlier", "10", "--marks", "5", "12"]
    yield [*table, *lengths, "--results", str(folder / "warm_start.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
