"""Small searches for tests of the engine: a space, evaluators with a closed form, a view."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from nas.architecture import Architecture
from nas.engine.loop import run_search
from nas.engine.stopping import Stopping
from nas.engine.task import SearchSummary, SearchTask
from nas.engine.view import Progress, SearchPlan
from nas.execution.inline import InlineBackend
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.space.space import SearchSpace
from nas.trial import TrialRecord, TrialResult, TrialSpec, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))

# 4 * 3 * (2 + 2 * 3) = 96 architectures: 'scale' is there for two of the four kinds.
SMALL = {
    "depth": {"int": [1, 4]},
    "width": {"choice": [0.25, 0.5, 1.0]},
    "kind": {"choice": ["a", "b", "c", "d"]},
    "scale": {"choice": [2, 4, 8], "when": {"kind": ["c", "d"]}},
}
NUM_SMALL = 96

# 5^12 architectures, as wide as real spaces.
WIDE = {f"gene_{i:02}": {"choice": [1, 2, 3, 4, 5]} for i in range(12)}


def size_of(architecture: Architecture) -> float:
    """Return a size in closed form, different for different small architectures."""
    kinds = {"a": 1, "b": 2, "c": 3, "d": 4}
    if "depth" not in architecture:
        return float(sum(3**i * int(v) for i, v in enumerate(architecture.values())))
    scale = float(architecture.get("scale", 1))
    width = float(architecture["width"])
    return 1000.0 * int(architecture["depth"]) * width + 10 * kinds[architecture["kind"]] + scale


def accuracy_of(architecture: Architecture) -> float:
    """Return an accuracy in closed form: it rises with the size, and shakes with the id."""
    shake = int(architecture.id[:4], 16) / 0xFFFF
    size = size_of(architecture)
    return 0.9 * size / (size + 500.0) + 0.1 * shake


@dataclass
class ClosedForm:
    """An evaluator that knows the answer.

    Attributes:
        seconds: how long a trial takes, asleep.
        log: a file that gets one line for each evaluation that ends, or None.
    """

    seconds: float = 0.0
    log: Path | None = None

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        return {"size_bytes": size_of(architecture)}

    def prepare(self) -> None:
        pass

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        if self.seconds:
            time.sleep(self.seconds)
        if self.log is not None:
            note(self.log, f"{spec.number} {spec.architecture.id} {os.getpid()}")
        return complete(spec)


def complete(spec: TrialSpec) -> TrialResult:
    """Return the result that the closed form gives."""
    metrics = {**spec.static_costs, "accuracy": accuracy_of(spec.architecture)}
    return TrialResult(spec.number, spec.attempt, TrialState.COMPLETE, metrics)


def note(path: Path, line: str) -> None:
    """Append a line, whole even when several processes do so."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


@dataclass
class RecordingView:
    """Keeps what a search tells it."""

    plan: SearchPlan | None = None
    finished: list[TrialRecord] = field(default_factory=list)
    rungs: list[TrialRecord] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    is_closed: bool = False
    on_finished: Callable[[TrialRecord], None] = lambda record: None

    def start(self, plan: SearchPlan) -> None:
        self.plan = plan

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        self.finished.append(record)
        self.progress.append(progress)
        self.on_finished(record)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        self.rungs.append(record)
        self.progress.append(progress)

    def tick(self, progress: Progress) -> None:
        self.progress.append(progress)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def close(self) -> None:
        self.is_closed = True


def random_sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def nsga2_sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=10)


def small_task(num_trials: int | None = None, **changes: Any) -> SearchTask:
    """Return a search of the small space."""
    settings: dict[str, Any] = {
        "space": SearchSpace(SMALL),
        "evaluator": ClosedForm(),
        "objectives": OBJECTIVES,
        "make_sampler": random_sampler,
        "stopping": Stopping(num_trials=num_trials),
        **changes,
    }
    return SearchTask(**settings)


def search(
    task: SearchTask,
    folder: Path,
    *,
    make_backend: Callable[[Any], Any] = InlineBackend,
    view: RecordingView | None = None,
    **options: Any,
) -> SearchSummary:
    """SearchLoop in a folder, with or without a history."""
    folder.mkdir(parents=True, exist_ok=True)
    return run_search(
        task,
        run_folder=RunFolder(folder),
        make_backend=make_backend,
        view=view or RecordingView(),
        publish=options.pop("publish", lambda records: None),
        **options,
    )


def ids(records: Sequence[TrialRecord]) -> list[str]:
    """Return the architecture ids in order of number."""
    return [record.architecture.id for record in records]


def front_of(records: Sequence[TrialRecord]) -> set[tuple[str, float, float]]:
    """Return the front by brute force: (id, accuracy, size) of the members."""
    points = [
        (r.architecture.id, r.metrics["accuracy"], r.metrics["size_bytes"])
        for r in records
        if r.state is TrialState.COMPLETE
    ]
    return {
        p
        for p in points
        if not any(q[1] >= p[1] and q[2] <= p[2] and (q[1] > p[1] or q[2] < p[2]) for q in points)
    }
