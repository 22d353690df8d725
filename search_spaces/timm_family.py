"""The space `timm_family`: models of timm by name, made narrower, shallower, or fed other images.

Names or globs (`mobilenetv4_*`) say which models; a width and a depth multiplier apply to those
that have such a knob, and the side that images are resized to applies to all. Random or pretrained
weights. Where the idea of one network at several widths comes from: Howard et al., 2017,
https://arxiv.org/abs/1704.04861, section 3.3.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import timm
import torch
from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError, UnbuildableError
from nas.measure.cost import costs_of, on_meta_device
from nas.models.timm_scaling import (
    build_timm,
    check_name,
    fetch_weights,
    is_for_one_size,
    knobs_of,
)
from nas.space.rules import MAX_SIDE, above, check_parameters, one_of, whole
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.widths import WIDTHS

_KNOBS = ("width", "depth")
_MAX_MODELS = 200  # each is looked at before the search, for its knobs
_MAX_WIDTH = 16  # times as many channels as published
_COUNTED = ("num_params", "size_bytes", "num_macs", *WIDTHS)
# What timm raises for sizes that a model cannot take.
_BUILD_ERRORS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError)


class TimmFamilySpace(SearchSpace):
    """Models of timm.

    Args:
        models: names or globs of timm's models.
        parameters: `input_size`, pixels a side; and where wanted `width` and `depth`, multipliers
            of at most 1 that are active for the models that they change.
        pretrained: start from the published weights, which fit only the published width and depth:
            true takes them from the cache or the network, a text is a folder of `.safetensors`.

    Raises:
        SpaceError: no such model, a parameter that cannot be built, or weights that cannot be had.
    """

    told_by_parameters: ClassVar[frozenset[str]] = frozenset({"parameters", "models"})
    default_parameters: ClassVar[Mapping[str, Any]] = {
        "width": {"choice": [0.25, 0.5, 0.75, 1.0]},
        "depth": {"choice": [0.5, 1.0]},
        "input_size": {"choice": [32, 48, 64]},
    }

    def __init__(
        self,
        models: Sequence[str],
        parameters: Mapping[str, Any] | None = None,
        *,
        pretrained: bool | str = False,
    ) -> None:
        self.models = _names_of([models] if isinstance(models, str) else models)
        # Workers may start in other folders.
        self.pretrained = pretrained
        if isinstance(pretrained, str):
            self.pretrained = str(Path(pretrained).expanduser().absolute())
        tree = self.default_parameters if parameters is None else parameters
        if pretrained:
            tree = {name: node for name, node in tree.items() if name not in _KNOBS}
        super().__init__(self._with_models(tree))
        rules = {
            "model": one_of(*self.models),
            "width": above(0, _MAX_WIDTH),
            "depth": above(0, 1),
            "input_size": whole(8, MAX_SIDE),
        }
        check_parameters(self.domains, rules, space="timm_family", optional=set(_KNOBS))
        if pretrained:
            for name in self.models:
                fetch_weights(name, self.pretrained)

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a model; it takes images of side `input_size`.

        Raises:
            UnbuildableError: timm's model does not exist at that size.
        """
        side = int(architecture["input_size"])
        # Published weights have no place on the meta device, where only shapes are asked for.
        is_meta = torch.get_default_device().type == "meta"
        loads = False if is_meta else self.pretrained
        try:
            model = _build(
                str(architecture["model"]),
                float(architecture.get("width", 1.0)),
                float(architecture.get("depth", 1.0)),
                side=side,
                num_classes=data.num_classes,
                in_channels=data.input_shape[0],
                pretrained=loads,
            )
        except _BUILD_ERRORS as error:
            raise _unbuildable(architecture, error) from error
        model.input_size = (side, side)  # type: ignore[assignment] # not a parameter
        return model

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes, products and widths, counted on the meta device.

        Raises:
            UnbuildableError: the model cannot be built, or take images, at that size.
        """
        try:
            model = _without_weights(
                *self._scales(architecture),
                side=int(architecture["input_size"]),
                num_classes=data.num_classes,
                in_channels=data.input_shape[0],
            )
            return costs_of(model, data, metrics=_COUNTED)
        except _BUILD_ERRORS as error:
            raise _unbuildable(architecture, error) from error

    def identity(self, architecture: Architecture) -> str:
        """Return model, size and shapes: multipliers that round alike are one network."""
        side = int(architecture["input_size"])
        try:
            return f"{architecture['model']} {side} {_shapes(*self._scales(architecture), side)}"
        except _BUILD_ERRORS:
            return architecture.id

    @staticmethod
    def _scales(architecture: Architecture) -> tuple[str, float, float]:
        width, depth = (float(architecture.get(knob, 1.0)) for knob in _KNOBS)
        return str(architecture["model"]), width, depth

    def _with_models(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Add the choice of models, and let a knob wait for a model that has it."""
        found: dict[str, Any] = {"model": {"choice": list(self.models)}}
        for name, node in tree.items():
            if name not in _KNOBS:
                found[name] = node
                continue
            having = [model for model in self.models if name in knobs_of(model)]
            if having:
                domain = node if isinstance(node, Mapping) else {"fixed": node}
                found[name] = {**domain, "when": {"model": having}}
        return found


def _build(
    model: str, width: float, depth: float, *, side: int, num_classes: int, **settings: Any
) -> nn.Module:
    return build_timm(
        model,
        width=width,
        depth=depth,
        image_size=(side, side),
        num_classes=num_classes,
        **settings,
    )


def _without_weights(
    model: str, width: float, depth: float, *, side: int, num_classes: int, in_channels: int
) -> nn.Module:
    """Return a model on the meta device, as it takes images of that side."""
    built_side = side if is_for_one_size(model) else 0
    built = _built(model, width, depth, built_side, num_classes, in_channels)
    built.input_size = (side, side)  # type: ignore[assignment] # not a parameter
    return built


# The same weights take images of several sizes, and tell what a network is.
@lru_cache(maxsize=128)
def _built(
    model: str, width: float, depth: float, side: int, num_classes: int, in_channels: int
) -> nn.Module:
    with on_meta_device():
        return _build(
            model, width, depth, side=side, num_classes=num_classes, in_channels=in_channels
        )


@cache
def _shapes(model: str, width: float, depth: float, side: int) -> str:
    """Return a digest of the shapes of all weights."""
    built = _without_weights(model, width, depth, side=side, num_classes=10, in_channels=3)
    shapes = [(name, tuple(tensor.shape)) for name, tensor in built.state_dict().items()]
    return hashlib.blake2b(repr(shapes).encode(), digest_size=8).hexdigest()


def _unbuildable(architecture: Architecture, error: Exception) -> UnbuildableError:
    return UnbuildableError(f"timm cannot build {architecture.describe()}: {error}")


def _names_of(patterns: Sequence[str]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for pattern in patterns:
        is_glob = any(sign in pattern for sign in "*?[")
        found = timm.list_models(pattern) if is_glob else [check_name(pattern)]
        if not found:
            raise SpaceError(f"no model of timm matches '{pattern}'; see timm.list_models()")
        names |= dict.fromkeys(found)
    if not names:
        raise SpaceError("models is empty; name one of timm's models, or a glob: [mobilenetv4_*]")
    if len(names) > _MAX_MODELS:
        raise SpaceError(
            f"timm_family: models names {len(names):,} models, and may have {_MAX_MODELS}; "
            "give narrower globs"
        )
    return tuple(names)
