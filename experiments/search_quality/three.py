"""Which sampler finds the front of three objectives, one of them a measured latency?

    python -m experiments.search_quality.three

NAS-Bench-201 with CIFAR-100 accuracy, parameters, and milliseconds that were measured on a
Raspberry Pi 4 (HELP). Accuracy and latency are known once a network was trained; `frontier` knows
its parameters before. Volumes are shares of the true front's, as in the contest of two objectives:
losses (-accuracy, log10 parameters, log10 milliseconds), each scaled so that the true front spans
0 to 1, up to 1.1. With limits, only networks that keep them count: latency at most its median,
accuracy at least its median. Rivals are told of limits by Optuna's `set_constraint`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from experiments.search_quality.contest import MAX_REPEATS
from experiments.search_quality.problems import DATA, NB201_EDGES
from experiments.search_quality.scale import REFERENCE
from experiments.search_quality.store import RESULTS, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.evaluation.tabular import TabularEvaluator
from nas.frontier.aim import Aim
from nas.frontier.sampler import FrontierSampler
from nas.metric import Direction
from nas.objective import Objective
from nas.pareto.dominance import front_mask
from nas.pareto.hypervolume import hypervolume
from nas.sampling.distributions import flat_distributions
from nas.sampling.whole_space import WholeSpaceSampler
from nas.seeding import derive_seed, generator
from search_spaces.table import TableSpace

TABLE = DATA / "device_latency" / "nas_bench_201.parquet"
LATENCY, LEAST_MS = "ms_raspi4", 0.1  # what reads less was not measured
MARKS = (25, 50, 100)
METHODS = ("frontier", "tpe", "nsga3", "random")  # and qlognehvi, where BoTorch is installed
DIRECTIONS = [optuna.study.StudyDirection.MINIMIZE] * 3
OBJECTIVES = (
    Objective("error", Direction.MINIMIZE, is_static=False),
    Objective("size", Direction.MINIMIZE, is_static=True),
    Objective("latency", Direction.MINIMIZE, is_static=False),
)


@dataclass(frozen=True)
class ThreeObjectives:
    """A table with three objectives.

    Attributes:
        evaluator: of the table.
        losses: (rows, 3) of error, log size, log latency.
        limits: (3,) the worst losses that count.
    """

    evaluator: TabularEvaluator
    losses: np.ndarray
    limits: np.ndarray

    def share(self, points: np.ndarray) -> float:
        """Return the share of the true front's volume that points (n, 3) cover."""
        return self._volume(points) / self._volume(self.losses)

    def _volume(self, points: np.ndarray) -> float:
        true = self.losses[(self.losses <= self.limits).all(axis=1)]
        true = true[front_mask(true)]
        low, high = true.min(axis=0), true.max(axis=0)
        kept = points[(points <= self.limits).all(axis=1)]
        scaled = (kept - low) / (high - low)
        scaled = scaled[(scaled < REFERENCE).all(axis=1)]
        if not len(scaled):
            return 0.0
        front = np.unique(scaled[front_mask(scaled)], axis=0)
        return float(hypervolume(front, reference=np.full(3, REFERENCE)))


def open_table(path: Path, folder: Path, *, is_limited: bool) -> ThreeObjectives:
    """Return the table without rows that were not measured.

    Args:
        path: Parquet file.
        folder: gets the file of what is left.
        is_limited: whether the medians of accuracy and latency are limits.
    """
    table = pa.parquet.read_table(path)
    table = table.filter(pc.greater_equal(table[LATENCY], LEAST_MS))
    kept = folder / "measured.parquet"
    pa.parquet.write_table(table, kept)
    evaluator = TabularEvaluator(
        {
            "path": kept,
            "parameters": NB201_EDGES,
            "quality": "quality",
            "size": "params_c100",
            "score": LATENCY,
            "identity": "unique_id",
        }
    )
    numbers = evaluator.table.numbers
    losses = np.column_stack(
        [-numbers["quality"], np.log10(numbers["params_c100"]), np.log10(numbers[LATENCY])]
    )
    error, _, latency = np.median(losses, axis=0)
    limits = np.array([error, inf, latency]) if is_limited else np.full(3, inf)
    return ThreeObjectives(evaluator, losses, limits)


def make_sampler(name: str, problem: ThreeObjectives, seed: int) -> optuna.samplers.BaseSampler:
    """Return a sampler; `frontier` is told of the limits here, others by each trial."""
    is_limited = bool(np.isfinite(problem.limits).any())
    if name == "frontier":
        return FrontierSampler(
            TableSpace(problem.evaluator.table),
            lambda one: problem.evaluator.facts(one, static=["params_c100"]),
            seed=seed,
            objectives=OBJECTIVES,
            aim=Aim(limits=tuple(problem.limits.tolist()) if is_limited else ()),
        )
    if name == "tpe":
        return optuna.samplers.TPESampler(multivariate=True, seed=seed)
    if name == "qlognehvi":
        return PoolSampler(problem, seed)
    if name == "nsga3":
        return optuna.samplers.NSGAIIISampler(population_size=20, seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


class PoolSampler(WholeSpaceSampler):
    """BoTorch's qLogNEHVI of the contest, with three objectives and limits.

    Args:
        problem: what is searched.
        seed: of everything random.
    """

    def __init__(self, problem: ThreeObjectives, seed: int) -> None:
        from experiments.search_quality.methods.botorch_acquisition import QLogNehvi

        space = TableSpace(problem.evaluator.table)
        flat = flat_distributions(space)
        super().__init__(space, flat)
        self.options = {name: _choices(one) for name, one in flat.items()}
        limits = problem.limits.tolist() if np.isfinite(problem.limits).any() else ()
        self._method = QLogNehvi(self, seed, limits=limits)

    def sample_relative(self, *_: object) -> dict[str, Any]:
        """Return the next genome."""
        return self._method.ask()

    def sample_independent(self, *_: object) -> Any:
        """Draw nothing: genomes are whole."""
        raise AssertionError("a genome has all parameters")

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the method the losses."""
        del study, state
        if values is not None:
            self._method.tell(dict(trial.params), tuple(values))


def _choices(distribution: optuna.distributions.BaseDistribution) -> list[Any]:
    assert isinstance(distribution, optuna.distributions.CategoricalDistribution)
    return list(distribution.choices)


def search(name: str, problem: ThreeObjectives, *, seed: int, num_trainings: int) -> np.ndarray:
    """Return the losses (num_trainings, 3) of the distinct networks trained; repeats are free."""
    table = problem.evaluator.table
    space = TableSpace(table)
    flat = flat_distributions(space)
    rng = generator(seed, "given")
    sampler = make_sampler(name, problem, derive_seed(seed, "three", name))
    study = optuna.create_study(directions=DIRECTIONS, sampler=sampler)
    trained: dict[str, np.ndarray] = {}
    in_a_row = 0
    while len(trained) < num_trainings:
        if in_a_row >= MAX_REPEATS:
            study.enqueue_trial(space.genome(space.sample(rng)))
        trial = study.ask(flat)
        architecture = space.architecture(trial.params)
        if table.row(architecture) is None:  # its latency was not measured
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        key = table.identity(architecture)
        in_a_row = in_a_row + 1 if key in trained else 0
        row = problem.losses[table.existing_row(architecture)]
        trained.setdefault(key, row)
        for place in np.flatnonzero(np.isfinite(problem.limits)):
            trial.set_constraint(OBJECTIVES[place].metric, row[place] - problem.limits[place])
        study.tell(trial, trained[key].tolist())
    return np.array(list(trained.values()))


def main(words: Sequence[str]) -> int:
    """Write and print a row for each kind of contest and method."""
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--results", type=Path, default=RESULTS / "three.csv")
    options = parser.parse_args(words)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = []
    for is_limited in (False, True):
        problem = open_table(options.table, options.results.parent, is_limited=is_limited)
        for name in options.methods:
            shares = np.array([run(name, problem, s, options.marks) for s in range(options.seeds)])
            row: dict[str, object] = {"limits": is_limited, "method": name, "seeds": len(shares)}
            for mark, column in zip(options.marks, shares.T, strict=True):
                row |= {f"at_{mark}": round(float(column.mean()), 4)}
                error = column.std() / max(len(column) - 1, 1) ** 0.5
                row |= {f"se_{mark}": round(float(error), 4)}
            rows.append(row)
            print(*row.values(), flush=True)
            write_rows(options.results, rows)
    return 0


def run(name: str, problem: ThreeObjectives, seed: int, marks: Sequence[int]) -> list[float]:
    """Return the shares of the true volume that a search has at some numbers of trainings."""
    found = search(name, problem, seed=seed, num_trainings=max(marks))
    return [problem.share(found[:mark]) for mark in marks]


def write_made_up_table(path: Path) -> Path:
    """Write 243 cells whose accuracy grows with size and latency, more or less."""
    rng = np.random.default_rng(0)
    cells = np.stack(np.meshgrid(*[np.arange(3)] * 5, [0], indexing="ij"), -1).reshape(-1, 6)
    size = 1000 + cells @ rng.integers(100, 900, size=6)
    columns = {edge: cells[:, i] for i, edge in enumerate(NB201_EDGES)}
    columns |= {
        "unique_id": np.arange(len(cells)),
        "params_c100": size,
        "quality": np.log(size) + 0.2 * rng.normal(size=len(cells)),
        LATENCY: 1.0 + size / 500 * rng.uniform(0.5, 1.5, size=len(cells)),
    }
    pa.parquet.write_table(pa.table(columns), path)
    return path


def small(folder: Path) -> Iterator[list[str]]:
    """Search a made-up table with two methods."""
    table = ["--table", str(write_made_up_table(folder / "table.parquet"))]
    sizes = ["--seeds", "1", "--marks", "5", "12", "--methods", "frontier", "nsga3"]
    yield [*table, *sizes, "--results", str(folder / "three.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
