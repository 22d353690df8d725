"""What does an expert's prior spare a search, and what does a wrong one cost?

    python -m experiments.search_quality.priors

`frontier` on tables of the contest, told nothing, a right prior, or a wrong one. The right one
gives, for each parameter, a weight to the option that most networks of the true front have; the
wrong one gives it to the option whose networks have the lowest median quality. All other options
weigh 1. Of the tables with training settings these alone have priors: an expert who knows a good
learning rate does not know which size is wanted. Each search is one row of the results, and is not
run again.
"""

import copy
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from experiments.search_quality.contest import play
from experiments.search_quality.methods.frontier import with_facts
from experiments.search_quality.problems import Problem, log_size, open_problem
from experiments.search_quality.store import RESULTS, read_rows, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Value
from nas.pareto.dominance import front_mask
from nas.seeding import derive_seed
from nas.space.parameters import Choice
from nas.space.space import SearchSpace

PROBLEMS = ("fcnet_naval", "nb201_c100", "macro")
WEIGHTS = (3.0,)
MARKS = (10, 25, 50)
# These decide the size of networks whose other decisions are settings of their training.
SIZES = ("n_units_1", "n_units_2")


@lru_cache(maxsize=1)
def favoured(problem_name: str) -> dict[str, dict[str, Value]]:
    """Return kind of prior -> parameter -> the option that it favours."""
    problem = open_problem(problem_name)
    every = list(problem.space.enumerate())
    quality = np.array([problem.quality(one) for one in every])
    losses = np.column_stack([-quality, [log_size(problem, one) for one in every]])
    front = [every[place] for place in np.flatnonzero(front_mask(losses))]
    right: dict[str, Value] = {}
    wrong: dict[str, Value] = {}
    for parameter in problem.space.parameters:
        name = parameter.name
        if name in SIZES:
            continue
        values = np.array([str(one.get(name)) for one in every])
        medians = {
            option: float(np.median(quality[values == str(option)]))
            for option in parameter.domain.values()
            if str(option) in values
        }
        counts = Counter(one[name] for one in front if name in one)
        right[name] = max(medians, key=lambda option: (counts[option], medians[option]))
        wrong[name] = min(medians, key=lambda option: medians[option])
    return {"right": right, "wrong": wrong}


def with_prior(space: SearchSpace, options: dict[str, Value], weight: float) -> SearchSpace:
    """Return a copy of a space whose choices have a prior that favours these options."""
    told = copy.copy(space)
    told.parameters = tuple(
        replace(p, domain=Choice(p.domain.values(), prior={options[p.name]: weight}))
        if p.name in options
        else p
        for p in space.parameters
    )
    told.domains = {p.name: p.domain for p in told.parameters}
    return told


def told_problem(name: str, kind: str, weight: float) -> Problem:
    """Return the problem, with the prior of this kind in its space."""
    problem = open_problem(name)
    if kind == "none":
        return problem
    return replace(problem, space=with_prior(problem.space, favoured(name)[kind], weight))


def arms(weights: Sequence[float]) -> list[tuple[str, float]]:
    """Return each kind of prior with each weight."""
    return [("none", 1.0), *((kind, weight) for weight in weights for kind in ("right", "wrong"))]


def main(words: Sequence[str]) -> int:
    """Add a row for each search, and print the means of each kind of prior."""
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    parser.add_argument("--results", type=Path, default=RESULTS / "priors.csv")
    options = parser.parse_args(words)
    rows = read_rows(options.results)
    for name in options.problems:
        for kind, weight in arms(options.weights):
            for seed in range(options.seeds):
                key = {"problem": name, "prior": kind, "weight": f"{weight:g}", "seed": str(seed)}
                if any(key.items() <= row.items() for row in rows):
                    continue
                problem = told_problem(name, kind, weight)
                method = with_facts(problem, derive_seed(seed, name, "frontier"))
                played = play(method, problem, seed=seed, num_trainings=max(options.marks))
                volumes = {
                    f"at_{mark}": f"{played.volumes[mark - 1]:.4f}" for mark in options.marks
                }
                rows.append({**key, **volumes})
                write_rows(options.results, rows)
            print(name, kind, f"{weight:g}", *_means(rows, name, kind, weight), flush=True)
    return 0


def _means(rows: list[dict[str, str]], name: str, kind: str, weight: float) -> list[str]:
    own = [
        r for r in rows if (r["problem"], r["prior"], r["weight"]) == (name, kind, f"{weight:g}")
    ]
    marks = [column for column in own[0] if column.startswith("at_")]
    table = np.array([[float(row[mark]) for mark in marks] for row in own])
    return [f"{mean:.3f}" for mean in table.mean(axis=0)]


def small(folder: Path) -> Iterator[list[str]]:
    """Search the table that lies here."""
    table = ["--problems", "mobilenet_blocks", "--seeds", "1", "--weights", "3"]
    yield [*table, "--marks", "5", "12", "--results", str(folder / "priors.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
