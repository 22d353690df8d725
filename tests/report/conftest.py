"""A plausible search without training: accuracy rises with log size; noise, repeats, failures."""

from collections.abc import Callable

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.objective import Objective, objective_for
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

FAILURES = (
    Failure(FailureKind.OUT_OF_MEMORY, "CUDA out of memory: tried to allocate 2.00 GiB", "Trace"),
    Failure(FailureKind.NONFINITE, "the loss became NaN in epoch 3", "Trace"),
    Failure(FailureKind.ERROR, "<b>kernel</b> & stride do not fit", "Trace"),
)


def _architecture(draw: np.random.Generator) -> Architecture:
    values = {
        "resolution": int(draw.choice([16, 24, 32])),
        "width": float(draw.choice([0.25, 0.5, 0.75, 1.0])),
        "activation": "relu",
    }
    for stage in range(int(draw.integers(2, 5))):
        values[f"stages.{stage}.kernel"] = int(draw.choice([3, 5]))
        values[f"stages.{stage}.expansion"] = int(draw.choice([1, 3, 6]))
        values[f"stages.{stage}.squeeze_excite"] = bool(draw.random() < 0.5)
    return Architecture(values)


def _costs(architecture: Architecture) -> dict[str, float]:
    expansions = [v for n, v in architecture.items() if n.endswith("expansion")]
    kernels = [v for n, v in architecture.items() if n.endswith("kernel")]
    num_params = float(
        round(40_000 * architecture["width"] ** 2 * sum(expansions) * sum(kernels) / 6 + 900)
    )
    return {
        "num_params": num_params,
        "size_bytes": 4 * num_params,
        "num_macs": num_params * architecture["resolution"] ** 2 / 8,
    }


def _record(number: int, draw: np.random.Generator, seconds: float) -> TrialRecord:
    architecture = _architecture(draw)
    costs = _costs(architecture)
    start = 1.7e9 + 40.0 * number
    chance = draw.random()
    if chance < 0.06:
        failure = FAILURES[number % len(FAILURES)]
        metrics = costs | {"loss": float("nan")}
        return TrialRecord(
            number,
            architecture,
            TrialState.FAILED,
            metrics,
            seconds,
            0.2,
            failure,
            start,
            start + 9,
        )
    accuracy = 0.985 - 0.9 * (costs["size_bytes"] / 1e4) ** -0.45 / 2 + draw.normal(0, 0.012)
    accuracy -= 0.004 * abs(architecture["resolution"] - 24)
    is_stopped = chance < 0.25
    measured = {
        "accuracy": float(np.clip(accuracy * (0.9 if is_stopped else 1.0), 0, 1)),
        "loss": float(2.2 * (1 - accuracy)),
        "latency_ms": float(costs["num_macs"] ** 0.6 / 900 * draw.lognormal(0, 0.2)),
    }
    return TrialRecord(
        number,
        architecture,
        TrialState.STOPPED if is_stopped else TrialState.COMPLETE,
        costs | measured,
        seconds,
        1 / 3 if is_stopped else 1.0,
        None,
        start,
        start + seconds,
    )


@pytest.fixture
def search_records() -> Callable[..., list[TrialRecord]]:
    """Give `search_records(num_trials, seed=0)`: the records of a plausible search."""

    def make(num_trials: int = 80, *, seed: int = 0) -> list[TrialRecord]:
        draw = np.random.default_rng(seed)
        return [_record(n, draw, float(draw.uniform(20, 60))) for n in range(num_trials)]

    return make


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    """Give `trial(number, accuracy=..., size_bytes=...)`: one complete trial, its own point."""

    def make(
        number: int,
        *,
        state: TrialState = TrialState.COMPLETE,
        budget: float = 1.0,
        failure: Failure | None = None,
        architecture: dict | None = None,
        **metrics: float,
    ) -> TrialRecord:
        point = Architecture({"index": number} if architecture is None else architecture)
        return TrialRecord(
            number, point, state, metrics, 1.0, budget, failure, float(number), number + 1.0
        )

    return make


@pytest.fixture
def accuracy_size() -> tuple[Objective, ...]:
    return objective_for("accuracy"), objective_for("size_bytes")


@pytest.fixture
def three_objectives() -> tuple[Objective, ...]:
    return objective_for("accuracy"), objective_for("size_bytes"), objective_for("latency_ms")
