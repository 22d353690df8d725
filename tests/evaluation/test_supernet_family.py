"""A space as a supernet: every network of it fits into the shared weights, part by part."""

import numpy as np
import pytest
import torch

from nas.errors import ConfigError
from nas.evaluation.supernet_family import supernet_of
from nas.task import DataShape
from nas.train.shared_weights import shared_name
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace
from search_spaces.vit import ViTSpace

SHAPE = DataShape((3, 16, 16), 10)


@pytest.fixture(scope="module", params=[MobileNetSpace, ViTSpace])
def known(request):
    torch.manual_seed(0)
    space = request.param()
    return space, *supernet_of(space, SHAPE, seed=0)


def drawn(space, count):
    rng = np.random.default_rng(7)
    return [space.sample(rng) for _ in range(count)]


def size_of(family, architecture):
    return sum(parameter.numel() for parameter in family.build(architecture).parameters())


def test_all_tensors_of_a_network_are_slices_of_shared_ones(known):
    space, family, weights = known
    tensors = weights.tensors()
    for architecture in drawn(space, 12):
        places = space.places(architecture)
        for name, own in family.build(architecture).named_parameters():
            shared = tensors[shared_name(name, places)]
            assert all(a <= b for a, b in zip(own.shape, shared.shape, strict=True)), name


def test_the_ends_of_the_family_are_larger_and_smaller_than_any_other(known):
    space, family, _ = known
    sizes = [size_of(family, architecture) for architecture in drawn(space, 12)]
    assert size_of(family, family.largest) >= max(sizes)
    assert size_of(family, family.smallest) <= min(sizes)


def test_the_largest_network_starts_with_weights_of_a_usual_scale(known):
    _, family, weights = known
    torch.manual_seed(1)
    model = family.build(family.largest)
    usual = {name: own.std().item() for name, own in model.named_parameters() if own.ndim > 1}
    weights.of(model, family.places(family.largest)).take_weights()
    for name, own in model.named_parameters():
        if name in usual:
            assert own.std().item() == pytest.approx(usual[name], rel=0.5), name


def test_a_space_that_does_not_name_places_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"ResNetSpace does not say.*training.inherit=true"):
        supernet_of(ResNetSpace(), SHAPE, seed=0)
