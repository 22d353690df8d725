"""Structural pruning: what goes, that the rest computes as before, and the sizes foretold."""

import copy

import pytest
import timm
import torch
from torch import nn

from nas.compress.prune import find_groups, kept_units, prune

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class TwoConvolutions(nn.Module):
    """Eight channels between two convolutions, of which some matter nothing."""

    def __init__(self, dead: list[int]):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 4, 3, padding=1)
        self.head = nn.Linear(4, 10)
        with torch.no_grad():
            for layer in (self.first.weight, self.first.bias, self.second.weight.transpose(0, 1)):
                layer[dead] = 0

    def forward(self, images):
        maps = self.second(self.first(images).relu()).relu()
        return self.head(maps.mean((2, 3)))


def test_channels_without_weight_go_first_and_the_network_computes_as_before():
    torch.manual_seed(0)
    model = TwoConvolutions(dead=[1, 4, 6])
    before = model(IMAGES)
    inner = next(g for g in find_groups(model, IMAGES) if g.root == "first")
    assert set(inner.order[:3]) == {1, 4, 6}
    prune(model, IMAGES, [inner], {"first": 5})
    assert model.first.out_channels == model.second.in_channels == 5
    torch.testing.assert_close(model(IMAGES), before)


def test_the_least_important_channel_has_the_smallest_norm_over_all_its_weights():
    torch.manual_seed(0)
    model = TwoConvolutions(dead=[])
    inner = next(g for g in find_groups(model, IMAGES) if g.root == "first")
    squares = model.first.weight.pow(2).sum((1, 2, 3)) + model.second.weight.pow(2).sum((0, 2, 3))
    squares = squares + model.first.bias.pow(2)
    assert inner.order[0] == int(squares.argmin())
    assert inner.order[-1] == int(squares.argmax())


def test_logits_are_never_taken_out():
    model = TwoConvolutions(dead=[])
    assert "head" not in {group.root for group in find_groups(model, IMAGES)}


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_byobnet"]
)
def test_sizes_foretold_are_those_of_the_pruned_network(name):
    torch.manual_seed(0)
    settings = {"img_size": 32} if "vit" in name else {}
    model = timm.create_model(name, num_classes=10, **settings).eval()
    groups = find_groups(model, IMAGES)
    kept = {group.root: kept_units(group, 0.4, multiple=4) for group in groups}
    pruned = copy.deepcopy(model)
    prune(pruned, IMAGES, groups, kept)
    foretold = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    for group in groups:
        for shrink in group.shrinks:
            foretold[shrink.tensor][shrink.dim] -= shrink.per_unit * (
                group.num_units - kept[group.root]
            )
    assert {k: list(t.shape) for k, t in pruned.state_dict().items()} == foretold
    full, small = (sum(p.numel() for p in m.parameters()) for m in (model, pruned))
    assert small < 0.4 * full
    pruned.train()(IMAGES).sum().backward()


def test_finding_leaves_the_model_as_it_was():
    model = timm.create_model("test_vit", num_classes=10, img_size=32).eval()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    find_groups(model, IMAGES)
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())
    assert model.blocks[0].attn.fused_attn


def test_heads_stay_and_become_narrower():
    model = timm.create_model("test_vit", num_classes=10, img_size=32).eval()
    groups = find_groups(model, IMAGES)
    heads = next(g for g in groups if g.root == "blocks.0.attn.proj")
    attention = model.blocks[0].attn
    assert (heads.num_parts, heads.num_units) == (attention.num_heads, attention.head_dim)
    prune(model, IMAGES, groups, {heads.root: heads.num_units // 2})
    assert attention.head_dim == heads.num_units // 2
    assert attention.qkv.out_features == 3 * attention.num_heads * attention.head_dim


def test_layers_whose_channels_cannot_be_parted_are_left_whole():
    """A concatenation of a map with itself: a unit would have to shrink by two."""

    class Doubled(TwoConvolutions):
        def forward(self, images):
            maps = self.first(images).relu()
            return self.head(self.second(maps).relu().flatten(2)[:, :, :4].mean(2) * maps.mean())

    model = Doubled(dead=[])
    groups = find_groups(model, IMAGES)
    kept = {group.root: kept_units(group, 0.5, multiple=1) for group in groups}
    prune(model, IMAGES, groups, kept)
    assert model(IMAGES).shape == (2, 10)


@pytest.mark.parametrize(
    ("ratio", "multiple", "expected"),
    [(1.0, 8, 30), (0.5, 8, 16), (0.1, 8, 8), (0.5, 1, 15), (0.9, 64, 30)],
)
def test_kept_units_are_the_nearest_multiple(ratio, multiple, expected):
    model = TwoConvolutions(dead=[])
    model.first, model.second = nn.Conv2d(3, 30, 3, padding=1), nn.Conv2d(30, 4, 3, padding=1)
    inner = next(g for g in find_groups(model, IMAGES) if g.root == "first")
    assert kept_units(inner, ratio, multiple=multiple) == expected
