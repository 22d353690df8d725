"""From a command line and a run folder to a `nas finish`: what may be told, checked and built.

Space, data and recipe are those of the run's own config.yaml; only what concerns finishing is set
here, in `conf/finish.yaml`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from nas.config.check import in_one_message
from nas.config.compose import compose_values
from nas.config.export_formats import ExportConfig, format_faults, in_full
from nas.config.limits import share_faults
from nas.config.quoting import quoted
from nas.config.schema import (
    LEAST_BUDGET_S,
    MOST_SECONDS,
    MOST_WIDTH,
    NO_LIMIT,
    Execution,
    Limits,
    Setting,
    Tracking,
    Ui,
    constraints_of,
)
from nas.config.source import ConfigSource
from nas.config.validator import Validator
from nas.errors import ConfigError
from nas.finish.which import Which
from nas.metric import METRICS, is_known
from nas.objective import Constraint


@dataclass(frozen=True, kw_only=True)
class PickConfig:
    """Which trials become winners."""

    which: Annotated[Which, Setting("auto: all of the front, or by the limits")]
    count: Annotated[int, Setting("members that pick.which=spread takes", minimum=1)]
    trials: Annotated[list[int], Setting("trial numbers, whatever else is said")]
    metrics: Annotated[
        dict[str, Limits], Setting("limits, by the search's numbers", names=tuple(METRICS))
    ]

    def limits(self) -> tuple[Constraint, ...]:
        """Return the limits that are set."""
        return constraints_of(self.metrics)


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """Reference points."""

    mobilenetv3_small: Annotated[
        list[float], Setting("widths of the hand-made network", above=0, maximum=MOST_WIDTH)
    ]
    random: Annotated[int, Setting("winners that get a random rival of equal cost", minimum=0)]


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """A teacher for the winners."""

    teacher: Annotated[
        Literal["largest", "ensemble"] | None, Setting("largest, ensemble; null: no distillation")
    ]
    model: Annotated[dict[str, Any] | None, Setting("a network with weights, by its _target_")]
    temperature: Annotated[float, Setting("softens both distributions", above=0)]
    weight: Annotated[float, Setting("share of the teacher in the loss", minimum=0, maximum=1)]
    feature_weight: Annotated[float, Setting("weight of the difference in features", minimum=0)]


@dataclass(frozen=True, kw_only=True)
class CompressionConfig:
    """Winners made smaller, then trained on."""

    to: Annotated[list[str], Setting("kept0.5, rank0.5, int8, int4, or joined: kept0.5+int8")]
    epochs: Annotated[float, Setting("of fine-tuning, as a share of training.epochs", above=0)]
    learning_rate: Annotated[float, Setting("of fine-tuning, as a share of the recipe's", above=0)]


@dataclass(frozen=True, kw_only=True)
class FinishConfig:
    """A whole `nas finish`; `conf/finish.yaml` with all overrides applied."""

    run: Annotated[str, Setting("folder of the run")]
    ui: Annotated[Ui, Setting("auto and plain: a line per retraining; none: silent")]
    pick: Annotated[PickConfig, Setting("which trials become winners")]
    budget: Annotated[
        float | None,
        Setting(
            "seconds for the whole command; null: no limit",
            minimum=LEAST_BUDGET_S, maximum=MOST_SECONDS, advice=NO_LIMIT,
        ),
    ]  # fmt: skip
    seeds: Annotated[int, Setting("retrainings of each winner", minimum=1)]
    data: Annotated[dict[str, Any], Setting("where they are now, if they moved: data.path")]
    training: Annotated[dict[str, Any], Setting("settings that differ from the search's")]
    trial_time_limit_s: Annotated[
        float | None,
        Setting("seconds; null: no limit", above=0, maximum=MOST_SECONDS, advice=NO_LIMIT),
    ]
    baselines: Annotated[BaselineConfig, Setting("reference points")]
    distillation: Annotated[DistillationConfig, Setting("a teacher for the winners")]
    compression: Annotated[CompressionConfig, Setting("winners made smaller, then trained on")]
    export: Annotated[ExportConfig, Setting("which files to make")]
    grid_g_per_kwh: Annotated[float | None, Setting("g of CO2 for a kWh here", minimum=0)]
    license: Annotated[str, Setting("of the weights, for the model cards")]
    execution: Annotated[Execution, Setting("where retrainings run")]
    tracking: Annotated[Tracking, Setting("an experiment tracker that has the run too")]


def rewritten(override: str) -> str:
    """Return an override in full, where a shorter form is allowed.

    >>> rewritten("pick=knee"), rewritten("pick=3"), rewritten("pick=[3,17]")
    ('pick.which=knee', '+pick.count=3', 'pick.trials=[3,17]')
    >>> rewritten("finish.seeds=5"), rewritten("training.epochs=9")
    ('seeds=5', '++training.epochs=9')
    >>> rewritten("size_bytes.max=300kB"), rewritten("constraints.accuracy.min=0.9")
    ('pick.size_bytes.max=300kB', 'pick.accuracy.min=0.9')
    >>> rewritten("run=runs/a (2)")  # a path is no expression of Hydra's
    "run='runs/a (2)'"
    """
    text = override.removeprefix("finish.")
    key, _, value = text.partition("=")
    limited, _, end = key.removeprefix("constraints.").rpartition(".")
    if end in ("min", "max") and is_known(limited):
        return f"pick.{limited}.{end}={value}"
    if key == "run" and value and value[0] not in "'\"":
        return f"run={quoted(value)}"
    if key == "pick":
        if value.startswith("["):
            return f"pick.trials={value}"
        return f"+pick.count={value}" if value.isdecimal() else f"pick.which={value}"
    return f"++{text}" if key.startswith(("training.", "data.")) else text


def check_finish(overrides: Sequence[str]) -> FinishConfig:
    """Compose and check what a command line says.

    Raises:
        ConfigError: with every fault there is.
    """
    full: list[str] = []
    for word in overrides:
        text = rewritten(word)
        if text.startswith("data="):
            raise ConfigError(
                f"'{word}': the data stay those of the run; data.path=... says where they are now"
            )
        if text.startswith("+pick.count="):  # a bare number means: that many, spread
            full += [text.removeprefix("+"), "pick.which=spread"]
        else:
            full.append(text)
    composed = compose_values(ConfigSource(config_name="finish", overrides=in_full(full)))
    validator = Validator(
        known_faults=composed.faults, left_out=composed.unresolved, copied=composed.copied
    )
    config: FinishConfig | None = validator.record(
        cls=FinishConfig, value=composed.values, path=""
    )
    if config is not None:
        validator.faults.extend(format_faults(config.export))
        picked = {name: asdict(limits) for name, limits in config.pick.metrics.items()}
        validator.faults.extend(share_faults(picked, place="pick"))
    if validator.faults or config is None:
        raise ConfigError(in_one_message(validator.faults))
    return config
