"""Finds the faults of a search space before a search is paid for.

Architectures are drawn, built without memory, counted, run and, for three of them, trained for a
few steps. What cannot be built, returns no logits, costs other than it says, has a parameter
without effect, or does not learn is a `Finding`. `nas.testing.space_contract` turns them into
tests.
"""

import math
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nas.architecture import Architecture, Value
from nas.compress.storage import costs_as_stored
from nas.device.chain import ChainCosts
from nas.device.costs import MEMORY, operator_costs
from nas.device.trace import operators_of_model
from nas.errors import SpaceError, UnbuildableError
from nas.evaluation.brief_training import Loss, to_drawn_vectors, to_labels, train_briefly
from nas.evaluation.chosen import PREFIX, chosen_settings
from nas.evaluation.language_spaces import ReturnsVectors
from nas.measure.cost import costs_of, empty_inputs, example_inputs, on_meta_device
from nas.seeding import generator
from nas.space.space import SearchSpace
from nas.task import DataShape, TokenShape
from nas.widths import WIDTHS

_COUNTED = ("num_params", "size_bytes", "num_macs", *WIDTHS)
# Architectures in which a parameter is changed before it is said to have no effect.
_NUM_PAIRS = 6
_DRAWS_PER_ARCHITECTURE = 20


class Fault(StrEnum):
    """What can be wrong with a space."""

    BUILD_FAILS = "build fails"
    NO_LOGITS = "no logits"
    COST_DIFFERS = "cost differs"
    NO_EFFECT = "no effect"
    TWO_NAMES = "two names"
    DOES_NOT_LEARN = "does not learn"
    DEAD_WEIGHTS = "dead weights"


@dataclass(frozen=True)
class Finding:
    """One fault of a space.

    Attributes:
        fault: its kind.
        message: what was found, with the values.
        architecture: where it shows, if at one.
    """

    fault: Fault
    message: str
    architecture: Architecture | None = None

    def __str__(self) -> str:
        """Return one line."""
        where = "" if self.architecture is None else f"  [{self.architecture.describe()}]"
        return f"{self.fault}: {self.message}{where}"


def check_space(
    space: SearchSpace, data: DataShape, *, num_architectures: int = 100, seed: int = 0
) -> list[Finding]:
    """Return the faults of a space, one finding for each kind and cause; none is a good sign.

    Args:
        space: to be checked.
        data: shape of the images and number of classes to build for.
        num_architectures: how many to draw, build and count.
        seed: of the draws.
    """
    drawn = _draw(space, generator(seed, "check"), num_architectures)
    models: dict[Architecture, nn.Module] = {}
    findings = []
    for architecture in drawn:
        try:
            models[architecture] = _build_without_memory(space, architecture, data)
        except UnbuildableError:
            continue
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a user's build may raise anything
            findings.append(Finding(Fault.BUILD_FAILS, _last_line(error), architecture))
            continue
        findings += _check_model(space, architecture, models[architecture], data)
    if not models and not findings:
        message = f"none of {len(drawn)} architectures can be built for {data.input_shape}"
        findings.append(Finding(Fault.BUILD_FAILS, message))
    if not findings:
        effects = list(_check_effects(space, models, data, generator(seed, "effects")))
        # A parameter without effect makes twins of nearly all.
        findings += effects or _check_names(space, models, data)
        findings += _check_learning(space, _three_sizes(models), data)
    return _first_of_each(findings)


def _draw(space: SearchSpace, rng: np.random.Generator, count: int) -> list[Architecture]:
    found: dict[str, Architecture] = {}
    for _ in range(count * _DRAWS_PER_ARCHITECTURE):
        if len(found) == count:
            break
        architecture = space.sample(rng)
        found.setdefault(space.identity(architecture), architecture)
    return list(found.values())


def _build_without_memory(
    space: SearchSpace, architecture: Architecture, data: DataShape
) -> nn.Module:
    with on_meta_device():
        model = space.build(architecture, data)
    if not isinstance(model, nn.Module):
        raise SpaceError(
            f"build must return a torch.nn.Module, but returned {type(model).__name__}"
        )
    return model.eval()


def _check_model(
    space: SearchSpace, architecture: Architecture, model: nn.Module, data: DataShape
) -> Iterator[Finding]:
    """Yield what is wrong with a model on the meta device: its output, its costs."""
    inputs = empty_inputs(model, data, count=2, device="meta")
    shape = tuple(inputs.shape)
    try:
        with torch.no_grad():
            logits = model(inputs)
        # Weights of few bits are stored smaller than they are trained.
        counted = costs_as_stored(costs_of(model, data, metrics=_COUNTED), model)
    except Exception as error:  # noqa: BLE001 - the user's forward may raise anything
        yield Finding(
            Fault.NO_LOGITS, f"for {_inputs_of(data)} {shape}: {_last_line(error)}", architecture
        )
        return
    wanted = _wanted_shape(space, shape, data)
    if not isinstance(logits, torch.Tensor) or logits.shape != wanted:
        found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        message = f"{_inputs_of(data)} {shape} should give {wanted}, but gave {found}"
        yield Finding(Fault.NO_LOGITS, message, architecture)
    stated = space.static_costs(architecture, data) or {}
    for name in _COUNTED:
        if name in space.told_of_files:
            continue
        if name in stated and not math.isclose(stated[name], counted[name]):
            message = f"static_costs says {name} {stated[name]:g}, the model has {counted[name]:g}"
            yield Finding(Fault.COST_DIFFERS, message, architecture)
    chain = space.parts(architecture, data)
    if chain is not None:
        by_parts = ChainCosts(list(MEMORY), {})(chain, data)
        built = operator_costs(operators_of_model(model, data), metrics=MEMORY, devices={})
        if by_parts != built:
            message = f"parts() describes a network of {by_parts}, build() makes one of {built}"
            yield Finding(Fault.COST_DIFFERS, message, architecture)


def _wanted_shape(space: SearchSpace, shape: tuple[int, ...], data: DataShape) -> tuple[int, ...]:
    """Return the shape of what a network should return for inputs of a shape."""
    if isinstance(space, ReturnsVectors):
        return (shape[0], space.vector_features)
    if isinstance(data, TokenShape):
        return (*shape, data.num_classes)
    return (shape[0], data.num_classes)


def _inputs_of(data: DataShape) -> str:
    return "tokens" if isinstance(data, TokenShape) else "images"


def _check_names(
    space: SearchSpace, models: Mapping[Architecture, nn.Module], data: DataShape
) -> Iterator[Finding]:
    """Yield pairs of architectures that are one network, trained alike, under two identities."""
    by_structure: dict[tuple[object, ...], Architecture] = {}
    for architecture, model in models.items():
        training = tuple(chosen_settings(architecture).items())
        twin = by_structure.setdefault((*_structure(model), training), architecture)
        if twin is architecture:
            continue
        if torch.equal(_output(space, twin, data), _output(space, architecture, data)):
            changed = sorted(
                name
                for name in twin.keys() | architecture.keys()
                if twin.get(name) != architecture.get(name)
            )
            message = f"{', '.join(changed)} made no difference; let identity() say so"
            yield Finding(Fault.TWO_NAMES, message, architecture)


def _check_effects(
    space: SearchSpace,
    models: Mapping[Architecture, nn.Module],
    data: DataShape,
    rng: np.random.Generator,
) -> Iterator[Finding]:
    """Yield parameters that never change the network, though they are not of its training."""
    for name, domain in space.domains.items():
        if name.startswith(PREFIX):
            continue
        holders = [architecture for architecture in models if name in architecture][:_NUM_PAIRS]
        if domain.num_values < 2 or not holders:
            continue
        if not any(_matters(space, name, a, models[a], data, rng) for a in holders):
            message = f"'{name}' changed nothing in {len(holders)} networks; use it in build"
            yield Finding(Fault.NO_EFFECT, message)


def _matters(
    space: SearchSpace,
    name: str,
    architecture: Architecture,
    model: nn.Module,
    data: DataShape,
    rng: np.random.Generator,
) -> bool:
    """Say whether changing one parameter changes the network's structure, or else its output."""
    other = _with_another(space, architecture, name, rng)
    if space.identity(other) == space.identity(architecture):
        return False
    try:
        if _structure(_build_without_memory(space, other, data)) != _structure(model):
            return True
    except UnbuildableError:
        return True
    return not torch.equal(_output(space, architecture, data), _output(space, other, data))


def _with_another(
    space: SearchSpace, architecture: Architecture, name: str, rng: np.random.Generator
) -> Architecture:
    """Return a neighbour in which only `name`, and what hangs on it, has changed."""
    active: dict[str, Value] = {}
    for parameter in space.parameters:
        if not space.is_active(parameter, active):
            continue
        drawn = parameter.domain.sample(rng)
        if parameter.name == name:
            while drawn == architecture[name]:
                drawn = parameter.domain.sample(rng)
            active[name] = drawn
        else:
            active[parameter.name] = architecture.get(parameter.name, drawn)
    return space.architecture(active)


def _structure(model: nn.Module) -> tuple[object, ...]:
    shapes = tuple((name, tuple(tensor.shape)) for name, tensor in model.state_dict().items())
    return repr(model), shapes, getattr(model, "input_size", None)


def _output(space: SearchSpace, architecture: Architecture, data: DataShape) -> torch.Tensor:
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        model = space.build(architecture, data).eval()
        logits: torch.Tensor = model(example_inputs(model, data, count=2))
        return logits


def _three_sizes(models: Mapping[Architecture, nn.Module]) -> list[Architecture]:
    """Return the architectures with fewest, median and most parameters."""
    sizes = {
        architecture: sum(parameter.numel() for parameter in model.parameters())
        for architecture, model in models.items()
    }
    ordered = sorted(sizes, key=lambda architecture: (sizes[architecture], architecture.id))
    places = dict.fromkeys((0, len(ordered) // 2, len(ordered) - 1))
    return [ordered[place] for place in places]


def _check_learning(
    space: SearchSpace, architectures: list[Architecture], data: DataShape
) -> Iterator[Finding]:
    """Yield architectures that a few steps on one random batch do not improve."""
    for architecture in architectures:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            model = space.build(architecture, data)
            loss = to_drawn_vectors if isinstance(space, ReturnsVectors) else to_labels
            yield from _train_briefly(model, architecture, data, loss=loss)


def _train_briefly(
    model: nn.Module, architecture: Architecture, data: DataShape, *, loss: Loss
) -> Iterator[Finding]:
    brief = train_briefly(model, data, loss=loss)
    if not brief.learns:
        first, last, number = brief.losses[0], brief.losses[-1], len(brief.losses)
        message = f"loss {first:.3g} -> {last:.3g} in {number} steps"
        yield Finding(Fault.DOES_NOT_LEARN, message, architecture)
    if brief.dead:
        listed = ", ".join(brief.dead[:3])
        message = f"{len(brief.dead)} weights get no gradient: {listed}"
        yield Finding(Fault.DEAD_WEIGHTS, message, architecture)


def _last_line(error: BaseException) -> str:
    """Return what went wrong and the innermost line that is neither a library's nor ours."""
    text = (str(error).strip().splitlines() or [""])[0]
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename != __file__ and not _is_of_library(f.filename)]
    if isinstance(error, SpaceError) or not own:
        return text if isinstance(error, SpaceError) else f"{type(error).__name__}: {text}"
    return f"{type(error).__name__}: {text} ({own[-1].filename}:{own[-1].lineno})"


def _is_of_library(filename: str) -> bool:
    return filename.startswith("<") or "site-packages" in Path(filename).parts


def _first_of_each(findings: list[Finding]) -> list[Finding]:
    kept: dict[tuple[Fault, str], Finding] = {}
    for finding in findings:
        # The numbers differ at every architecture; one example tells it all.
        cause = re.sub(r"[0-9.]+", "", finding.message)
        kept.setdefault((finding.fault, cause), finding)
    return list(kept.values())
