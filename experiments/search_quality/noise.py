"""Which sampler finds the front when each accuracy is read on few validation examples?

    python -m experiments.search_quality.noise

Tables of the contest, but what a method sees of a network is a reading: the share of so many
examples that a network of its true accuracy gets right, drawn once for each network and seed, as
one training would show it. Volumes are of the true accuracies: of everything that was trained, of
the front of the readings, and of the front of what `FrontierSampler.believed` makes of them,
whichever method trained. `frontier` is run as it is where nobody says how many examples there are,
and told of them (`num_judged`).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna

from experiments.search_quality.contest import play
from experiments.search_quality.methods.contract import Method
from experiments.search_quality.methods.frontier import FrontierMethod
from experiments.search_quality.methods.optuna_samplers import tpe_multivariate
from experiments.search_quality.problems import Problem, log_size, open_problem
from experiments.search_quality.scale import Scale, scale_of
from experiments.search_quality.store import RESULTS, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.frontier.sampler import FrontierSampler
from nas.pareto.dominance import front_mask
from nas.sampling.distributions import flat_distributions
from nas.seeding import derive_seed, generator

PROBLEMS = ("nb201_c10", "nb201_c100", "macro", "mobilenet_blocks", "ofa_mbv3")
NUM_JUDGED = (451, 10_000)
MARKS = (25, 50, 100)
METHODS = ("frontier", "frontier, told", "TPE multivariate")


def share_of(problem: Problem) -> Callable[[Architecture], float]:
    """Return a network's true accuracy as a share; some tables have percents."""
    truth = problem.score if problem.name.startswith(("macro", "mobilenet")) else None
    quality = truth or problem.quality
    scale = 100.0 if problem.name.startswith(("nb201", "macro")) else 1.0
    return lambda architecture: quality(architecture) / scale


def read_on(problem: Problem, num_judged: int, seed: int) -> Problem:
    """Return the problem whose qualities are readings on so many examples."""
    truth = share_of(problem)

    def reading(architecture: Architecture) -> float:
        rng = generator(seed, "reading", problem.identity(architecture))
        return float(rng.binomial(num_judged, truth(architecture))) / num_judged

    return replace(problem, quality=reading, score=None, score_scale=None)


def true_scale(problem: Problem) -> Scale:
    """Return the scale of the true accuracies."""
    truth = share_of(problem)
    every = problem.space.enumerate()
    return scale_of(np.array([(-truth(one), log_size(problem, one)) for one in every]))


def make_method(name: str, problem: Problem, num_judged: int, seed: int) -> Method:
    """Return a method of `METHODS`."""
    own = derive_seed(seed, problem.name, "frontier")
    if name == "TPE multivariate":
        return tpe_multivariate(problem, derive_seed(seed, problem.name, name))
    told = num_judged if name == "frontier, told" else 0
    return FrontierMethod(problem, problem.facts, own, num_judged=told)


def main(words: Sequence[str]) -> int:
    """Write and print a row for each problem, number of examples and method."""
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="comma-separated")
    parser.add_argument("--judged", type=int, nargs="+", default=NUM_JUDGED, help="examples")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    parser.add_argument("--results", type=Path, default=RESULTS / "noise.csv")
    options = parser.parse_args(words)
    rows = []
    for name in options.problems.split(","):
        problem = open_problem(name)
        scale = true_scale(problem) if name != "ofa_mbv3" else problem.scale
        for num_judged in options.judged:
            for method in options.methods:
                found = [
                    volumes(problem, scale, method, num_judged, seed, options.marks)
                    for seed in range(options.seeds)
                ]
                rows.append(row_of(name, num_judged, method, options.marks, np.array(found)))
                print(*rows[-1].values(), flush=True)
    write_rows(options.results, rows)
    return 0


def volumes(
    problem: Problem, scale: Scale, method: str, num_judged: int, seed: int, marks: Sequence[int]
) -> list[tuple[float, float, float]]:
    """Return shares of the true front's volume (marks, 3): of all that was trained, and of fronts.

    The fronts are those of the readings, and of what is believed after them.
    """
    shown = read_on(problem, num_judged, seed)
    played = play(
        make_method(method, shown, num_judged, seed), shown, seed=seed, num_trainings=max(marks)
    )
    truth = share_of(problem)
    sizes = np.array([log_size(problem, one) for one in played.architectures])
    true = np.column_stack([[-truth(one) for one in played.architectures], sizes])
    read = np.column_stack([[-shown.quality(one) for one in played.architectures], sizes])
    found = []
    for mark in marks:
        kept = believed(shown, played.architectures[:mark], num_judged)
        fronts = [
            front_mask(values) for values in (read[:mark], np.column_stack([-kept, sizes[:mark]]))
        ]
        shares = [scale.share(true[:mark][members]) for members in fronts]
        found.append((scale.share(true[:mark]), shares[0], shares[1]))
    return found


def believed(shown: Problem, architectures: Sequence[Architecture], num_judged: int) -> np.ndarray:
    """Return the accuracies (n,) that `frontier` believes after these trainings."""
    sampler = FrontierSampler(shown.space, shown.facts, seed=0, num_judged=num_judged)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    flat = flat_distributions(shown.space)
    for one in architectures:
        values = [shown.quality(one), shown.size(one)]
        genome = shown.space.genome(one)
        study.add_trial(optuna.create_trial(params=genome, distributions=flat, values=values))
    return np.array([values[0] for values in sampler.believed(study).values()])


def row_of(
    problem: str, num_judged: int, method: str, marks: Sequence[int], found: np.ndarray
) -> dict[str, object]:
    """Return means and standard errors over seeds of volumes (seeds, marks, 3)."""
    row: dict[str, object] = {"problem": problem, "examples": num_judged, "method": method}
    row["seeds"] = len(found)
    for kind, name in enumerate(("trained", "read", "believed")):
        for place, mark in enumerate(marks):
            each = found[:, place, kind]
            row[f"{name}_{mark}"] = round(float(each.mean()), 4)
            error = each.std(ddof=1) / len(each) ** 0.5 if len(each) > 1 else 0.0
            row[f"{name}_{mark}_se"] = round(float(error), 4)
    return row


def small(folder: Path) -> Iterator[list[str]]:
    """Read the table that lies here on few examples."""
    table = ["--problems", "mobilenet_blocks", "--seeds", "1", "--judged", "100"]
    yield [*table, "--marks", "5", "12", "--results", str(folder / "noise.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
