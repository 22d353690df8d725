"""One search of a table, by any of the methods that are compared."""

import json
import math
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler

from experiments.time_to_front.table_problems import RungProblem
from nas import FrontierSampler
from nas.engine.halving import SuccessiveHalving
from nas.engine.rungs import BySampler, Decider
from nas.errors import UnbuildableError
from nas.evaluation.tabular import QUALITY
from nas.study.proposals import SpaceExhausted
from nas.study.study import SearchStudy
from nas.trial import TrialRecord, TrialState


@dataclass(frozen=True)
class Point:
    """How far a search was after some trial or rung.

    Attributes:
        epochs: spent so far.
        share: of the true front's hypervolume that whole trainings cover.
        num_started: networks that were begun.
        num_whole: of these, the ones that were trained whole.
    """

    epochs: float
    share: float
    num_started: int
    num_whole: int


@dataclass(frozen=True)
class Method:
    """What proposes networks, and what says who goes on.

    Attributes:
        sampler: a problem and a seed -> a sampler.
        decider: a problem and the study -> who goes on; None trains each network whole.
    """

    sampler: Callable[[RungProblem, int], BaseSampler]
    decider: Callable[[RungProblem, SearchStudy], Decider] | None = None


class Unwritten:
    """A record that is not kept."""

    def started(self, record: TrialRecord) -> None:
        """Do nothing."""

    def reached(self, record: TrialRecord) -> None:
        """Do nothing."""

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Do nothing."""

    def noted(self, key: str, value: Any) -> None:
        """Do nothing."""


def frontier(problem: RungProblem, seed: int) -> BaseSampler:
    """Return the project's sampler, told what the table knows before any training."""
    objectives = problem.evaluator.objectives
    static = [objectives[1].metric]
    return FrontierSampler(
        problem.space,
        lambda architecture: problem.evaluator.facts(architecture, static=static),
        seed=seed,
        objectives=objectives,
    )


def at_random(problem: RungProblem, seed: int) -> BaseSampler:
    """Return a sampler that draws at random."""
    del problem
    return RandomSampler(seed=seed)


def halving(problem: RungProblem, study: SearchStudy) -> Decider:
    """Return successive halving among networks of like size."""
    del study
    return SuccessiveHalving(problem.shares, problem.evaluator.objectives)


METHODS = {
    "frontier rungs": Method(frontier, lambda _, study: BySampler(study)),
    "frontier whole": Method(frontier),
    "frontier halving": Method(frontier, halving),
    "random whole": Method(at_random),
    "random halving": Method(at_random, halving),
}


RIVAL = "Syne Tune MO-ASHA"


def search_by_rival(
    problem: RungProblem, python: str, *, seed: int, max_epochs: float
) -> list[Point]:
    """Search by Syne Tune's MO-ASHA, in a process of its own.

    Args:
        problem: what is searched.
        python: of an environment that has Syne Tune.
        seed: of the search.
        max_epochs: when it ends.
    """
    table = problem.evaluator.table
    columns = table.columns
    names = [*(rung.quality for rung in columns.rungs), columns.quality]
    log_sizes = np.log10(table.numbers[columns.size])
    identities = table.identities or ()
    rows = [
        {
            "network": identities[i],
            "log_size": float(log_sizes[i]),
            "quality": [float(table.numbers[name][i]) for name in names],
        }
        for i in range(len(log_sizes))
    ]
    told = {
        "epochs": [round(share * problem.epochs) for share in problem.shares],
        "continues": columns.rungs_continue,
        "rows": rows,
    }
    script = Path(__file__).resolve().parent / "rivals" / "moasha.py"
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(told, file)
        file.flush()
        words = [python, str(script), file.name, str(seed), str(max_epochs)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    points, losses = [], list[tuple[float, float]]()
    for spent, place, number in answer["way"]:
        losses.append((-rows[place]["quality"][-1], rows[place]["log_size"]))
        if spent <= max_epochs:
            share = problem.scale.share(np.array(losses))
            points.append(Point(spent, share, number, len(losses)))
    return points or [Point(answer["spent"], 0.0, answer["num_started"], 0)]


def search(problem: RungProblem, name: str, *, seed: int, max_epochs: float) -> list[Point]:
    """Search until so many epochs are spent or every network is known; return the way."""
    method = METHODS[name]
    evaluator = problem.evaluator
    study = SearchStudy(
        space=problem.space,
        make_sampler=lambda given: method.sampler(problem, given),
        objectives=evaluator.objectives,
        costs=lambda architecture: _costs(problem, architecture),
        journal=Unwritten(),
        seed=seed,
        shares=problem.shares if method.decider else (1.0,),
    )
    decider = method.decider(problem, study) if method.decider else None
    spent, points, whole = 0.0, [], list[TrialRecord]()
    while spent < max_epochs:
        spec = _next(study, decider)
        if spec is None:
            break
        result = evaluator.evaluate(spec)
        spent += (result.seconds - spec.spent_s) * problem.epochs
        ended = study.tell(result)
        whole += [r for r in ended if r.state is TrialState.COMPLETE]
        if decider is not None and not ended:
            decider.reached(study.record(spec.number))
        if spent <= max_epochs:
            points.append(Point(spent, _share(problem, whole), study.num_trials, len(whole)))
    return points


def _next(study: SearchStudy, decider: Decider | None) -> Any:
    paused = study.paused
    promoted = decider.promotion(paused, may_start=True) if decider and paused else None
    if promoted is not None:
        return study.promote(promoted)
    try:
        return study.ask()
    except SpaceExhausted:
        promoted = decider.promotion(paused, may_start=False) if decider and paused else None
        return None if promoted is None else study.promote(promoted)


def _costs(problem: RungProblem, architecture: Any) -> Any:
    try:
        return problem.evaluator.static_costs(architecture)
    except UnbuildableError:
        return None


def _share(problem: RungProblem, whole: Iterable[TrialRecord]) -> float:
    size = problem.evaluator.table.columns.size
    losses = [(-r.metrics[QUALITY], math.log10(r.metrics[size])) for r in whole]
    return problem.scale.share(np.array(losses).reshape(-1, 2))
