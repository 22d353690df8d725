"""One training, many points: what compressed copies of a trained network are worth.

Each variant is made of the trained weights: channels and ranks go first, then a short fine-tuning
or, without one, a calibration of the norms, then the rounding of weights. Accuracy and bytes
are those of the compressed network. A variant that fails costs the trial nothing.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from nas.compress.compression import (
    WORDS,
    Compression,
    quantized_bytes,
    reshape,
    stored_tensors,
)
from nas.compress.prune import require_pruning
from nas.compress.quantize import remove_weight_parametrizations
from nas.device.costs import from_operators, operator_costs
from nas.device.device import KnownDevice
from nas.device.trace import operators_of_model
from nas.errors import ConfigError
from nas.evaluation.failures import failure_of
from nas.measure.cost import COUNTABLE, costs_of, input_size
from nas.measure.latency import measure_latency_ms
from nas.running_clock import running_s
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.batches import TrialData
from nas.train.calibration import recalibrate_norms
from nas.train.layout import placed
from nas.train.loop import Loss, TimeLimitError, Training, evaluate
from nas.train.recipe import Recipe
from nas.trial import Variant

# Of the recipe's; what was trained once wants smaller steps.
LEARNING_RATE_SHARE = 0.3
_WHERE = "evaluation.variants"


@dataclass(frozen=True)
class VariantPlan:
    """Which variants to make of each trained network.

    Attributes:
        compressions: one or more.
        fine_tuning: of variants that lost channels or ranks, as a share of the recipe's epochs;
            0 calibrates their norms alone.
        recipe: how the network was trained.
    """

    compressions: tuple[Compression, ...]
    fine_tuning: float
    recipe: Recipe

    def tuning_recipe(self) -> Recipe | None:
        """Return the recipe of fine-tuning; None for none."""
        if not self.fine_tuning:
            return None
        return replace(
            self.recipe.for_weights(),
            epochs=max(1, round(self.fine_tuning * self.recipe.epochs)),
            learning_rate=LEARNING_RATE_SHARE * self.recipe.learning_rate,
        )


@dataclass(frozen=True)
class TrainedModel:
    """A network whose training has ended, and what is needed to judge copies of it.

    Attributes:
        build: makes the network again, with any weights, on the CPU.
        state: its trained weights.
        data: what it was trained on, at its size.
        shape: of the data.
        costs: its static costs; those of a variant are counted where they differ.
        seed: of its training.
        deadline_s: `running_s()` by which variants must be made; None for no limit.
        loss: a model -> the loss that it is trained with; None for the usual one.
        measures_latency: whether variants are timed.
        devices: name -> device, each that the costs name.
    """

    build: Callable[[], nn.Module]
    state: Mapping[str, torch.Tensor]
    data: TrialData
    shape: DataShape
    costs: Mapping[str, float]
    seed: int
    deadline_s: float | None
    loss: Callable[[nn.Module], Loss | None]
    measures_latency: bool = False
    devices: Mapping[str, KnownDevice] = field(default_factory=dict)


def plan_variants(
    names: Sequence[str], *, fine_tuning: float, space: SearchSpace, recipe: Recipe
) -> VariantPlan:
    """Return what names of variants mean.

    Raises:
        ConfigError: one means nothing, is named twice, or is a choice of the space already.
        MissingPackageError: channels are to go, and Torch-Pruning is not installed.
    """
    compressions = tuple(Compression.named(name) for name in names)
    if len(set(compressions)) < len(compressions):
        raise ConfigError(f"{_WHERE} names a variant twice: {list(names)}")
    taken = [word for word in WORDS if word in space.domains]
    if compressions and taken:
        raise ConfigError(
            f"{_WHERE}: the search space has the parameter {', '.join(taken)}, so its networks "
            "are compressed already; leave out one of the two"
        )
    if any(compression.kept < 1.0 for compression in compressions):
        require_pruning()
    if not 0 <= fine_tuning <= 1:
        raise ConfigError(f"evaluation.fine_tuning must be from 0 to 1, but got {fine_tuning}")
    return VariantPlan(compressions, fine_tuning, recipe)


def make_variants(
    trained: TrainedModel, plan: VariantPlan, *, is_wanted: Callable[[Mapping[str, float]], bool]
) -> tuple[Variant, ...]:
    """Return the variants of a trained network; one that fails, or comes too late, says why.

    Args:
        trained: it is not changed.
        plan: what to make.
        is_wanted: says by its metrics whether the weights of a variant are worth sending.
    """
    return tuple(_attempt(trained, c, plan, is_wanted) for c in plan.compressions)


def _attempt(
    trained: TrainedModel,
    compression: Compression,
    plan: VariantPlan,
    is_wanted: Callable[[Mapping[str, float]], bool],
) -> Variant:
    started = time.monotonic()
    try:
        metrics, tensors = _judge(trained, compression, plan.tuning_recipe())
    except Exception as error:  # noqa: BLE001 - the user's forward may raise anything
        seconds = time.monotonic() - started
        return Variant(compression.name, seconds=seconds, failure=failure_of(error))
    return Variant(
        compression.name,
        metrics=metrics,
        seconds=time.monotonic() - started,
        weights=as_bytes(tensors) if is_wanted(metrics) else None,
    )


def as_bytes(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return tensors as a safetensors file."""
    return bytes(
        save_safetensors(
            {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
        )
    )


def _judge(
    trained: TrainedModel, compression: Compression, tuning: Recipe | None
) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Return the metrics of a variant, and what is stored of it."""
    _time_left_s(trained)
    model = trained.build()
    model.load_state_dict({name: tensor.cpu() for name, tensor in trained.state.items()})
    size = input_size(model, trained.shape)
    costs = dict(trained.costs)
    if compression.is_reshaping:
        reshape(model, compression, torch.zeros(2, trained.shape.input_shape[0], *size))
        costs |= _counted(model, trained)
        model = _on_device(model, trained)
        _mend(model, trained, tuning)
    else:
        model = _on_device(model, trained)
    if compression.is_quantizing:
        costs["size_bytes"] = float(quantized_bytes(model, bits=compression.weight_bits))
    tensors = stored_tensors(model, compression)
    remove_weight_parametrizations(model)
    metrics = evaluate(model, trained.data).metrics() | costs
    if trained.measures_latency:
        device = trained.data.mean.device
        metrics["latency_ms"] = measure_latency_ms(model, trained.shape, device=device)
    return metrics, tensors


def _time_left_s(trained: TrainedModel) -> float | None:
    """Return the seconds that variants may still take; None for no limit.

    Raises:
        TimeLimitError: there are none.
    """
    if trained.deadline_s is None:
        return None
    left_s = trained.deadline_s - running_s()
    if left_s <= 0:
        raise TimeLimitError("the trial's time was over before this variant was begun")
    return left_s


def _counted(model: nn.Module, trained: TrainedModel) -> dict[str, float]:
    """Return the costs of a reshaped model; on the meta device, where attention is counted."""
    names = [name for name in COUNTABLE if name in trained.costs]
    shapes = copy.deepcopy(model).to("meta")
    counted = costs_of(shapes, trained.shape, metrics=names)
    of_operators = [name for name in trained.costs if from_operators(name)]
    if not of_operators:
        return counted
    graph = operators_of_model(shapes, trained.shape)
    return counted | operator_costs(graph, metrics=of_operators, devices=trained.devices)


def _on_device(model: nn.Module, trained: TrainedModel) -> nn.Module:
    return placed(model, trained.data.mean.device)


def _mend(model: nn.Module, trained: TrainedModel, tuning: Recipe | None) -> None:
    """Make good some of what reshaping cost."""
    if tuning is None:
        recalibrate_norms(model, trained.data)
        return
    training = Training(
        model,
        trained.data,
        tuning,
        seed=trained.seed,
        time_limit_s=_time_left_s(trained),
        loss=trained.loss(model),
    )
    training.run()
