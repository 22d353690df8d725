"""Smaller networks of one: costs in closed form, blocks left out, weights kept."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from torch import nn

from nas.compress.compression import Compression, quantized_bytes, reshape
from nas.compress.prune import kept_units
from nas.compress.reduction import Reducer, Reduction
from nas.compress.stages import find_stages
from nas.errors import SpaceError
from nas.measure.cost import costs_of
from nas.task import DataShape
from nas.widths import WIDTHS

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    settings = {"img_size": 32} if "vit" in name else {}
    model: nn.Module = timm.create_model(name, num_classes=10, **settings)
    return model.eval()


def drawn(reducer: Reducer, rng: np.random.Generator) -> Reduction:
    stages = reducer.stages
    return Reduction(
        units={g.root: kept_units(g, rng.choice([0.3, 1.0]), multiple=4) for g in reducer.groups},
        blocks={s.name: len(s.blocks) - int(rng.integers(s.num_removable + 1)) for s in stages},
        shares={layer: float(rng.choice([0.5, 1.0])) for s in stages for layer in s.linears},
    )


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv3_small_050", "test_convnext", "test_vit"]
)
def test_costs_foretold_are_those_of_the_smaller_network(name):
    reducer = Reducer(made(name), IMAGES)
    rng = np.random.default_rng(0)
    for _ in range(2):
        reduction = drawn(reducer, rng)
        smaller = reducer.reduce(reduction).to("meta")
        foretold = reducer.costs(reduction)
        assert set(foretold) == {"num_params", "size_bytes", "num_macs", *WIDTHS}
        assert costs_of(smaller, DataShape((3, 32, 32), 10), metrics=list(foretold)) == foretold


@pytest.mark.parametrize("compression", ["int8", "kept0.5", "rank0.5+int4"])
@pytest.mark.parametrize("name", ["resnet18", "test_vit"])
def test_compressions_of_a_smaller_network_cost_what_is_foretold(name, compression):
    reducer, to = Reducer(made(name), IMAGES), Compression.named(compression)
    rng = np.random.default_rng(1)
    for _ in range(2):
        reduction = replace(drawn(reducer, rng), shares={})
        smaller = reducer.reduce(reduction)
        reshape(smaller, to, IMAGES)
        ghost = smaller.to("meta")
        foretold = reducer.cost_forecast(reduction).costs(to)
        counted = costs_of(ghost, DataShape((3, 32, 32), 10), metrics=list(foretold))
        if to.is_quantizing:
            counted["size_bytes"] = float(quantized_bytes(ghost, bits=to.weight_bits))
        assert foretold == counted


def test_keeping_all_gives_the_original():
    model = made("test_vit")
    reducer = Reducer(model, IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(reducer.reduce(Reduction())(IMAGES), model(IMAGES))


def test_the_last_blocks_go_first_and_the_others_keep_their_weights():
    model = made("test_vit")
    reducer = Reducer(model, IMAGES)
    (stage,) = reducer.stages
    smaller = reducer.reduce(Reduction(blocks={stage.name: 2}))
    assert len(smaller.blocks) == 2
    kept = smaller.state_dict()
    assert all(torch.equal(kept[key], model.state_dict()[key]) for key in kept)


def test_stages_of_well_known_families_are_found():
    def stages(name):
        return {s.name: (len(s.blocks), s.num_removable) for s in find_stages(made(name), IMAGES)}

    assert stages("resnet18") == {f"layer{i}": (2, 1) for i in (1, 2, 3, 4)}
    assert stages("test_vit") == {"blocks": (6, 5)}
    assert set(stages("test_convnext")) == {f"stages.{i}.blocks" for i in range(4)}


def test_a_block_that_only_happens_to_keep_its_shape_is_not_removable():
    """MobileNetV4's first stage ends in a convolution of 32 to 32 channels, without a shortcut."""
    reducer = Reducer(made("mobilenetv4_conv_small_050"), IMAGES)
    assert {s.name: s.num_removable for s in reducer.stages}["blocks.0"] == 0


def test_a_stage_that_is_not_there_is_refused():
    with pytest.raises(SpaceError, match="no container 'layer5'; nearest: layer"):
        find_stages(made("resnet18"), IMAGES, names=["layer5"])
