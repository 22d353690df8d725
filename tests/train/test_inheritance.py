"""A network that starts from another one's weights: what it takes over, and what it leaves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import Attention
from torch import nn
from torch.nn.utils import parametrize

from nas.compress.quantize import quantize_weights
from nas.train.correspondence import corresponding, likeness, plain_name
from nas.train.inheritance import inherit


def network(*, width=4, depth=1, kernel=3, classes=3):
    blocks = [
        nn.Sequential(nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width))
        for _ in range(depth)
    ]
    stem = nn.Conv2d(2, width, kernel, padding=kernel // 2)
    return nn.Sequential(stem, *blocks, nn.Flatten(), nn.Linear(width * 36, classes)).eval()


def shapes(model):
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def test_the_same_architecture_takes_over_everything():
    relative, child = network(depth=2), network(depth=2)
    images = torch.randn(5, 2, 6, 6)

    assert inherit(child, relative.state_dict()) == 1.0
    assert torch.equal(child(images), relative(images))


def test_the_order_of_names_in_a_file_changes_nothing():
    relative, child = network(depth=2), network(depth=3)
    state = relative.state_dict()
    backwards = dict(reversed(state.items()))

    found = corresponding(shapes(child), {name: tuple(t.shape) for name, t in backwards.items()})

    assert found == corresponding(shapes(child), shapes(relative))
    assert inherit(network(depth=2), backwards) == 1.0


def test_a_wider_layer_behind_a_learnt_one_does_not_disturb_what_was_learnt():
    relative = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    child = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3))
    images = torch.randn(5, 6)

    inherit(child, relative.state_dict())

    assert torch.allclose(child(images), relative(images), atol=1e-6)
    assert child[0].weight[4:].abs().sum() > 0  # new features start as they were built


def test_a_larger_kernel_begins_as_the_smaller_one_in_its_middle():
    relative, child = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 7, padding=3)
    images = torch.randn(2, 2, 9, 9)

    inherit(child, relative.state_dict())

    assert torch.allclose(child(images), relative(images), atol=1e-6)


def test_a_smaller_kernel_is_the_middle_of_the_larger_one():
    relative, child = nn.Conv1d(2, 4, 5), nn.Conv1d(2, 4, 3)

    inherit(child, relative.state_dict())

    assert torch.equal(child.weight, relative.weight[..., 1:4])


def test_in_a_deeper_network_the_last_layer_is_found_at_its_new_place():
    relative, child = network(depth=1), network(depth=3)

    inherit(child, relative.state_dict())

    assert torch.equal(child[-1].weight, relative[-1].weight)
    assert torch.equal(child[1][0].weight, relative[1][0].weight)
    assert not torch.equal(child[2][0].weight, relative[1][0].weight)


def test_attention_with_fewer_heads_keeps_queries_keys_and_values_apart():
    relative, child = (
        Attention(8, num_heads, attn_head_dim=4, qkv_bias=True) for num_heads in (3, 1)
    )

    inherit(child, relative.state_dict())

    for part in range(3):
        ours, theirs = child.qkv.weight[4 * part :], relative.qkv.weight[12 * part :]
        assert torch.equal(ours[:4], theirs[:4])


def test_weights_that_are_computed_of_others_go_to_plain_ones_and_back():
    plain, rounded = network(), network()
    quantize_weights(rounded, bits=8)
    assert parametrize.is_parametrized(rounded[0], "weight")

    assert inherit(rounded, plain.state_dict()) == 1.0
    assert torch.equal(rounded[0].parametrizations.weight.original, plain[0].weight)
    other = network()
    assert inherit(other, rounded.state_dict()) == 1.0
    assert torch.equal(other[0].weight, plain[0].weight)


def test_a_table_of_places_of_another_grid_stays_as_it_was_built():
    class Placed(nn.Module):
        def __init__(self, places):
            super().__init__()
            self.places = nn.Parameter(torch.randn(1, places, 4))

    relative, child = Placed(16), Placed(9)
    before = child.places.clone()

    assert inherit(child, relative.state_dict()) == 0.0
    assert torch.equal(child.places, before)


def test_networks_of_nothing_in_common_share_nothing():
    assert corresponding({"a.weight": (4, 4)}, {"b.weight": (4, 4)}) == {}
    assert likeness({"a.weight": (4, 4)}, {"b.weight": (4, 4)}) == 0.0


def test_half_of_the_channels_on_both_sides_is_a_quarter_alike():
    assert likeness({"weight": (8, 8)}, {"weight": (4, 4)}) == pytest.approx(0.25)


def test_a_network_with_twice_the_layers_is_half_alike():
    layers = {f"{place}.weight": (4, 4) for place in range(4)}
    first = {f"{place}.weight": (4, 4) for place in range(2)}
    assert likeness(layers, first) == pytest.approx(0.5)


SIDES = st.integers(1, 6)
NETWORKS = st.builds(
    network, width=SIDES, depth=st.integers(0, 4), kernel=st.sampled_from([1, 3, 5])
)


@settings(max_examples=30, deadline=None)
@given(NETWORKS, NETWORKS)
def test_likeness_is_mutual_and_whole_for_equal_shapes_alone(one, other):
    alike = likeness(shapes(one), shapes(other))

    assert alike == pytest.approx(likeness(shapes(other), shapes(one)))
    assert 0.0 <= alike <= 1.0 + 1e-9
    assert (alike == pytest.approx(1.0)) == (shapes(one) == shapes(other))


@settings(max_examples=30, deadline=None)
@given(NETWORKS, NETWORKS)
def test_every_tensor_of_the_child_keeps_its_shape_and_is_paired_once(child, relative):
    before = shapes(child)
    pairs = corresponding(before, shapes(relative))

    assert len(set(pairs.values())) == len(pairs)
    inherit(child, relative.state_dict())
    assert shapes(child) == before


def test_a_plain_name_stays_as_it_is():
    assert plain_name("blocks.0.weight") == "blocks.0.weight"
