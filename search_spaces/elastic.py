"""The space `elastic`: one trained model, and all the smaller ones in it.

Your model, or any of timm's, becomes a space in a few lines of YAML: the share of channels that
each stage keeps (structural pruning: Fang et al., 2023, https://arxiv.org/abs/2301.12900), the
share of its blocks (Cai et al., 2020, https://arxiv.org/abs/1908.09791) and the share of the
weights of its linear layers (Denton et al., 2014, https://arxiv.org/abs/1404.0736). Each trial
starts from the weights of the original and is fine-tuned.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import timm
import torch
from torch import nn

from nas.architecture import Architecture
from nas.compress.cost_forecast import CostForecast
from nas.compress.prune import ChannelGroup, kept_units
from nas.compress.reduction import Reducer, Reduction
from nas.compress.stages import BlockStage
from nas.errors import SpaceError, nearest_first
from nas.models.loading import StartingModel, check_fits, is_file
from nas.space.rules import MAX_SIDE, above, check_arguments, check_parameters, whole
from nas.space.space import SearchSpace
from nas.task import DataShape

log = logging.getLogger(__name__)

_PROBE_SIDE = 64
# What belongs to no stage: stem, head, and layers between.
_REST = "rest"
_WORDS = ("width", "depth", "rank")
_KINDS = {"choice", "int", "float", "fixed", "when"}


class ElasticSpace(SearchSpace):
    """The smaller networks inside a trained one.

    Args:
        model: timm's name; the dotted name of a function that makes your model; or a file that
            `torch.save(model, path)` wrote.
        weights: file of its weights (`.safetensors`, `.pt`, `.pth`).
        pretrained: take timm's published weights; a text is a folder of `.safetensors`.
        parameters: `width`, `depth`, `rank`: each one domain for all stages, or a mapping from
            stages to domains. 1.0 keeps all.
        input_size: side that images are resized to, pixels; None takes them as they are.
        multiple: kept channels are a multiple of this, where there are as many.
        stages: names of the containers of blocks; None finds them.

    Raises:
        SpaceError: the model or its weights cannot be had, or a parameter names no stage.
    """

    names_code: ClassVar[Mapping[str, str]] = {"model": "model"}
    default_parameters: ClassVar[Mapping[str, Any]] = {
        "width": {"choice": [0.25, 0.375, 0.5, 0.75, 1.0]},
        "depth": {"choice": [0.5, 1.0]},
        "rank": {"choice": [0.25, 0.5, 1.0]},
    }

    def __init__(
        self,
        model: str,
        *,
        weights: str | None = None,
        pretrained: bool | str = False,
        parameters: Mapping[str, Any] | None = None,
        input_size: int | None = None,
        multiple: int = 8,
        stages: Sequence[str] | None = None,
    ) -> None:
        given = {"multiple": multiple, "input_size": input_size}
        check_arguments(
            {name: value for name, value in given.items() if value is not None},
            {"multiple": whole(1), "input_size": whole(1, MAX_SIDE)},
            space="elastic",
        )
        size = None if input_size is None else (input_size, input_size)
        # Workers may start in other folders.
        path = None if weights is None else _absolute(weights)
        start = _absolute(model) if is_file(str(model)) else str(model)
        published = _absolute(pretrained) if isinstance(pretrained, str) else pretrained
        self.start = StartingModel(start, path, published, size)
        self.multiple = multiple
        self._stage_names = stages
        self._reducers: dict[DataShape, Reducer] = {}
        if timm.is_model(self.start.model) and weights is None and not pretrained:
            log.warning("elastic: %s has no weights: what is made smaller is untrained", model)
        probe = self._probe()
        self.stages = probe.stages
        self._stage_of = {group.root: _stage_of(group, probe.stages) for group in probe.groups}
        tree = self.default_parameters if parameters is None else parameters
        super().__init__(self._with_stages(tree))
        rule = above(0, 1)
        check_parameters(self.domains, dict.fromkeys(self.domains, rule), space="elastic")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the weights behind: each process reads them once."""
        return {**self.__dict__, "_reducers": {}}

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a smaller network with the weights of the original, to be fine-tuned."""
        with torch.device("cpu"):
            model = self._reducer(data).reduce(self.reduction(architecture))
        return model.to(torch.get_default_device())

    def check_data(self, data: DataShape) -> None:
        """Take the model apart for these data, which later is not done again.

        Raises:
            SpaceError: the model or its weights do not fit the images or the classes.
        """
        self._reducer(data)

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and, where known without counting, multiply-accumulates."""
        return self._reducer(data).costs(self.reduction(architecture))

    def cost_forecast(self, architecture: Architecture, data: DataShape) -> CostForecast | None:
        """Return what tells what compressions of a network cost, without making the network."""
        return self._reducer(data).cost_forecast(self.reduction(architecture))

    def identity(self, architecture: Architecture) -> str:
        """Return what is kept: shares that round to the same are one network."""
        kept = self.reduction(architecture)
        return " ".join(
            str(sorted(part.items())) for part in (kept.units, kept.blocks, kept.shares)
        )

    def reduction(self, architecture: Architecture) -> Reduction:
        """Return what an architecture keeps of the original."""
        shares = {name: float(value) for name, value in architecture.items()}
        return Reduction(
            units={
                group.root: kept_units(
                    group,
                    shares.get(f"width.{self._stage_of[group.root]}", 1.0),
                    multiple=self.multiple,
                )
                for group in self._groups
            },
            blocks={
                stage.name: _kept_blocks(stage, shares.get(f"depth.{stage.label}", 1.0))
                for stage in self.stages
            },
            shares={
                linear: shares[f"rank.{stage.label}"]
                for stage in self.stages
                for linear in stage.linears
                if shares.get(f"rank.{stage.label}", 1.0) < 1.0
            },
        )

    def _reducer(self, data: DataShape) -> Reducer:
        if data not in self._reducers:
            self._reducers[data] = self._taken_apart(data)
        return self._reducers[data]

    def _probe(self) -> Reducer:
        """Take the model apart before the data are known; refuse weights that do not fit."""
        reducer = self._taken_apart(None)
        self._groups = reducer.groups
        return reducer

    def _taken_apart(self, data: DataShape | None) -> Reducer:
        # Its own randomness: a new classifier is the same in all processes.
        with torch.random.fork_rng([]), torch.device("cpu"):
            torch.manual_seed(0)
            model = self.start.load(data)
            self._set_input_size(model)
            if data is not None:
                check_fits(model, data)
            channels = _in_channels(model) if data is None else data.input_shape[0]
            images = torch.randn(2, channels, *self._size(model, data))
            try:
                return Reducer(model, images, stages=self._stage_names)
            except (RuntimeError, AssertionError) as error:
                raise SpaceError(
                    f"{self.start.model} cannot take images of {tuple(images.shape)}: {error}; "
                    "set search_space.input_size to what it was trained with"
                ) from error

    def _set_input_size(self, model: nn.Module) -> None:
        if self.start.input_size is not None:
            model.input_size = self.start.input_size  # type: ignore[assignment] # no parameter

    def _size(self, model: nn.Module, data: DataShape | None) -> tuple[int, int]:
        own: tuple[int, int] | None = getattr(model, "input_size", None)
        if own is not None:
            return own
        return _nominal_size(self.start) if data is None else data.input_shape[1:]

    def _with_stages(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Give each stage its own copy of a domain that was written once."""
        for word in tree:
            if word not in _WORDS:
                raise SpaceError(
                    f"elastic has no parameter '{word}'; known: {nearest_first(str(word), _WORDS)}"
                )
        places = {
            "width": [
                label
                for label in (*(stage.label for stage in self.stages), _REST)
                if label in self._stage_of.values()
            ],
            "depth": [stage.label for stage in self.stages if stage.num_removable],
            "rank": [stage.label for stage in self.stages if stage.linears],
        }
        found = {word: _for_each(word, node, places[word]) for word, node in tree.items()}
        found = {word: domains for word, domains in found.items() if domains}
        if not found:
            raise SpaceError(f"nothing of {self.start.model} can be made smaller in these ways")
        return found


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _for_each(word: str, node: Any, places: Sequence[str]) -> dict[str, Any]:
    if not isinstance(node, Mapping) or _KINDS & node.keys():
        return dict.fromkeys(places, node)
    for place in node:
        if place not in places:
            raise SpaceError(
                f"elastic: {word} of '{place}' is nothing that can change; "
                f"allowed: {nearest_first(str(place), places) or 'none'}"
            )
    return dict(node)


def _stage_of(group: ChannelGroup, stages: Sequence[BlockStage]) -> str:
    """Return the stage that most layers of a group are in."""
    votes = Counter(
        next((stage.label for stage in stages if stage.holds(member)), _REST)
        for member in group.members
    )
    return votes.most_common(1)[0][0]


def _kept_blocks(stage: BlockStage, share: float) -> int:
    fixed = len(stage.blocks) - stage.num_removable
    return max(fixed, round(len(stage.blocks) * share + 1e-9), 1)


def _in_channels(model: nn.Module) -> int:
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    return 3 if first is None else first.in_channels


def _nominal_size(start: StartingModel) -> tuple[int, int]:
    settings = timm.get_pretrained_cfg(start.model) if timm.is_model(start.model) else None
    if settings is not None and settings.fixed_input_size:
        return settings.input_size[1], settings.input_size[2]
    return _PROBE_SIDE, _PROBE_SIDE
