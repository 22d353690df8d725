"""Scaling timm's models: each family's knobs, and that models remain whole afterwards."""

import pytest
import timm
import torch

from nas.errors import SpaceError
from nas.models.timm_scaling import build_timm, knobs_of


def num_params(name: str, **scales) -> int:
    with torch.device("meta"):
        model = build_timm(name, num_classes=10, in_channels=3, image_size=(64, 64), **scales)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv4_conv_small", "convnext_atto", "regnetx_002", "test_vit"]
)
def test_published_scales_give_the_published_model(name):
    with torch.device("meta"):
        published = timm.create_model(name, num_classes=10, in_chans=3)
    expected = sum(parameter.numel() for parameter in published.parameters())
    if "vit" in name:  # positions: one for each patch, of 64 pixels a side instead of 160
        patches = {side: (side // 16) ** 2 for side in (64, 160)}
        expected -= (patches[160] - patches[64]) * published.embed_dim
    assert num_params(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "mobilenetv2_050", "mobilenetv3_small_050", "mobilenetv4_conv_small"),
        *("efficientnet_lite0", "convnext_atto", "regnetx_002", "repvit_m0_9", "starnet_s050"),
        *("test_vit", "edgenext_xx_small"),
    ],
)
def test_each_family_has_both_knobs_and_they_make_it_smaller(name):
    assert knobs_of(name) == {"width", "depth"}
    full = num_params(name)
    # Half the channels are about a quarter of the weights of dense layers, half those of depthwise
    # ones.
    assert 0.2 * full < num_params(name, width=0.5) < 0.6 * full
    assert num_params(name, depth=0.5) < full


def test_half_the_width_of_a_residual_network_is_half_of_each_of_its_stages():
    model = build_timm("resnet18", num_classes=10, in_channels=3, width=0.5)
    channels = [stage[-1].conv2.out_channels for stage in (model.layer1, model.layer4)]
    assert channels == [32, 256]


def test_heads_keep_their_width():
    model = build_timm("deit_small_patch16_224", num_classes=10, in_channels=3, width=0.5)
    assert model.blocks[0].attn.num_heads == 3
    assert model.embed_dim // model.blocks[0].attn.num_heads == 64


def test_a_model_without_knobs_says_so():
    assert knobs_of("densenet121") == frozenset()


def test_timm_is_left_as_it_was():
    original = timm.models.build_model_with_cfg
    num_params("resnet18", width=0.5)
    assert timm.models.resnet.build_model_with_cfg is original


def test_an_unknown_model_is_refused_and_the_nearest_named():
    with pytest.raises(SpaceError, match="nearest: resnet18"):
        build_timm("resnet18x", num_classes=10, in_channels=3)
