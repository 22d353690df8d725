"""What may a search be told, in which unit and range?

Each dataclass mirrors a node of `conf/search.yaml`. The `Setting` beside a field's type says what
it is and which values are allowed: `nas.config.validator` checks a composed configuration by it,
and `nas search --help` prints it. The classes only carry values. Open sets (spaces, data,
samplers, recipes) are nodes with a `_target_`, held against the signature of what they name
(`nas.config.targets`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from nas.objective import Constraint

Node: TypeAlias = Mapping[
    str, Any
]  # has a `_target_`, or belongs to another part of the framework


@dataclass(frozen=True)
class Setting:
    """What a value means and which are allowed.

    Attributes:
        words: what it is, with its unit.
        minimum: lowest value allowed.
        above: the value must be greater than this.
        maximum: highest value allowed.
        advice: what to do when the value is not allowed.
        names: of a mapping whose keys stand in the node itself, beside its other settings: the
            keys that it may have.
    """

    words: str = ""
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    advice: str = ""
    names: tuple[str, ...] = ()

    def allows(self, value: float) -> bool:
        """Say whether a finite number is in range."""
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.maximum is None or value <= self.maximum)
        )

    def range_words(self) -> str:
        """Return the range in words; empty if there is none."""
        words = {"of at least": self.minimum, "above": self.above, "at most": self.maximum}
        return " and ".join(f"{word} {end:,}" for word, end in words.items() if end is not None)


# No wait of Python's or of an operating system may be much longer; three years.
MOST_SECONDS = 100_000_000
LEAST_BUDGET_S = 1  # no command starts in less
LEAST_SEARCH_BUDGET_S = 10  # nor reads data, trains and writes tables in less
NO_LIMIT = "null sets no limit"
MOST_WIDTH = 10  # of the hand-made network, times its usual channels


class Ui(StrEnum):
    """How a search shows itself."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


class TrackingKind(StrEnum):
    """Which experiment tracker has the run too."""

    NONE = "none"
    MLFLOW = "mlflow"
    WANDB = "wandb"
    TENSORBOARD = "tensorboard"


class ExecutionKind(StrEnum):
    """Where trials run."""

    RAY = "ray"
    INLINE = "inline"
    SIMULATED = "simulated"


class AimKind(StrEnum):
    """What a search is after."""

    FRONT = "front"
    BEST = "best"


class FidelityKind(StrEnum):
    """How much of a full training a trial gets before it may be stopped."""

    FULL = "full"
    RUNGS = "rungs"


class DeciderKind(StrEnum):
    """Who says which trial goes on to its next rung."""

    AUTO = "auto"
    HALVING = "halving"
    FRONTIER = "frontier"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a metric must keep, both ends allowed."""

    min: Annotated[float | None, Setting("lowest value allowed; null: none")] = None
    max: Annotated[float | None, Setting("highest value allowed; null: none")] = None


def constraints_of(limits: Mapping[str, Limits]) -> tuple[Constraint, ...]:
    """Return those limits of metrics that are set."""
    return tuple(
        Constraint(name, minimum=value.min, maximum=value.max)
        for name, value in limits.items()
        if (value.min, value.max) != (None, None)
    )


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """What the search optimises."""

    metrics: Annotated[
        list[str], Setting("metrics; objectives=[accuracy,num_macs] is short for it")
    ]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """How much of a full training a trial gets."""

    kind: Annotated[
        FidelityKind,
        Setting("full: every trial trains for all of training.epochs; rungs: in steps"),
    ]
    shares: Annotated[
        list[float] | None,
        Setting("shares of a full training, ascending to 1; null: 0.25, 0.5, 1, or the table's"),
    ] = None
    decider: Annotated[
        DeciderKind, Setting("who goes on: auto, halving, frontier, or all but the hopeless")
    ] = DeciderKind.AUTO
    keep: Annotated[
        float | None,
        Setting("halving: share of a rung that goes on; null: ratio of shares", above=0),
    ] = None
    stop_hopeless: Annotated[
        bool, Setting("stop what cannot reach the front by its learning curve")
    ] = True
    checkpoints_gb: Annotated[
        float, Setting("GB of disk for trials that wait at a rung", above=0)
    ] = 20.0


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where trials run, and what each one takes."""

    kind: Annotated[
        ExecutionKind,
        Setting("ray: workers side by side; inline: this process; simulated: for tables"),
    ]
    address: Annotated[
        str | None, Setting("Ray cluster: auto or host:port; null starts Ray on this machine")
    ] = None
    num_workers: Annotated[
        int | None, Setting("trials at once; null: as many as fit", minimum=1)
    ] = None
    cpus_per_trial: Annotated[float, Setting("CPU cores of each trial", above=0)] = 1.0
    gpus_per_trial: Annotated[
        float | None,
        Setting("GPUs of each trial; 0.5: two share one; null: 1 if there are any", minimum=0),
    ] = None
    resources: Annotated[
        dict[str, float],
        Setting("custom Ray resources of each trial: execution.resources.jetson=1"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An experiment tracker that has the run too."""

    kind: Annotated[TrackingKind, Setting("none, mlflow, wandb, tensorboard")] = TrackingKind.NONE
    place: Annotated[
        str | None, Setting("server, team or folder; null: the tracker's own default")
    ] = None
    project: Annotated[str, Setting("experiment or project that the run stands in")] = "nas"


@dataclass(frozen=True, kw_only=True)
class StoppingConfig:
    """When a search ends: at whichever comes first."""

    num_trials: Annotated[
        int | None,
        Setting(
            "trials in all, with those before a resume; null: no limit",
            minimum=1,
            advice="use preset=smoke for the shortest run",
        ),
    ]
    time_limit_s: Annotated[
        float | None,
        Setting(
            "seconds of this command; null: no limit",
            above=0,
            maximum=MOST_SECONDS,
            advice=NO_LIMIT,
        ),
    ]
    max_failed_share: Annotated[
        float, Setting("share of failed trials that ends the run", above=0, maximum=1)
    ]
    rules: Annotated[
        dict[str, Node], Setting("further stop rules, each by a name and a _target_")
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReferencesConfig:
    """What a search is compared with."""

    trivial: Annotated[
        bool, Setting("the most frequent class and a linear classifier on the pixels")
    ] = True
    is_floor: Annotated[bool, Setting("accuracy below the trivial models counts for nothing")] = (
        True
    )
    mobilenetv3_small: Annotated[
        list[float] | None,
        Setting(
            "widths of a hand-made network to compare with; null: by the data",
            above=0,
            maximum=MOST_WIDTH,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Where the study is kept besides the run folder."""

    url: Annotated[
        str | None, Setting("database that mirrors the study; null: the run folder alone")
    ]


@dataclass(frozen=True, kw_only=True)
class TrialLimits:
    """What stands beside a recipe in `training`, and is the search's to hold."""

    trial_time_limit_s: Annotated[
        float | None,
        Setting(
            "seconds; a trial that takes longer fails; null: no limit",
            above=0, maximum=MOST_SECONDS, advice=NO_LIMIT,
        ),
    ] = None  # fmt: skip
    inherit: Annotated[
        bool, Setting("true: a trial starts from the weights of the most similar one before it")
    ] = False
    inherit_share: Annotated[
        float,
        Setting("epochs of a trial that inherits all weights, as a share", above=0, maximum=1),
    ] = 0.25
    inherit_rate: Annotated[
        float,
        Setting("its peak learning rate, as a share of the usual one", above=0, maximum=1),
    ] = 1.0

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the keys that are not the recipe's."""
        return frozenset(item.name for item in fields(cls))


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """A whole search; `conf/search.yaml` with all overrides applied."""

    name: Annotated[str, Setting("name of the run and of its study")]
    run_folder: Annotated[str, Setting("where all files of the run go")]
    seed: Annotated[
        int, Setting("of the sampler, weights and batches", minimum=0, maximum=2**32 - 1)
    ]
    resume: Annotated[bool, Setting("true: go on with the run of that name")]
    ui: Annotated[Ui, Setting("auto: live on a terminal; plain: a line per trial; none: silent")]
    search_space: Annotated[Node, Setting("the family of architectures")]
    data: Annotated[Node, Setting("what networks are trained on")]
    training: Annotated[Node, Setting("how each network is trained")]
    evaluation: Annotated[Node, Setting("trained, or looked up in a table")]
    sampler: Annotated[Node, Setting("proposes the next architecture")]
    objectives: Annotated[Objectives, Setting("what to optimise")]
    devices: Annotated[
        list[str],
        Setting("make the latency on these devices lower too (nas device)"),
    ] = field(default_factory=list)
    constraints: Annotated[dict[str, Limits], Setting("limits of metrics")]
    fidelity: Annotated[Fidelity, Setting("how much of a full training a trial gets")]
    execution: Annotated[Execution, Setting("where trials run")]
    stopping: Annotated[StoppingConfig, Setting("when the search ends")]
    storage: Annotated[StorageConfig, Setting("where the study is kept besides the run folder")]
    table: Annotated[Node | None, Setting("columns of preset=table")] = None
    budget: Annotated[
        float | None,
        Setting(
            "wall time of the whole command, 30min; null: as long as it takes",
            minimum=LEAST_SEARCH_BUDGET_S,
            maximum=MOST_SECONDS,
            advice=NO_LIMIT,
        ),
    ] = None
    finish: Annotated[
        bool, Setting("true: nas finish the run as well, in the same command and budget")
    ] = False
    finish_share: Annotated[
        float, Setting("of the budget, that nas finish gets", above=0, maximum=0.95)
    ] = 0.7
    warm_start: Annotated[
        list[str], Setting("earlier runs of this space whose results guide the sampler")
    ] = field(default_factory=list)
    aim: Annotated[
        AimKind, Setting("front: the whole of it; best: the best network within the constraints")
    ] = AimKind.FRONT
    references: Annotated[
        ReferencesConfig, Setting("what the search is compared with, classified data only")
    ] = field(default_factory=lambda: ReferencesConfig())
    tracking: Annotated[Tracking, Setting("an experiment tracker that has the run too")] = field(
        default_factory=Tracking
    )
    train_again: Annotated[
        bool, Setting("resume: train members of the front again whose weights are missing")
    ] = True
