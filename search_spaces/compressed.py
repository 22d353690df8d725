"""Any vision space, with what is done to its networks as further parameters.

`kept`, the share of its channels that each layer keeps (structural pruning over the dependency
graph: Fang et al., 2023, https://arxiv.org/abs/2301.12900), `rank`, the share of its weights that
each linear layer keeps as two factors, and `weight_bits` (32, 8 or 4) of all convolutions and
linear layers. A network is compressed before it is trained, and trained as it will be stored: what
a pruned architecture can learn hardly depends on the weights that pruning left it (Liu et al.,
2019, https://arxiv.org/abs/1810.05270). To compress what was trained, see `evaluation.variants`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import nn

from nas.architecture import Architecture
from nas.compress.compression import (
    FULL_BITS,
    MULTIPLE,
    WORDS,
    Compression,
    quantized_bytes,
    reshape,
)
from nas.compress.cost_forecast import CostForecast, ForecastsCosts, forecast_costs
from nas.compress.prune import ChannelGroup, find_groups, kept_units, prune, require_pruning
from nas.compress.quantize import BITS, quantize_weights
from nas.errors import SpaceError, UnbuildableError
from nas.measure.cost import costs_of, input_size, on_meta_device
from nas.space.extended import ExtendedSpace
from nas.space.rules import Rule, above, check_parameters
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.widths import WIDTHS

_TWO_SIZES = {"choice": [FULL_BITS, 8]}
# What networks are taken apart for where no data were named yet.
_NOMINAL = DataShape((3, 32, 32), 10)
_COUNTED = ("num_params", "size_bytes", "num_macs", *WIDTHS)
_MAX_REMEMBERED = 4096  # networks whose groups of channels are known; some 10 kB each
_MAX_STOCKS = 512  # networks whose compressions are all known; some 100 kB each


class CompressedSpace(ExtendedSpace):
    """A space, compressed.

    Each parameter is a domain as in a tree of parameters, one value, or None to leave it out.

    Args:
        space: builds the networks.
        weight_bits: 4, 8, or 32 for none.
        kept: above 0; 1.0 for all channels.
        rank: above 0; 1.0 for all weights, unfactorised.

    Raises:
        SpaceError: a parameter cannot be built, or has the name of one of the space.
    """

    told_by_parameters: ClassVar[frozenset[str]] = frozenset(WORDS)

    def __init__(
        self,
        space: SearchSpace,
        *,
        weight_bits: Any = _TWO_SIZES,
        kept: Any = None,
        rank: Any = None,
    ) -> None:
        given = {"weight_bits": weight_bits, "kept": kept, "rank": rank}
        tree = {word: node for word, node in given.items() if node is not None}
        if not tree:
            raise SpaceError(f"compressed: nothing is compressed; give one of {', '.join(WORDS)}")
        super().__init__(space, tree)
        allowed = (*BITS, FULL_BITS)
        rules = {
            "weight_bits": Rule(f"one of {allowed}", lambda value: value in allowed),
            "kept": above(0, 1),
            "rank": above(0, 1),
        }
        own = {parameter.name: parameter.domain for parameter in self._own}
        check_parameters(own, rules, space="compressed", optional=set(WORDS))
        self._data = _NOMINAL
        self._groups: dict[Architecture, tuple[ChannelGroup, ...]] = {}
        self._forecasts: dict[tuple[Architecture, DataShape], CostForecast | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what is only remembered."""
        return {**self.__dict__, "_groups": {}, "_forecasts": {}}

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained model that computes with compressed weights."""
        inner, compression = self._parted(architecture)
        # Which channels hang together shows only when a network computes.
        place = torch.get_default_device() if compression.kept == 1.0 else torch.device("cpu")
        with place:
            model = self.space.build(inner, data)
            reshape(model, compression, _images(model, data))
            if compression.is_quantizing:
                quantize_weights(model, bits=compression.weight_bits)
        return model.to(torch.get_default_device())

    def check_data(self, data: DataShape) -> None:
        """Refuse what the space inside refuses, and channels without the package that knows them.

        Raises:
            SpaceError: the data do not fit.
            MissingPackageError: Torch-Pruning is not installed, and channels are to go.
        """
        if "kept" in self.domains:
            require_pruning()
        self.space.check_data(data)

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return the space's own costs, as compression changes them."""
        self._data = data
        inner, compression = self._parted(architecture)
        own: Mapping[str, float] = {}
        if compression == Compression():
            own = self.space.static_costs(inner, data) or {}
            if own.keys() >= set(_COUNTED):
                return own
        forecast = self._forecast_of(inner, data)
        if forecast is not None:
            return {**forecast.costs(compression), **own}
        model = self._without_weights(inner, compression, data)
        costs = {**costs_of(model, data, metrics=_COUNTED), **own}
        if compression.is_quantizing:
            bits = compression.weight_bits
            costs["size_bytes"] = float(quantized_bytes(model, bits=bits))
        return costs

    def identity(self, architecture: Architecture) -> str:
        """Return the space's own identity, and what compression adds.

        Shares of channels that round to the same are one network.
        """
        inner, compression = self._parted(architecture)
        rest = replace(compression, kept=1.0).name
        return f"{self.space.identity(inner)} {self._lost(inner, compression.kept)} {rest}"

    def _parted(self, architecture: Architecture) -> tuple[Architecture, Compression]:
        inner, own = self.parted(architecture)
        settings: dict[str, Any] = own
        return inner, Compression(**settings)

    def _without_weights(
        self, inner: Architecture, compression: Compression, data: DataShape
    ) -> nn.Module:
        """Return the reshaped network on the meta device."""
        if compression.kept == 1.0:
            with on_meta_device():
                model = self.space.build(inner, data)
        else:
            with torch.device("cpu"), torch.random.fork_rng([]):
                model = self.space.build(inner, data)
                groups = self._groups_of(inner, data, model)
                kept = {group.root: _kept(group, compression.kept) for group in groups}
                prune(model, _images(model, data), groups, kept)
            model = model.to("meta")
        with on_meta_device():
            reshape(model, replace(compression, kept=1.0), _images(model, data))
        return model

    def _lost(self, inner: Architecture, share: float) -> list[tuple[str, int]]:
        """Return the groups of channels that lose some, and how many units of each stay."""
        if share == 1.0:
            return []
        try:
            forecast = self._forecast_of(inner, self._data)
            groups = self._groups_of(inner, self._data) if forecast is None else forecast.groups
        except UnbuildableError:
            return [("", round(1000 * share))]
        kept = ((group, _kept(group, share)) for group in groups)
        return [(group.root, units) for group, units in kept if units < group.num_units]

    def _forecast_of(self, inner: Architecture, data: DataShape) -> CostForecast | None:
        """Return what tells what all compressions of a network cost; None where nothing does."""
        key = (inner, data)
        if key not in self._forecasts:
            if len(self._forecasts) >= _MAX_STOCKS:
                self._forecasts.clear()
            self._forecasts[key] = self._make_forecast(inner, data)
        return self._forecasts[key]

    def _make_forecast(self, inner: Architecture, data: DataShape) -> CostForecast | None:
        known = (
            self.space.cost_forecast(inner, data)
            if isinstance(self.space, ForecastsCosts)
            else None
        )
        if known is not None:
            return known
        with on_meta_device():
            model = self.space.build(inner, data).eval()
        return forecast_costs(model, (data.input_shape[0], *input_size(model, data)))

    def _groups_of(
        self, inner: Architecture, data: DataShape, model: nn.Module | None = None
    ) -> tuple[ChannelGroup, ...]:
        """Return the channels of a network that hang together, whatever its weights.

        Args:
            inner: the network.
            data: that it is built for.
            model: it, built, on the CPU; None builds it.
        """
        if inner not in self._groups:
            with torch.device("cpu"), torch.random.fork_rng([]):
                built = self.space.build(inner, data) if model is None else model
                found = find_groups(built, _images(built, data))
            if len(self._groups) >= _MAX_REMEMBERED:
                self._groups.clear()
            self._groups[inner] = found
        return self._groups[inner]


def _kept(group: ChannelGroup, share: float) -> int:
    return kept_units(group, share, multiple=MULTIPLE)


def _images(model: nn.Module, data: DataShape) -> torch.Tensor:
    return torch.zeros(2, data.input_shape[0], *input_size(model, data))
