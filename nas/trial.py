"""What travels between the driver and a worker: a trial's order and its result.

A trial trains one architecture once. It may be handed out several times (`attempt`), when a worker
or node is lost, but has one number, one architecture and one result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nas.architecture import Architecture
from nas.secrets import masked


class TrialState(StrEnum):
    """Where a trial stands; the last three are final."""

    RUNNING = "running"
    COMPLETE = "complete"  # trained in full: may stand on the front
    STOPPED = "stopped"  # ended early by a rung rule
    FAILED = "failed"


class FailureKind(StrEnum):
    """Why a trial failed; `LOST` is no fault of the trial, and is tried again without end."""

    ERROR = "error"  # the user's or our code raised
    NONFINITE = "nonfinite"  # the loss or a metric became NaN or infinite
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    LOST = "lost"  # the worker or its node went away


@dataclass(frozen=True)
class Failure:
    """Why a trial failed, in words without passwords.

    Attributes:
        kind: the class of the failure.
        message: one line for people.
        traceback: the full text, empty where there is none.
    """

    kind: FailureKind
    message: str
    traceback: str = ""

    def __post_init__(self) -> None:
        for name in ("message", "traceback"):
            object.__setattr__(self, name, masked(getattr(self, name)))


# In place of a relative's number: its weights were lost, so the trial began with random ones.
NO_RELATIVE = -1
# The metric of a trial that started from a supernet's weights: the share of them that it took.
SUPERNET_SHARE = "supernet_share"


@dataclass(frozen=True)
class Inheritance:
    """The weights that a training starts from in place of random ones, and its length then.

    Attributes:
        weights: of another trial, as the bytes of a safetensors file.
        share: of the steps of a full training, in (0, 1].
        learning_rate_share: its peak learning rate, as a share of the recipe's.
    """

    weights: bytes
    share: float
    learning_rate_share: float


@dataclass(frozen=True)
class TrialSpec:
    """An order to evaluate one architecture.

    Attributes:
        number: the trial's number in the study, from 0.
        architecture: what to build.
        seed: seeds weights, batches and augmentation of this trial.
        static_costs: metric name -> value, known before training.
        attempt: 0 at first, one more each time that the trial is handed out again.
        budget: share of the full training budget to reach, in (0, 1].
        reached: share that an earlier rung of this trial has reached; 0 for none.
        spent_s: seconds that its earlier rungs took.
        checkpoint: folder to resume from and to save into, or None.
        time_limit_s: the trial fails when it trains longer than this; None for no limit.
        front: the front's loss vectors when the trial was handed out; a worker sends no weights of
            a model that one of them dominates.
        keeps_weights: a worker sends the weights whatever they are worth: other trials may start
            from them.
        inherited_from: number of the trial whose weights it starts from; None for random ones.
        inheritance: those weights; budgets are shares of the shorter training that follows.
        epochs: of a full training, where it is not the recipe's.
        within_s: seconds in which the trial is to end, from when a worker begins it; where the
            training takes longer it has fewer steps, and its learning rate still falls to zero.
            None for all of its steps.
        least_epochs: that it trains for all the same.
    """

    number: int
    architecture: Architecture
    seed: int
    static_costs: Mapping[str, float] = field(default_factory=dict)
    attempt: int = 0
    budget: float = 1.0
    reached: float = 0.0
    spent_s: float = 0.0
    checkpoint: str | None = None
    time_limit_s: float | None = None
    front: tuple[tuple[float, ...], ...] = ()
    keeps_weights: bool = False
    inherited_from: int | None = None
    inheritance: Inheritance | None = None
    epochs: int | None = None
    within_s: float | None = None
    least_epochs: int = 0

    def time_bounds(self, *, spent_s: float) -> dict[str, Any]:
        """Return what bounds the training, once some of the trial's time is gone.

        Args:
            spent_s: seconds since a worker began the trial.
        """
        left_s = None if self.within_s is None else max(1.0, self.within_s - spent_s)
        return {
            "time_limit_s": self.time_limit_s,
            "within_s": left_s,
            "least_epochs": self.least_epochs,
        }


@dataclass(frozen=True)
class Variant:
    """A compressed copy of a trained network: a second point out of one training.

    Attributes:
        name: what was done to it, as in `evaluation.variants`: int8, kept0.5+int8.
        metrics: metric name -> value, of the compressed network; finite unless it failed.
        seconds: wall time of making and judging it.
        failure: why, if it failed.
        weights: what is stored of it, as the bytes of a safetensors file, or None.
    """

    name: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failure: Failure | None = None
    weights: bytes | None = None


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial.

    Attributes:
        number: the trial's number.
        attempt: the attempt that this result belongs to.
        state: COMPLETE, FAILED, or STOPPED where a part of the budget was asked for and is spent.
        metrics: metric name -> value, static costs included; finite unless the trial failed.
        seconds: wall time of the evaluation, that of earlier rungs included.
        budget: share of the full training budget that was spent.
        failure: why, if the trial failed.
        worker: which process evaluated it, for people.
        weights: the trained weights as the bytes of a safetensors file, or None.
        variants: compressed copies of the trained network.
        parts_s: part of the evaluation (`nas.evaluation.part_clock`) -> its wall time, seconds.
    """

    number: int
    attempt: int
    state: TrialState
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    budget: float = 1.0
    failure: Failure | None = None
    worker: str = ""
    weights: bytes | None = None
    variants: tuple[Variant, ...] = ()
    parts_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rung:
    """What a trial had reached at a part of its training.

    Attributes:
        budget: share of the full training budget, in (0, 1).
        metrics: metric name -> value, measured there; static costs included.
        seconds: wall time that the trial had taken by then.
        finished_s: when it was measured, seconds since the epoch.
    """

    budget: float
    metrics: Mapping[str, float]
    seconds: float
    finished_s: float = 0.0


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the run folder remembers it; what reports are made from.

    A compressed variant of a trained network has a record of its own, with a number of its own.

    Attributes:
        number: the trial's number in the study, from 0.
        architecture: what was built.
        state: where it stands.
        metrics: metric name -> value, static costs included; static costs alone until it ended.
        seconds: wall time of the evaluation; 0.0 until it ended.
        budget: share of the full training budget that was spent.
        failure: why, if the trial failed.
        started_s: when it was first handed out, seconds since the epoch.
        finished_s: when its result came, likewise; None until then.
        sampler_notes: what the sampler noted with it, opaque; a resumed one goes on from there.
        parent: number of the trial whose trained network this is a variant of; None for a
            training.
        variant: what was done to that network; empty for a training.
        parts_s: part of the trial's time -> seconds; empty where nobody measured it.
        inherited_from: number of the trial whose weights the training started from, or
            `NO_RELATIVE`; None for random weights.
        rungs: what it had reached at the parts of its training that it stopped at, in order.
    """

    number: int
    architecture: Architecture
    state: TrialState
    metrics: Mapping[str, float]
    seconds: float = 0.0
    budget: float = 1.0
    failure: Failure | None = None
    started_s: float = 0.0
    finished_s: float | None = None
    sampler_notes: Mapping[str, Any] = field(default_factory=dict)
    parent: int | None = None
    variant: str = ""
    parts_s: Mapping[str, float] = field(default_factory=dict)
    inherited_from: int | None = None

    @property
    def relative(self) -> int | None:
        """The trial whose weights its training, or that of its parent, started from, if any."""
        return None if self.inherited_from == NO_RELATIVE else self.inherited_from

    @property
    def has_inherited(self) -> bool:
        """Whether there is such a trial."""
        return self.relative is not None

    @property
    def is_sliced(self) -> bool:
        """Whether it started from the weights of a supernet."""
        return SUPERNET_SHARE in self.metrics

    rungs: tuple[Rung, ...] = ()

    @property
    def reached(self) -> float:
        """Share of the full training that its last rung has reached; 0 before the first."""
        return self.rungs[-1].budget if self.rungs else 0.0

    @property
    def origin(self) -> str:
        """What a variant was made of, to stand before its architecture; empty for a training."""
        return "" if self.parent is None else f"{self.variant} of trial {self.parent}: "

    def describe(self) -> str:
        """Return one readable line: the architecture, and what was done to its trained network."""
        return self.origin + self.architecture.describe()


def trainings(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that were trained: all but the variants of others."""
    return [record for record in records if record.parent is None]
