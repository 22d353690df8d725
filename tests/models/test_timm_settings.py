"""What timm's functions tell timm's builder is what their models are made of."""

import pytest
import timm
import torch

from nas.models.timm_settings import builder_call

# One model of each module that builds in a way of its own; the last two build through another one.
NAMES = [
    *("resnet18", "mobilenetv3_small_050", "convnext_atto", "regnetx_002", "efficientnet_lite0"),
    *("test_vit", "swin_tiny_patch4_window7_224", "densenet121", "vgg11", "mobilevit_xxs"),
    *("vit_tiny_r_s16_p8_224", "deit_tiny_patch16_224"),
]


# Most are built on shapes alone; the hybrid runs its convolutions while it is built.
DEVICES = {"vit_tiny_r_s16_p8_224": "cpu"}


@pytest.mark.parametrize("name", NAMES)
def test_the_noted_settings_build_the_published_model(name):
    call = builder_call(name)
    with torch.device(DEVICES.get(name, "meta")):
        published = timm.create_model(name)
        rebuilt = call.build(False, call.settings)

    shapes = [{n: t.shape for n, t in m.state_dict().items()} for m in (published, rebuilt)]
    assert type(rebuilt) is type(published)
    assert shapes[0] == shapes[1]


def test_the_tag_of_the_weights_is_passed_on():
    call = builder_call("resnet18.a1_in1k")
    with torch.device("meta"):
        model = call.build(False, call.settings)

    assert model.pretrained_cfg["tag"] == "a1_in1k"


def test_settings_may_be_changed_without_harm_to_the_next_model():
    builder_call("resnet18").settings.clear()

    assert tuple(builder_call("resnet18").settings["layers"]) == (2, 2, 2, 2)
