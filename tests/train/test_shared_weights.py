"""Networks take slices of shared weights, and what they learn goes back into the same slices."""

import pytest
import torch
from torch import nn

from nas.train.shared_weights import SharedWeights, enlarged, merged_shapes


def numbers(*shape):
    return torch.arange(float(torch.Size(shape).numel())).reshape(shape)


def part_of(tensors, model, places=None):
    shared = SharedWeights(tensors)
    part = shared.of(model, places or {})
    part.take_weights()
    return shared, part


def test_a_convolution_takes_the_first_channels_and_the_middle_of_the_kernel():
    wide = numbers(4, 3, 5, 5)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False))
    part_of({"0.weight": wide}, model)
    assert torch.equal(model[0].weight.data, wide[:3, :2, 1:4, 1:4])


def test_stacked_queries_keys_and_values_are_cut_each_by_themselves():
    model = nn.ModuleDict({"qkv": nn.Linear(2, 3, bias=False)})
    part_of({"qkv.weight": numbers(6, 2)}, model)
    assert model["qkv"].weight.tolist() == [[0.0, 1.0], [4.0, 5.0], [8.0, 9.0]]


def test_a_part_takes_the_weights_of_its_place_and_not_of_its_name():
    model = nn.Sequential(nn.Linear(1, 1, bias=False))
    tensors = {"0.weight": torch.tensor([[1.0]]), "stage.2.weight": torch.tensor([[7.0]])}
    part_of(tensors, model, {"0": "stage.2"})
    assert model[0].weight.item() == 7.0


def test_what_the_shared_weights_lack_stays_as_it_was_built():
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    nn.init.constant_(model[0].weight, 9.0)
    part_of({"0.weight": torch.zeros(2, 2)}, model)
    assert model[0].weight.tolist() == [[0.0, 0.0, 9.0]] * 2


def test_gradients_go_back_into_the_slices_that_the_weights_came_from():
    model = nn.Sequential(nn.Linear(2, 1, bias=False))
    shared, part = part_of({"0.weight": numbers(3, 4)}, model)
    for factor in (1.0, 10.0):  # of two networks of one step
        (factor * model(torch.tensor([[2.0, 3.0]]))).sum().backward()
        part.give_gradients()
    (own,) = shared.parameters()
    assert own.grad.tolist() == [[22.0, 33.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4]
    assert model[0].weight.grad is None


def test_trained_values_are_taken_as_they_were_given():
    shared = SharedWeights({"a.b": torch.zeros(2, 2)})
    shared.take({"a.b": numbers(2, 2)})
    assert torch.equal(shared.tensors()["a.b"], numbers(2, 2))


def test_trained_values_of_another_shape_are_refused():
    with pytest.raises(RuntimeError):
        SharedWeights({"a.b": torch.zeros(2, 2)}).take({"a.b": torch.zeros(3, 2)})


def test_tensors_of_different_numbers_of_axes_are_not_merged():
    assert merged_shapes([{"a": (4, 2)}, {"a": (9,)}]) == {"a": (4, 2)}


def test_an_enlarged_norm_scales_by_one_everywhere():
    assert enlarged(torch.ones(2), (4,)).tolist() == [1.0] * 4


def test_an_enlarged_kernel_begins_with_what_was_there():
    larger = enlarged(numbers(2, 2), (4, 3))
    assert torch.equal(larger[:2, :2], numbers(2, 2))
    assert larger.shape == (4, 3)
