"""Counted costs against arithmetic by hand, on the meta device and on real tensors."""

from itertools import pairwise

import pytest
import timm
import torch
from parts.work import num_calls
from torch import nn

from nas.measure.cost import (
    COUNTABLE,
    costs_of,
    count_costs,
    num_params,
    on_meta_device,
    size_bytes,
)
from nas.task import DataShape

DATA = DataShape((3, 8, 10), 5)


def a_model():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
        nn.Flatten(),
        nn.Linear(320, 5),
    )


def test_costs_are_those_of_arithmetic_by_hand():
    weights = 3 * 4 * 9 + 4 + 2 * 4 + 4 * 9 + 320 * 5 + 5
    assert count_costs(a_model, DATA, metrics=COUNTABLE) == {
        "num_params": weights,
        "size_bytes": 4 * (weights + 2 * 4) + 8,
        "num_macs": 80 * (3 * 4 * 9) + 80 * (4 * 9) + 320 * 5,
        # At the norm: 3 channels of the image, 4 of its input, 4 of its output, and statistics.
        "activation_bytes": pytest.approx(4 * (3 + 4 + 4) * 80, rel=0.02),
    }


def test_the_meta_device_counts_what_the_real_model_has():
    real = costs_of(a_model(), DATA, metrics=("num_params", "size_bytes", "num_macs"))
    assert count_costs(a_model, DATA) == real


def test_only_what_is_asked_for_is_counted():
    assert count_costs(a_model, DATA, metrics=["num_params"]).keys() == {"num_params"}


def test_the_models_own_input_size_wins():
    class Resized(nn.Sequential):
        input_size = (4, 4)

    def build():
        return Resized(nn.Conv2d(3, 2, 1, bias=False))

    assert count_costs(build, DATA, metrics=["num_macs"]) == {"num_macs": 3 * 2 * 16}


def test_attention_is_counted():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, images):
            tokens = images.reshape(1, 1, 24, 10)
            return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)

    # Twice 24 x 24 x 10: scores, and their weighted sum.
    assert count_costs(Attention, DATA, metrics=["num_macs"]) == {"num_macs": 2 * 24 * 24 * 10}


def test_tied_weights_and_scratch_buffers_are_not_stored_twice():
    model = nn.Sequential(nn.Linear(7, 7), nn.Linear(7, 7))
    model[1].weight = model[0].weight
    model.register_buffer("scratch", torch.zeros(1000), persistent=False)
    assert num_params(model) == 49 + 7 + 7
    assert size_bytes(model) == 4 * (49 + 7 + 7)


def test_half_precision_is_half_the_bytes():
    assert size_bytes(nn.Linear(10, 10, dtype=torch.bfloat16)) == 2 * 110


def test_memory_of_a_chain_is_its_largest_neighbours_not_its_sum():
    widths = (3, 8, 2, 16, 1)
    layers = [nn.Conv2d(a, b, 1, bias=False) for a, b in pairwise(widths)]
    # The image stays alive; beside it stand the input and the output of the widest layer.
    expected = 4 * 80 * (3 + 2 + 16)
    assert count_costs(lambda: nn.Sequential(*layers), DATA, metrics=["activation_bytes"]) == {
        "activation_bytes": expected
    }


def test_building_on_the_meta_device_costs_no_memory_and_no_random_numbers():
    before = torch.get_rng_state()
    with on_meta_device():
        model = nn.Sequential(nn.Linear(10**7, 10**7), nn.LSTM(100, 100))
        nn.init.trunc_normal_(model[0].weight)
    assert model[0].weight.is_meta
    assert num_params(model) > 10**14
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_that_cannot_be_built_raises_its_own_error():
    with pytest.raises(ValueError, match="groups"):
        count_costs(lambda: nn.Conv2d(3, 4, 3, groups=2), DATA)


def test_parameters_are_counted_without_a_forward_pass():
    def count(metrics):
        return num_calls(lambda: count_costs(a_model, DATA, metrics=metrics))

    assert count(["num_params", "size_bytes"]) < count(["num_macs"])


@pytest.mark.parametrize(
    "name", ["test_efficientnet", "test_vit", "test_convnext", "test_byobnet"]
)
def test_functions_that_are_passed_over_cost_no_products(name):
    data = DataShape((3, 64, 64), 10)
    with on_meta_device():
        model = timm.create_model(name, num_classes=10)
    model.input_size = (160, 160)
    alone = costs_of(model, data, metrics=("num_macs",))["num_macs"]
    # Memory is followed through every operation, so nothing is passed over.
    assert alone == costs_of(model, data, metrics=COUNTABLE)["num_macs"] > 0


def test_no_weight_gets_a_value_on_the_meta_device():
    class Filled(nn.Linear):
        def reset_parameters(self):
            for fill in (nn.init.normal_, nn.init.trunc_normal_, nn.init.kaiming_uniform_):
                assert fill(self.weight) is self.weight
            nn.init.constant_(tensor=self.bias, val=1.0)

    with on_meta_device():
        layer = Filled(4, 3)
    assert layer.weight.is_meta
    assert layer.weight.shape == (3, 4)
