"""What the engine's benchmarks share: a generated table, a space of its rows, a silent view."""

import csv
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import optuna
import pyarrow as pa
import pyarrow.parquet

from nas.architecture import Architecture
from nas.engine.view import Progress, SearchPlan
from nas.evaluation.tabular import TabularEvaluator
from nas.seeding import derive_seed
from nas.trial import TrialRecord, TrialResult, TrialSpec

NUM_PARAMETERS = 8
PARAMETERS = [f"block_{i}" for i in range(NUM_PARAMETERS)]


class ClosedForm:
    """An evaluator of the benchmarks: the size in a closed form, and nothing to prepare."""

    brings_weights = True

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the size."""
        values = enumerate(architecture.values())
        return {"size_bytes": 1.0 + sum(4**i * int(v) for i, v in values)}

    def prepare(self) -> None:
        """Do nothing."""


def write_table(path: Path) -> Path:
    """Write 4^8 = 65,536 architectures with a quality and a size in closed form."""
    columns: dict[str, list[Any]] = {name: [] for name in [*PARAMETERS, "quality", "size"]}
    for choices in product(range(4), repeat=NUM_PARAMETERS):
        size = sum((i + 1) * choice**2 for i, choice in enumerate(choices)) + 1
        text = "".join(map(str, choices))
        shake = derive_seed(0, text) / 2**32
        for name, choice in zip(PARAMETERS, choices, strict=True):
            columns[name].append(choice)
        columns["quality"].append(size / (size + 40.0) + 0.05 * shake)
        columns["size"].append(1000 * size + int(shake * 999))
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def table_arguments(path: Path) -> dict[str, Any]:
    """Return the arguments of `nas.tables.table.open_table` for a table of `write_table`."""
    return {"path": str(path), "parameters": PARAMETERS, "quality": "quality", "size": "size"}


class TimedTable(TabularEvaluator):
    """Looks up a table, and takes its time.

    Args:
        table: as `TabularEvaluator`.
        seconds: how long each look-up sleeps.
        log: a file that gets a line when an evaluation starts, or None.
    """

    def __init__(self, table: Any, *, seconds: float = 0.0, log: Path | None = None) -> None:
        super().__init__(table)
        self._sleep_s = seconds
        self._log = log

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Look up after a while."""
        if self._log is not None:
            append_line(self._log, f"{spec.number} {spec.attempt} {os.getpid()}")
        time.sleep(self._sleep_s)
        return super().evaluate(spec)


class ByNumber(optuna.samplers.BaseSampler):
    """Draws from the trial's number alone: what it proposes does not depend on what happened."""

    def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
        """Return nothing: each parameter is drawn alone."""
        return {}

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, dist: Any) -> Any:
        """Draw one parameter."""
        seed = derive_seed(0, trial.number, param_name)
        return optuna.samplers.RandomSampler(seed=seed).sample_independent(
            study, trial, param_name, dist
        )


class Silent:
    """A view that watches nothing."""

    def start(self, plan: SearchPlan) -> None:
        """Do nothing."""

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Do nothing."""

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Do nothing."""

    def tick(self, progress: Progress) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Show it: it may explain a figure."""
        print(f"  message: {text}")

    def close(self) -> None:
        """Do nothing."""


def append_line(path: Path, line: str) -> None:
    """Append a line, whole even when several processes do so."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV, and beside it on what it was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {path}")


def describe_machine() -> str:
    """Return hardware, versions, load and date in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("optuna", "ray", "torch"))
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, {packages}, {time.strftime('%Y-%m-%d')}"
    )
