"""The network of inverted residuals is timm's, and the closed form of its costs is exact."""

import pytest
import torch
from timm.models._efficientnet_blocks import (
    ConvBnAct,
    DepthwiseSeparableConv,
    EdgeResidual,
    InvertedResidual,
)
from torch import nn

from nas.measure.cost import costs_of
from nas.models.mobilenet import MobileNet
from nas.models.mobilenet_costs import mobilenet_costs
from nas.models.mobilenet_plan import ACTIVATIONS, MobileNetPlan, Stage
from nas.models.shortcut import ShortcutBlock
from nas.task import DataShape


def a_plan(**changes):
    settings = {
        "in_channels": 3,
        "num_classes": 7,
        "resolution": 12,
        "stem_channels": 8,
        "stem_stride": 1,
        "stages": (Stage(8, 2, 1, 3, 1, False), Stage(12, 2, 2, 5, 3, True)),
        "head_channels": 24,
        "activation": "relu",
    }
    return MobileNetPlan(**{**settings, **changes})


def test_a_plan_becomes_timms_blocks_in_order():
    model = MobileNet(a_plan())
    kinds = [type(block) for block in model.blocks]
    assert kinds == [DepthwiseSeparableConv] * 2 + [InvertedResidual] * 2
    assert [block.conv_dw.stride[0] for block in model.blocks] == [1, 1, 2, 1]
    assert [block.conv_dw.kernel_size[0] for block in model.blocks] == [3, 3, 5, 5]
    assert [block.has_skip for block in model.blocks] == [True, True, False, True]
    assert model.input_size == (12, 12)
    assert model(torch.zeros(2, 3, 12, 12)).shape == (2, 7)


FUSED = (Stage(8, 2, 1, 3, 1, False, True), Stage(12, 2, 2, 5, 3, True, True))


def test_fused_stages_become_timms_blocks_of_full_convolutions():
    model = MobileNet(a_plan(stages=FUSED))
    kinds = [type(block) for block in model.blocks]
    assert kinds == [ConvBnAct] * 2 + [EdgeResidual] * 2
    assert [module.groups for module in model.modules() if isinstance(module, nn.Conv2d)] == (
        [1] * len([module for module in model.modules() if isinstance(module, nn.Conv2d)])
    )
    assert model(torch.zeros(2, 3, 12, 12)).shape == (2, 7)


RESIDUAL = (
    Stage(8, 2, 1, 3, 1, False, True, True),
    Stage(12, 2, 2, 5, 3, True, True, True),
)


def test_residual_stages_are_full_convolutions_with_shortcuts():
    model = MobileNet(a_plan(stages=RESIDUAL))
    assert [type(block) for block in model.blocks] == [ShortcutBlock] * 4
    assert [len(list(block.shortcut.children())) for block in model.blocks] == [0, 0, 3, 0]
    assert model(torch.zeros(2, 3, 12, 12)).shape == (2, 7)


def test_the_map_behind_the_first_convolution_may_be_pooled():
    model = MobileNet(a_plan(pools=True, stages=(Stage(8, 1, 1, 3, 1, False),)))
    images = torch.rand(1, 3, 11, 11)

    unpooled = model.eval().stem[:3](images)

    pooled = nn.functional.max_pool2d(unpooled, 3, stride=2, padding=1)
    assert pooled.shape[2:] == (6, 6)
    assert torch.equal(model.stem(images), pooled)


@pytest.mark.parametrize("pools", [False, True])
@pytest.mark.parametrize("stages", [FUSED, RESIDUAL])
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_the_closed_form_of_fused_stages_equals_the_built_network(stem_stride, stages, pools):
    plan = a_plan(stages=stages, stem_stride=stem_stride, resolution=11, pools=pools)
    closed = mobilenet_costs(plan)
    counted = costs_of(MobileNet(plan), DataShape((3, 11, 11), 7), metrics=tuple(closed))
    assert counted == closed


def test_a_network_of_known_size_has_that_size():
    # Stem 9*1*4; block: depthwise 9*4, pointwise 4*4; head 4*8; classifier 8*2+2; four norms.
    plan = a_plan(
        in_channels=1,
        num_classes=2,
        resolution=5,
        stem_channels=4,
        stages=(Stage(4, 1, 1, 3, 1, False),),
        head_channels=8,
    )
    num_weights, num_normed = 36 + 36 + 16 + 32 + 18, 4 + 4 + 4 + 8
    assert mobilenet_costs(plan) == {
        "num_params": num_weights + 2 * num_normed,
        "size_bytes": 4 * (num_weights + 4 * num_normed) + 4 * 8,
        "num_macs": 25 * (36 + 36 + 16 + 32) + 16,
        "mean_width": round((4 * 4 * 4 * 8) ** 0.25, 6),
        "min_width": 4.0,
        "num_features": 8.0,
    }


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_the_closed_form_equals_the_built_network(activation, stem_stride):
    plan = a_plan(activation=activation, stem_stride=stem_stride, resolution=11)
    closed = mobilenet_costs(plan)
    counted = costs_of(MobileNet(plan), DataShape((3, 11, 11), 7), metrics=tuple(closed))
    assert counted == closed


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_of_a_network_is_the_one_asked_for(activation):
    model, relu = MobileNet(a_plan(activation=activation)), MobileNet(a_plan())
    kinds = {type(module) for module in model.modules() if is_activation(module)}
    others = {type(module) for module in relu.modules() if is_activation(module)}
    assert len(kinds) == 1
    assert (kinds == others) == (activation == "relu")


def is_activation(module):
    modules = {"torch.nn.modules.activation", "timm.layers.activations"}
    return type(module).__module__ in modules and not isinstance(module, nn.Sigmoid)
