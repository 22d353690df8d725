"""The check of a space finds each fault that is put into one, and none in a sound one."""

from typing import ClassVar

import torch
from torch import nn

from nas.evaluation.space_check import Fault, check_space
from nas.parts import Chain, NetworkPart
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract

DATA = DataShape((1, 8, 8), 10)


class TwoLayers(SearchSpace):
    """Sound: a hidden layer of some width, after some activation."""

    default_parameters: ClassVar = {
        "width": {"choice": [4, 8, 16]},
        "activation": {"choice": ["relu", "tanh"]},
    }

    def build(self, architecture, data):
        height, width = data.input_shape[1:]
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(data.input_shape[0] * height * width, architecture["width"]),
            nn.ReLU() if architecture["activation"] == "relu" else nn.Tanh(),
            nn.Linear(architecture["width"], data.num_classes),
        )


class TestTwoLayers(SpaceContract):
    def make_space(self):
        return TwoLayers()


class Squared(nn.Module):
    def __init__(self, power):
        super().__init__()
        self.power = power
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        return self.linear(images.flatten(1)).pow(self.power)


def faults(space: SearchSpace) -> dict[Fault, str]:
    return {f.fault: str(f) for f in check_space(space, DATA, num_architectures=20)}


def test_a_sound_space_has_no_findings():
    assert check_space(TwoLayers(), DATA, num_architectures=20) == []


def test_a_build_that_fails_is_found_with_its_place():
    class Fails(TwoLayers):
        def build(self, architecture, data):
            return nn.Linear(4, 2 if architecture["width"] == 4 else "many")

    found = faults(Fails())
    assert "TypeError" in found[Fault.BUILD_FAILS]
    assert "width=" in found[Fault.BUILD_FAILS]


def test_a_build_that_fails_in_a_library_is_found_with_the_line_that_called_it():
    class Fails(TwoLayers):
        def build(self, architecture, data):
            return nn.Linear(4, "many")

    assert f"({__file__}:" in faults(Fails())[Fault.BUILD_FAILS]


def test_a_build_that_returns_no_model_is_found():
    class Forgets(TwoLayers):
        def build(self, architecture, data):
            super().build(architecture, data)

    told = faults(Forgets())[Fault.BUILD_FAILS]
    assert "build must return a torch.nn.Module, but returned NoneType" in told


def test_a_model_without_logits_is_found():
    class Maps(TwoLayers):
        def build(self, architecture, data):
            return nn.Conv2d(1, architecture["width"], 3)

    assert "should give (2, 10), but gave (2, " in faults(Maps())[Fault.NO_LOGITS]


def test_an_ignored_parameter_is_found():
    class Ignores(TwoLayers):
        default_parameters: ClassVar = {
            **TwoLayers.default_parameters,
            "kernel": {"choice": [3, 5]},
        }

    assert faults(Ignores()).keys() == {Fault.NO_EFFECT}
    assert "'kernel' changed nothing" in faults(Ignores())[Fault.NO_EFFECT]


def test_a_parameter_that_changes_only_what_is_computed_has_an_effect():
    class Powers(SearchSpace):
        default_parameters: ClassVar = {"power": {"choice": [1, 3]}}

        def build(self, architecture, data):
            return Squared(architecture["power"])

    assert Fault.NO_EFFECT not in faults(Powers())


def test_two_values_that_make_one_network_are_found():
    class Rounds(TwoLayers):
        default_parameters: ClassVar = {
            **TwoLayers.default_parameters,
            "width": {"choice": [4, 5, 6, 7, 8, 9, 10, 11]},
        }

        def build(self, architecture, data):
            rounded = {**architecture, "width": architecture["width"] // 4 * 4}
            return super().build(rounded, data)

    assert "width made no difference" in faults(Rounds())[Fault.TWO_NAMES]


def test_a_static_cost_that_differs_from_the_model_is_found():
    class Wrong(TwoLayers):
        def static_costs(self, architecture, data):
            return {"num_params": 64.0 * architecture["width"]}

    assert "the model has" in faults(Wrong())[Fault.COST_DIFFERS]


def test_parts_of_another_network_than_the_built_one_are_found():
    class Wrong(TwoLayers):
        def parts(self, architecture, data):
            return Chain((NetworkPart("all", lambda: nn.Conv2d(data.input_shape[0], 7, 3)),))

    assert "parts() describes a network of" in faults(Wrong())[Fault.COST_DIFFERS]


def test_a_model_that_does_not_learn_is_found():
    class Frozen(TwoLayers):
        def build(self, architecture, data):
            model = super().build(architecture, data)
            for parameter in model.parameters():
                parameter.requires_grad_(False)
            model.append(nn.Linear(10, 10))
            nn.init.zeros_(model[-1].weight)
            model[-1].bias.requires_grad_(False)
            return model.append(nn.Threshold(1e9, 0.0))

    assert Fault.DOES_NOT_LEARN in faults(Frozen())


def test_weights_that_no_gradient_reaches_are_found():
    class Dead(TwoLayers):
        def build(self, architecture, data):
            model = super().build(architecture, data)
            model[0].unused = nn.Parameter(torch.zeros(3))
            return model

    assert "0.unused" in faults(Dead())[Fault.DEAD_WEIGHTS]


def test_a_space_that_builds_nothing_for_the_data_is_found():
    from search_spaces.vit import ViTSpace

    layers = {"repeat": 1, "heads": 1, "mlp_ratio": 1.0}
    space = ViTSpace({"patch": 8, "embedding": {"choice": [32, 64]}, "layers": layers})
    assert "none of 2 architectures can be built" in faults(space)[Fault.BUILD_FAILS]
