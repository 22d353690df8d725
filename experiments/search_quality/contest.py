"""One contest: a method, a problem, a seed, so many distinct trainings.

Repeated and isomorphic networks are free for every method: it is told the known result at once.
A method that repeats itself `MAX_REPEATS` times in a row is given a random network that is new,
which counts.
"""

import time
from dataclasses import dataclass

import numpy as np

from experiments.search_quality.methods.contract import Genome, Losses, Method
from experiments.search_quality.problems import Problem, log_size, open_problem
from experiments.search_quality.roster import ROSTER
from nas.architecture import Architecture
from nas.pareto.dominance import front_mask
from nas.seeding import derive_seed, generator

MAX_REPEATS = 30


@dataclass(frozen=True)
class Outcome:
    """What came of one contest.

    Attributes:
        volumes: (trainings,) covered share of the true front's volume after each training.
        score_volumes: the same for the front so far, on data kept for the end; None without.
        num_repeats: free proposals.
        num_given: random networks given to a method that was stuck.
        method_s: wall seconds that the method itself took.
        architectures: (trainings) what was trained, in order.
    """

    volumes: np.ndarray
    score_volumes: np.ndarray | None
    num_repeats: int
    num_given: int
    method_s: float
    architectures: list[Architecture]


def run_contest(method_name: str, problem_name: str, *, seed: int, num_trainings: int) -> Outcome:
    """Run a method on a problem until it has trained `num_trainings` distinct networks."""
    problem = open_problem(problem_name)
    method = ROSTER[method_name].make(problem, derive_seed(seed, problem_name, method_name))
    return play(method, problem, seed=seed, num_trainings=num_trainings)


def play(method: Method, problem: Problem, *, seed: int, num_trainings: int) -> Outcome:
    """Let a method search until it has trained `num_trainings` distinct networks."""
    rng = generator(seed, problem.name, "given")
    trained: dict[str, Losses] = {}
    architectures: list[Architecture] = []
    num_repeats = num_given = in_a_row = 0
    method_s = 0.0
    while len(trained) < num_trainings:
        started = time.perf_counter()
        if in_a_row < MAX_REPEATS:
            genome = method.ask()
        else:
            genome, num_given = _unseen(problem, trained, rng), num_given + 1
        method_s += time.perf_counter() - started
        architecture = problem.space.architecture(genome)
        key = problem.identity(architecture)
        if key in trained:
            num_repeats, in_a_row = num_repeats + 1, in_a_row + 1
        else:
            in_a_row = 0
            trained[key] = (-problem.quality(architecture), log_size(problem, architecture))
            architectures.append(architecture)
        started = time.perf_counter()
        method.tell(genome, trained[key])
        method_s += time.perf_counter() - started
    volumes, score_volumes = _volumes(problem, list(trained.values()), architectures)
    return Outcome(volumes, score_volumes, num_repeats, num_given, method_s, architectures)


def _unseen(problem: Problem, trained: dict[str, Losses], rng: np.random.Generator) -> Genome:
    while True:
        architecture = problem.space.sample(rng)
        if problem.identity(architecture) not in trained:
            return problem.space.genome(architecture)


def _volumes(
    problem: Problem, losses: list[Losses], architectures: list[Architecture]
) -> tuple[np.ndarray, np.ndarray | None]:
    points = np.array(losses)
    volumes = np.array([problem.scale.share(points[:num]) for num in range(1, len(points) + 1)])
    if problem.score is None or problem.score_scale is None:
        return volumes, None
    scores = np.array([-problem.score(architecture) for architecture in architectures])
    scored = np.column_stack([scores, points[:, 1]])
    # A searcher keeps what is on the front of the qualities it saw; that is what is scored.
    kept = [np.flatnonzero(front_mask(points[:num])) for num in range(1, len(points) + 1)]
    return volumes, np.array([problem.score_scale.share(scored[members]) for members in kept])
