import pytest

from nas.errors import SpaceError
from search_spaces.cell import CellSpace
from search_spaces.elastic import ElasticSpace
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace
from search_spaces.signals import SignalSpace
from search_spaces.timm_family import TimmFamilySpace
from search_spaces.vit import ViTSpace

HUGE = 10**30


def with_stage(space, **change):
    tree = dict(space.default_parameters)
    name = next(word for word, node in tree.items() if "repeat" in node)
    return {"parameters": {**tree, name: {**tree[name], **change}}}


def with_top(space, **change):
    return {"parameters": {**space.default_parameters, **change}}


ABSURD = [
    (MobileNetSpace, with_stage(MobileNetSpace, depth={"int": [1, 10_000]})),
    (MobileNetSpace, with_stage(MobileNetSpace, kernel=HUGE + 1)),
    (MobileNetSpace, with_stage(MobileNetSpace, expansion=HUGE)),
    (MobileNetSpace, with_top(MobileNetSpace, width=1e308)),
    (MobileNetSpace, with_top(MobileNetSpace, resolution=HUGE)),
    (MobileNetSpace, {"channels": (-1,)}),
    (MobileNetSpace, {"channels": ()}),
    (MobileNetSpace, {"divisor": HUGE}),
    (MobileNetSpace, {"stem_stride": 0}),
    (ResNetSpace, with_stage(ResNetSpace, depth={"int": [1, 10_000]})),
    (ResNetSpace, with_stage(ResNetSpace, width=1e308)),
    (ResNetSpace, with_stage(ResNetSpace, expansion=HUGE)),
    (ResNetSpace, {"channels": (16, -1, 32, 64)}),
    (CellSpace, {"num_cells": 1_000_000}),
    (CellSpace, {"num_cells": 0}),
    (CellSpace, {"channels": -1}),
    (ViTSpace, with_stage(ViTSpace, mlp_ratio=1e308)),
    (ViTSpace, with_stage(ViTSpace, heads=HUGE)),
    (ViTSpace, with_top(ViTSpace, embedding=HUGE)),
    (ViTSpace, with_top(ViTSpace, patch=HUGE)),
    (ViTSpace, {"head_features": 0}),
    (SignalSpace, with_stage(SignalSpace, kernel=HUGE + 1)),
    (SignalSpace, with_stage(SignalSpace, stride=0)),
    (SignalSpace, with_top(SignalSpace, width=-1)),
    (SignalSpace, with_top(SignalSpace, wdith=8)),
    (TimmFamilySpace, {"models": ["lcnet_050"], "parameters": {"input_size": HUGE}}),
    (TimmFamilySpace, {"models": ["lcnet_050"], "parameters": {"input_size": 32, "width": 1e6}}),
    (TimmFamilySpace, {"models": ["*"]}),
    (ElasticSpace, {"model": "lcnet_050", "multiple": 0}),
    (ElasticSpace, {"model": "lcnet_050", "input_size": HUGE}),
]


@pytest.mark.parametrize(("space", "arguments"), ABSURD, ids=lambda value: str(value)[-60:])
def test_numbers_that_no_network_is_built_with_are_refused_by_the_space(space, arguments):
    name = space.__name__.removesuffix("Space").lower().replace("timmfamily", "timm_family")
    with pytest.raises(SpaceError, match=rf"^{name}.*(must be|no parameter|may have|is empty)"):
        space(**arguments)
