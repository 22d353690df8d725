"""Any model that timm names, wider or narrower, deeper or shallower than it was published.

timm's models are functions that fill in a table of settings and hand it to one builder.
`timm_settings` reads the table of a model, `build_timm` scales what it says of widths and depths
and hands it to timm's own builder; so that pretrained weights, input channels and classes work as
they always do. Which settings mean width or depth is a matter of a few families of names
(`_WIDTHS`, `_DEPTHS`); models with others have no such knob, and `knobs_of` says so.
"""

import dataclasses
import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import make_divisible
from torch import nn

from nas.errors import SpaceError, nearest_first
from nas.models.hub import hub_or_cache, is_told_offline, unavailable
from nas.models.timm_settings import builder_call

_WIDTHS = (
    *("dims", "embed_dim", "embed_dims", "channels", "widths", "base_dim"),
    *("stem_chs", "stem_size", "num_features"),
)
_DEPTHS = ("depths", "depth", "layers")
_HEADS = ("num_heads", "heads")
_PROBE = 0.5


def build_timm(
    name: str,
    *,
    num_classes: int,
    in_channels: int,
    width: float = 1.0,
    depth: float = 1.0,
    image_size: tuple[int, int] | None = None,
    pretrained: bool | str = False,
) -> nn.Module:
    """Return a model of timm.

    Args:
        name: as `timm.create_model` takes it.
        num_classes: number of logits.
        in_channels: channels of the images; pretrained stems are adapted by timm.
        width: multiplies the channels of all layers.
        depth: multiplies the blocks of each stage, at least one stays.
        image_size: (H, W) for models that are made for one size; others take any.
        pretrained: load the published weights; a folder with files of them, where it is a text.

    Raises:
        SpaceError: timm has no such model, or its published weights cannot be had.
    """
    wanted: dict[str, Any] = {"num_classes": num_classes, "in_chans": in_channels}
    if image_size is not None and is_for_one_size(name):
        wanted["img_size"] = image_size
    call = builder_call(check_name(name))
    overlay = _overlay(name, pretrained)
    with _published_weights(name) if pretrained else nullcontext():
        if call is None:  # a model that does not go through timm's builder has no knobs
            model: nn.Module = timm.create_model(
                name, pretrained=bool(pretrained), **wanted, **overlay
            )
            return model
        settings = {**_defaults_of(call.model_class), **call.settings, **wanted, **overlay}
        return call.build(bool(pretrained), _scale(settings, width=width, depth=depth))


def fetch_weights(name: str, pretrained: bool | str = True) -> None:
    """Fetch published weights into the user's cache, where they are not there yet.

    Args:
        name: of timm's model.
        pretrained: a folder with files of weights, which are only looked for; else true.

    Raises:
        SpaceError: there are none, or neither folder nor cache nor the network gives them.
    """
    if isinstance(pretrained, str):
        weights_file(check_name(name), pretrained)
        return
    with _published_weights(name):
        timm.create_model(check_name(name), pretrained=True)


@contextmanager
def _published_weights(name: str) -> Iterator[None]:
    """Say what to do where published weights cannot be had."""
    with hub_or_cache():
        try:
            yield
        except SpaceError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            why = "" if is_told_offline() else str(error).splitlines()[0]
            raise SpaceError(unavailable(name, why)) from error


def _overlay(name: str, pretrained: bool | str) -> dict[str, Any]:
    """Return what tells timm's builder of a file of weights; nothing where timm finds them itself.

    Raises:
        SpaceError: the folder has no such file.
    """
    if isinstance(pretrained, bool):
        return {}
    return {"pretrained_cfg_overlay": {"file": str(weights_file(name, pretrained))}}


def weights_file(name: str, folder: str) -> Path:
    """Return the file of a model's weights in a folder.

    `NAME.safetensors`, or `model.safetensors` in a folder of that name, as the hub has it; the
    name with or without the tag of the weights.

    Raises:
        SpaceError: there is none.
    """
    root = Path(folder).expanduser().absolute()
    for word in dict.fromkeys([name, name.partition(".")[0]]):
        for place in (root / f"{word}.safetensors", root / word / "model.safetensors"):
            if place.is_file():
                return place
    found = sorted(p.name for p in root.glob("*")) if root.is_dir() else []
    raise SpaceError(
        f"search_space.pretrained: {root} has no {name}.safetensors and no "
        f"{name}/model.safetensors; it holds {', '.join(found[:5]) or 'nothing'}"
    )


def check_name(name: str) -> str:
    """Return the name.

    Raises:
        SpaceError: timm has no such model.
    """
    if not timm.is_model(name):
        close = nearest_first(name, timm.list_models()).split(", ")[:5]
        raise SpaceError(f"timm has no model '{name}'; nearest: {', '.join(close)}")
    return name


@cache
def knobs_of(name: str) -> frozenset[str]:
    """Return which of `width` and `depth` change this model and leave it running."""
    full = _shapes(name)
    halves = {"width": _shapes(name, width=_PROBE), "depth": _shapes(name, depth=_PROBE)}
    return frozenset(knob for knob, half in halves.items() if half not in (None, full))


def _shapes(name: str, *, width: float = 1.0, depth: float = 1.0) -> tuple[object, ...] | None:
    """Return the shapes of all weights, or None if the scaled model does not run."""
    side = (timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()).input_size[-1]
    try:
        with torch.device("meta"), torch.no_grad():
            model = build_timm(
                name,
                num_classes=2,
                in_channels=3,
                image_size=(side, side),
                width=width,
                depth=depth,
            )
            model.eval()(torch.empty(1, 3, side, side))
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError):
        return None
    return tuple(tuple(tensor.shape) for tensor in model.state_dict().values())


def is_for_one_size(name: str) -> bool:
    """Say whether a model is made for images of one size, which is given when it is built."""
    settings = timm.get_pretrained_cfg(name)
    return settings is not None and bool(settings.fixed_input_size)


def _defaults_of(model_cls: Any) -> dict[str, Any]:
    """Return the widths and depths that a model class takes where its function names none."""
    known = inspect.signature(model_cls).parameters
    return {
        key: known[key].default
        for key in (*_WIDTHS, *_DEPTHS, *_HEADS)
        if key in known and isinstance(known[key].default, int | list | tuple)
    }


def _scale(settings: dict[str, Any], *, width: float, depth: float) -> dict[str, Any]:
    """Return the settings of one model, scaled."""
    scaled = dict(settings)
    if width != 1.0:
        scaled = _scale_mapping(scaled, width)
    if depth != 1.0:
        scaled |= {key: _deeper(scaled[key], depth) for key in _DEPTHS if key in scaled}
        if "block_args" in scaled:
            scaled["block_args"] = [
                stage[: math.ceil(len(stage) * depth)] for stage in scaled["block_args"]
            ]
    if dataclasses.is_dataclass(scaled.get("model_cfg")):
        scaled["model_cfg"] = _scale_dataclass(scaled["model_cfg"], width=width, depth=depth)
    return scaled


def _scale_mapping(settings: dict[str, Any], width: float) -> dict[str, Any]:
    heads_key = next((key for key in _HEADS if key in settings), None)
    scaled = dict(settings)
    for key in _WIDTHS:
        if key not in settings:
            continue
        if heads_key is not None and key.startswith(("embed_dim", "dims")):
            scaled[key], scaled[heads_key] = _with_heads(settings[key], settings[heads_key], width)
        else:
            scaled[key] = _wider(settings[key], width)
    if isinstance(settings.get("width"), float):
        scaled["width"] = settings["width"] * width
    if isinstance(settings.get("round_chs_fn"), partial):
        rounding = settings["round_chs_fn"]
        factor = rounding.keywords.get("multiplier", 1.0) * width
        scaled["round_chs_fn"] = partial(rounding, multiplier=factor)
    return scaled


def _with_heads(features: Any, heads: Any, width: float) -> tuple[Any, Any]:
    """Scale the number of heads, and the features by as much, so that a head keeps its width."""
    if isinstance(features, list | tuple):
        many = heads if isinstance(heads, list | tuple) else [heads] * len(features)
        pairs = [_with_heads(f, h, width) for f, h in zip(features, many, strict=True)]
        kind = type(features)
        return kind(f for f, _ in pairs), kind(h for _, h in pairs)
    if not isinstance(features, int) or not isinstance(heads, int) or features % heads:
        return _wider(features, width), heads
    fewer = max(1, round(heads * width))
    return features // heads * fewer, fewer


def _wider(value: Any, width: float) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_wider(item, width) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return value
    return int(make_divisible(value * width, 8))


def _deeper(value: Any, depth: float) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_deeper(item, depth) for item in value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return value
    return max(1, math.ceil(value * depth))


def _scale_dataclass(settings: Any, *, width: float, depth: float) -> Any:
    """Scale timm's dataclasses: `ByoModelCfg` has a factor, `RegNetCfg` a rule of its own."""
    changes: dict[str, Any] = {}
    if hasattr(settings, "width_factor"):
        changes["width_factor"] = settings.width_factor * width
    if hasattr(settings, "w0"):
        changes["wa"] = settings.wa * width
        changes["w0"] = _wider(settings.w0, width)
        changes["stem_width"] = _wider(settings.stem_width, width)
        changes["depth"] = _deeper(settings.depth, depth)
    if hasattr(settings, "blocks"):
        changes["blocks"] = _fewer_blocks(settings.blocks, depth)
    return dataclasses.replace(settings, **changes)


def _fewer_blocks(blocks: Any, depth: float) -> Any:
    if isinstance(blocks, list | tuple):
        return type(blocks)(_fewer_blocks(block, depth) for block in blocks)
    return dataclasses.replace(blocks, d=_deeper(blocks.d, depth))
