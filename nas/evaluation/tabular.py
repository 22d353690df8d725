"""Trials answered from a published table: no model is built, a result takes microseconds.

The search sees the quality column (as `quality` and under its own name), the size and the facts;
the score is looked up apart, for the front, after the search. Time is the table's own: a trial
says how many seconds its training took then, and `nas.execution.simulated` runs the clock.
"""

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from nas.architecture import Architecture
from nas.evaluation.evaluator import Evaluator, KnowsFacts, ReadsTable
from nas.metric import Direction
from nas.objective import Objective
from nas.space.facts import Facts
from nas.tables.columns import TableRung
from nas.tables.table import Table, open_table
from nas.trial import (
    Failure,
    FailureKind,
    TrialRecord,
    TrialResult,
    TrialSpec,
    TrialState,
)

QUALITY = "quality"
SCORE = "score"
SECONDS_WITHOUT_COLUMN = 1.0
# Budgets are shares such as 1/3: a rung that costs 0.3333 serves it.
BUDGET_TOLERANCE = 1e-3
# Counts span orders of magnitude, and a share of them matters, not a difference.
LOGARITHMIC_SPAN = 10.0


class TabularEvaluator(Evaluator, KnowsFacts, ReadsTable):
    """Looks results up instead of training.

    Args:
        table: an open table, or the arguments of `nas.tables.table.open_table`.

    Raises:
        ConfigError: the columns contradict each other.
        DataError: the file cannot be used.
    """

    def __init__(self, table: Table | Mapping[str, Any]) -> None:
        self.table = table if isinstance(table, Table) else open_table(**table)

    @property
    def objectives(self) -> tuple[Objective, Objective]:
        """Quality, maximised, and the size column, minimised and known before."""
        return (
            Objective(QUALITY, Direction.MAXIMIZE, is_static=False),
            Objective(self.table.columns.size, Direction.MINIMIZE, is_static=True),
        )

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the size and the facts, under the names of their columns.

        Raises:
            UnbuildableError: the table has no such row.
        """
        row = self.table.existing_row(architecture)
        return {name: self._number(name, row) for name in self.table.columns.known_before}

    def facts(self, architecture: Architecture, *, static: Sequence[str] = ()) -> Facts | None:
        """Return what a size-aware sampler may know; None for a combination that is no row.

        The numbers are the fact columns, as decimal logarithms where they are positive and span a
        factor of ten.

        Args:
            architecture: what is asked about.
            static: columns that are objectives, the first of them the size; by default the
                table's size alone.
        """
        row = self.table.row(architecture)
        if row is None:
            return None
        values = tuple(float(self._scaled(name)[row]) for name in static)
        return Facts(
            log_size=values[0] if values else float(self._log_sizes[row]),
            identity=self.table.identity(architecture),
            numbers=tuple(self._fact_numbers[row].tolist()),
            static=values,
        )

    def _scaled(self, name: str) -> np.ndarray:
        columns = self.table.columns
        if name == columns.size:
            return self._log_sizes
        return self._scaled_facts[columns.facts.index(name)]

    @cached_property
    def _log_sizes(self) -> np.ndarray:
        sizes = self.table.numbers[self.table.columns.size]
        positive = sizes[sizes > 0]
        lowest = float(positive.min()) / 2 if positive.size else 1.0
        # Nothing at all counts as half of the smallest.
        return np.asarray(np.log10(np.maximum(sizes, lowest)))

    @cached_property
    def _scaled_facts(self) -> list[np.ndarray]:
        return [_on_even_scale(self.table.numbers[name]) for name in self.table.columns.facts]

    @cached_property
    def _fact_numbers(self) -> np.ndarray:
        columns = self._scaled_facts
        return np.column_stack(columns) if columns else np.empty((len(self.table.codes), 0))

    def prepare(self) -> None:
        """Do nothing: the table is in memory."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Look up the quality that `spec.budget` buys: of the dearest rung it pays for.

        A budget below all rungs, an architecture without a row, and a training that took longer
        than `spec.time_limit_s` are failed trials.
        """
        try:
            row = self.table.existing_row(spec.architecture)
            rung = self._rung(spec.budget)
        except Exception as error:  # noqa: BLE001 - a failure is a result
            kind, text = FailureKind.ERROR, traceback.format_exc()
            return _failed(spec, Failure(kind, str(error), text))
        seconds = self._seconds(row, rung, spec)
        if spec.time_limit_s is not None and seconds > spec.time_limit_s:
            message = f"the training took {seconds:g} s of the {spec.time_limit_s:g} s allowed"
            return _failed(spec, Failure(FailureKind.TIMEOUT, message), spec.time_limit_s)
        quality = self._number(rung.quality if rung else self.table.columns.quality, row)
        own_name = rung.quality if rung else self.table.columns.quality
        metrics = {**self.static_costs(spec.architecture), own_name: quality, QUALITY: quality}
        return TrialResult(
            number=spec.number,
            attempt=spec.attempt,
            state=TrialState.COMPLETE if rung is None else TrialState.STOPPED,
            metrics=metrics,
            seconds=seconds,
            budget=spec.budget,
            worker="table",
        )

    def score(self, architecture: Architecture) -> float | None:
        """Return what the winner is worth on data kept for the end; None without that column.

        For reports on a front: no sampler may see it.

        Raises:
            UnbuildableError: the table has no such row.
        """
        name = self.table.columns.score
        return None if name is None else self._number(name, self.table.existing_row(architecture))

    def _rung(self, budget: float) -> TableRung | None:
        """Return the dearest rung that the budget pays for; None is the full training."""
        if budget >= 1.0 - BUDGET_TOLERANCE:
            return None
        rungs = self.table.columns.rungs
        paid = [rung for rung in rungs if rung.cost <= budget + BUDGET_TOLERANCE]
        if not paid:
            known = ", ".join(f"{rung.quality} at {rung.cost:g}" for rung in rungs) or "none"
            raise ValueError(
                f"the table has no result for {budget:g} of a full training; "
                f"cheaper results: {known}. "
                "Give table.rungs='[{quality: column, cost: share}]', or take fidelity=full"
            )
        return paid[-1]

    def _seconds(self, row: int, rung: TableRung | None, spec: TrialSpec) -> float:
        """Return what the training took, with its earlier rungs."""
        name = self.table.columns.seconds
        full = SECONDS_WITHOUT_COLUMN if name is None else self._number(name, row)
        share = rung.cost if rung else 1.0
        if not spec.reached:
            return full * share
        before = spec.reached if self.table.columns.rungs_continue else 0.0
        return spec.spent_s + full * max(0.0, share - before)

    def _number(self, name: str, row: int) -> float:
        return float(self.table.numbers[name][row])


def with_scores(
    records: Sequence[TrialRecord], *, evaluator: Evaluator, numbers: Collection[int]
) -> list[TrialRecord]:
    """Return the records, those of the given numbers with the metric `score`.

    For reports when a search is over; an evaluator without scores leaves all as they are.

    Args:
        records: of a search.
        evaluator: the search's.
        numbers: of the trials on the front.
    """
    if not isinstance(evaluator, TabularEvaluator) or evaluator.table.columns.score is None:
        return list(records)
    return [
        replace(record, metrics={**record.metrics, SCORE: score})
        if record.number in numbers and (score := evaluator.score(record.architecture)) is not None
        else record
        for record in records
    ]


def _on_even_scale(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return np.log10(values) if low > 0 and high >= LOGARITHMIC_SPAN * low else values


def _failed(spec: TrialSpec, failure: Failure, seconds: float = 0.0) -> TrialResult:
    return TrialResult(
        number=spec.number,
        attempt=spec.attempt,
        state=TrialState.FAILED,
        seconds=seconds,
        budget=spec.budget,
        failure=failure,
        worker="table",
    )
