"""How long does an ask of `frontier` take?

    python -m experiments.search_quality.ask_time

A study is given 100, 1,000 or 10,000 finished trials of random networks, and goes on from there:
ask, tell, ask, tell. Counted is the CPU time of an ask in one thread, with everything in it: batch
at new networks with their exact costs, the model, its hyperparameters where they are due. The
first ask of all is counted apart: it makes the pool. Tables and the OFA space know their
quality; the shipped spaces get an invented one, since only time is measured.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna

from experiments.engine.parts import describe_machine
from experiments.search_quality.problems import RESULTS, open_problem
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.assemble.facts import facts_of
from nas.assemble.make import make_space
from nas.config.compose import compose_values
from nas.config.open_settings import with_settled
from nas.config.source import ConfigSource
from nas.evaluation.known import KnownBefore
from nas.frontier.sampler import FrontierSampler
from nas.objective import objective_for
from nas.sampling.distributions import flat_distributions
from nas.seeding import derive_seed
from nas.space.facts import Facts
from nas.space.space import SearchSpace
from nas.task import DataShape

NUM_FINISHED = (100, 1000, 10_000)
NUM_ASKS = 20
TABLES = ("macro", "nb201_c100", "ofa_mbv3")
SHIPPED = {
    "mobilenet": (),
    "mobilenet_224": (),
    "resnet": (),
    "vit": (),
    "timm_family": (),
    "elastic": ("search_space.model=resnet18",),
}
IMAGES = DataShape((3, 32, 32), 10)
COUNTED = ("num_params", "size_bytes", "num_macs")


@dataclass(frozen=True)
class Case:
    """A space with what the sampler may know of it.

    Attributes:
        name: for tables.
        space: that is drawn from.
        facts: what is free.
        values: architecture -> accuracy and size.
    """

    name: str
    space: SearchSpace
    facts: Callable[[Architecture], Facts | None]
    values: Callable[[Architecture], tuple[float, float]]


def open_table(name: str) -> Case:
    """Return a problem of the contest."""
    problem = open_problem(name)
    return Case(
        name, problem.space, problem.facts, lambda a: (problem.quality(a), problem.size(a))
    )


def open_shipped(name: str) -> Case:
    """Return a shipped space with its real costs and an invented accuracy."""
    overrides = (f"search_space={name}", *SHIPPED[name])
    settings = compose_values(ConfigSource(overrides=overrides)).values
    space = make_space(with_settled(settings)["search_space"])
    objectives = (objective_for("accuracy"), objective_for("num_params"))
    known = KnownBefore(space, IMAGES, metrics=COUNTED)
    counted: Any = SimpleNamespace(static_costs=known.costs, widths=known.widths)
    facts: Any = facts_of(counted, space=space, objectives=objectives)

    def values(architecture: Architecture) -> tuple[float, float]:
        found = facts(architecture)
        shake = derive_seed(0, architecture.id) / 2**32
        return (found.log_size + 0.3 * shake, 10**found.log_size) if found else (0.0, 1.0)

    return Case(name, space, facts, values)


def distinct(space: SearchSpace, rng: np.random.Generator, count: int) -> list[Architecture]:
    """Return so many random architectures, or fewer where drawing finds no more new ones."""
    found: dict[str, Architecture] = {}
    for _ in range(5 * count):
        architecture = space.sample(rng)
        found.setdefault(architecture.id, architecture)
        if len(found) == count:
            break
    return list(found.values())


def measure(case: Case, num_finished: int, num_asks: int) -> dict[str, Any] | None:
    """Return the times of asks after so many trials; None if the space has not so many."""
    flat = flat_distributions(case.space)
    trained = distinct(case.space, np.random.default_rng(0), num_finished)
    if len(trained) < num_finished or case.space.num_architectures() < num_finished + num_asks:
        return None
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=FrontierSampler(case.space, case.facts, seed=0),
    )
    first_s = next(ask_and_tell(case, study, flat))
    study.add_trials(
        [
            optuna.create_trial(
                params=case.space.genome(a), distributions=flat, values=case.values(a)
            )
            for a in trained
        ]
    )
    asks = ask_and_tell(case, study, flat)
    reading_s = next(asks)
    times_ms = np.array([1000 * next(asks) for _ in range(num_asks)])
    return {
        "space": case.name,
        "finished": num_finished,
        "median_ms": round(float(np.median(times_ms)), 1),
        "p90_ms": round(float(np.quantile(times_ms, 0.9)), 1),
        "first_ask_s": round(first_s, 2),
        "reading_all_s": round(reading_s, 2),
    }


def ask_and_tell(case: Case, study: optuna.Study, flat: dict[str, Any]) -> Iterator[float]:
    """Yield the CPU seconds of ask after ask."""
    while True:
        begin = time.process_time()
        trial = study.ask(flat)
        seconds = time.process_time() - begin
        active: dict[str, Any] = {}
        for parameter in case.space.parameters:
            if case.space.is_active(parameter, active):
                active[parameter.name] = trial.params[parameter.name]
        study.tell(trial, case.values(case.space.architecture(active)))
        yield seconds


def main(words: Sequence[str]) -> int:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--spaces", nargs="+", default=[*TABLES, *SHIPPED])
    parser.add_argument("--finished", nargs="+", type=int, default=list(NUM_FINISHED))
    parser.add_argument("--asks", type=int, default=NUM_ASKS)
    parser.add_argument("--results", type=Path, default=RESULTS / "ask_time.csv")
    options = parser.parse_args(words)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with options.results.open("w", newline="") as file:
        for row in measured(options.spaces, options.finished, options.asks):
            print(row, flush=True)
            writer = csv.DictWriter(file, fieldnames=list(row))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
            file.flush()
    print(f"wrote {options.results}")
    return 0


def measured(
    spaces: Sequence[str], finished: Sequence[int], num_asks: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each space and number of trials that it has room for."""
    for name in spaces:
        case = open_shipped(name) if name in SHIPPED else open_table(name)
        for num_finished in finished:
            row = measure(case, num_finished, num_asks)
            if row is not None:
                yield {**row, "machine": describe_machine()}


def small(folder: Path) -> Iterator[list[str]]:
    """Ask a few times, of one shipped space and of the table that lies here."""
    spaces = ["--spaces", "resnet", "mobilenet_blocks", "--finished", "20", "--asks", "3"]
    yield [*spaces, "--results", str(folder / "ask_time.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
