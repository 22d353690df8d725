"""Channels followed without weights are those that Torch-Pruning finds; costs are foretold."""

import numpy as np
import pytest
import timm
import torch
from timm.layers import EcaModule
from torch import nn

from nas.compress.channel_rules import RULES
from nas.compress.channels import trace_channels
from nas.compress.compression import Compression, quantized_bytes, reshape
from nas.compress.cost_forecast import forecast_costs
from nas.compress.prune import find_groups
from nas.measure.cost import costs_of, input_size, on_meta_device
from nas.task import DataShape
from nas.widths import WIDTHS
from search_spaces.cell import CellSpace
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace
from search_spaces.signals import SignalSpace
from search_spaces.vit import ViTSpace

PHOTOS, SIGNALS = DataShape((3, 16, 16), 10), DataShape((2, 1, 40), 4)
SPACES = {
    "mobilenet": (MobileNetSpace, PHOTOS),
    "resnet": (ResNetSpace, PHOTOS),
    "vit": (ViTSpace, PHOTOS),
    "cell": (lambda: CellSpace(channels=8, num_cells=1), PHOTOS),
    "signals": (SignalSpace, SIGNALS),
}
each_space = pytest.mark.parametrize(("make", "data"), SPACES.values(), ids=SPACES)
COUNTED = ("num_params", "size_bytes", "num_macs", *WIDTHS)


def drawn(make, data, *, count):
    """Yield architectures' networks, on the meta device and on the CPU."""
    space, rng = make(), np.random.default_rng(5)
    for _ in range(count):
        architecture = space.sample(rng)
        with on_meta_device():
            ghost = space.build(architecture, data).eval()
        yield ghost, lambda chosen=architecture: space.build(chosen, data).eval()


def shape_of(model, data):
    return data.input_shape[0], *input_size(model, data)


def shrinking(groups):
    """Return what identifies groups, whatever layer stands for them."""
    return {(group.num_units, group.num_parts, frozenset(group.shrinks)) for group in groups}


@each_space
def test_the_channels_that_hang_together_are_those_of_the_dependency_graph(make, data):
    for ghost, build in drawn(make, data, count=3):
        shape = shape_of(ghost, data)
        traced = trace_channels(ghost, shape, RULES)
        found = find_groups(build(), torch.zeros(2, *shape))
        assert shrinking(traced.groups) == shrinking(found) != set()


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_channels_of_timm_models_are_followed(name):
    model = timm.create_model(name, num_classes=10).eval()
    with on_meta_device():
        ghost = timm.create_model(name, num_classes=10).eval()
    traced = trace_channels(ghost, (3, 32, 32), RULES)
    assert shrinking(traced.groups) == shrinking(find_groups(model, torch.zeros(2, 3, 32, 32)))


def test_a_model_with_a_function_that_no_rule_knows_is_not_followed():
    with on_meta_device():
        ghost = timm.create_model("test_vit", num_classes=10, img_size=32).eval()
    assert trace_channels(ghost, (3, 32, 32), RULES) is None


@each_space
@pytest.mark.parametrize("name", ["kept0.5", "rank0.5", "kept0.3+rank0.4+int4", "int8"])
def test_foretold_costs_are_those_of_the_compressed_network(make, data, name):
    compression = Compression.named(name)
    for ghost, build in drawn(make, data, count=2):
        shape = shape_of(ghost, data)
        model = build()
        reshape(model, compression, torch.zeros(2, *shape))
        model = model.to("meta")
        counted = costs_of(model, data, metrics=COUNTED)
        if compression.is_quantizing:
            counted["size_bytes"] = quantized_bytes(model, bits=compression.weight_bits)
        assert forecast_costs(ghost, shape).costs(compression) == counted


class Wired(nn.Module):
    """Two convolutions, with something in between."""

    def __init__(self, between, *, channels=8):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(channels, 4, 3)
        self.attention = EcaModule(8)
        self.head = nn.Linear(4, 10)
        self.between = between

    def forward(self, images):
        return self.head(self.second(self.between(self, self.first(images))).mean((2, 3)))


def test_attention_along_the_channels_lets_them_go():
    model = Wired(lambda net, maps: net.attention(maps)).eval()
    with on_meta_device():
        ghost = Wired(lambda net, maps: net.attention(maps)).eval()
    groups = find_groups(model, torch.zeros(2, 3, 16, 16))
    assert {group.root for group in groups} == {"first", "second"}
    assert shrinking(trace_channels(ghost, (3, 16, 16), RULES).groups) == shrinking(groups)


@pytest.mark.parametrize(
    ("between", "channels"),
    [
        (lambda _, maps: torch.cat([maps, maps.relu()], 1), 16),
        (lambda _, maps: maps[:, :4], 4),
        (lambda _, maps: maps.flip(1), 8),
        (lambda _, maps: maps * maps.mean(1, keepdim=True), 8),
        (lambda _, maps: torch.zeros_like(maps.detach()).add_(maps), 8),
    ],
    ids=["joined", "a part", "in another order", "mixed", "written over"],
)
def test_channels_that_cannot_be_followed_are_not_guessed(between, channels):
    with on_meta_device():
        ghost = Wired(between, channels=channels).eval()
    assert trace_channels(ghost, (3, 16, 16), RULES) is None
    assert forecast_costs(ghost, (3, 16, 16)) is None
