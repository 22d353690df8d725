"""The space `mobilenet`: its size, its range, exact costs, and no parameter without effect."""

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from nas.errors import SpaceError
from nas.measure.cost import costs_of, count_costs
from nas.paths import conf_dir
from nas.task import DataShape
from search_spaces.mobilenet import MobileNetSpace

DATA = DataShape((1, 8, 8), 10)


@pytest.fixture(scope="module")
def space():
    return MobileNetSpace()


def samples(space, count, *, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def extreme(space, pick):
    values = {name: pick(domain.values()) for name, domain in space.domains.items()}
    return space.architecture(values)


def test_the_yaml_is_the_default_space_for_images_as_small_as_digits(space):
    node = OmegaConf.load(conf_dir() / "search_space" / "mobilenet.yaml")
    told = OmegaConf.to_container(node)
    from_yaml = instantiate(MobileNetSpace.fitted(told, DataShape((1, 8, 8), 10)), _convert_="all")
    assert isinstance(from_yaml, MobileNetSpace)
    assert from_yaml.parameters == space.parameters
    assert from_yaml.channels == space.channels
    assert from_yaml.head_expansion == space.head_expansion


def test_there_are_a_million_architectures_and_more(space):
    # depth x kernel x (no expansion, or two of them with and without squeeze-and-excite)
    stage = 3 * 2 * (1 + 2 * 2)
    expected = 3 * 6 * 3 * sum(stage**count for count in (1, 2, 3, 4))
    assert space.num_architectures() == expected > 10**6


def test_networks_go_from_under_ten_thousand_to_over_a_million_parameters(space):
    smallest = extreme(space, min)
    largest = extreme(space, lambda values: sorted(values)[-1])
    assert space.static_costs(smallest, DATA)["num_params"] < 10_000
    assert space.static_costs(largest, DATA)["num_params"] > 1_000_000


def test_the_closed_form_equals_the_built_network_on_a_hundred_architectures(space):
    for architecture in samples(space, 100):
        closed = dict(space.static_costs(architecture, DATA))
        built = costs_of(space.build(architecture, DATA), DATA, metrics=tuple(closed))
        assert built == closed, architecture


def test_counting_on_the_meta_device_gives_the_same(space):
    for architecture in samples(space, 5, seed=1):
        stated = space.static_costs(architecture, DATA)
        counted = count_costs(
            lambda a=architecture: space.build(a, DATA), DATA, metrics=tuple(stated)
        )
        assert counted == stated


def test_every_change_of_one_parameter_changes_the_network(space):
    rng = np.random.default_rng(3)
    images = torch.rand(2, 1, 16, 16)
    for architecture in samples(space, 30, seed=2):
        neighbour = space.mutate(architecture, rng)
        assert space.identity(architecture) != space.identity(neighbour)
        one, other = (outputs(space, a, images) for a in (architecture, neighbour))
        assert not torch.equal(one, other), (architecture, neighbour)


def outputs(space, architecture, images):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = space.build(architecture, DATA).eval()
    resized = torch.nn.functional.interpolate(images, model.input_size)
    with torch.no_grad():
        return model(resized)


def test_every_tap_of_every_kernel_meets_the_image(space):
    for architecture in samples(space, 40, seed=4):
        model = space.build(architecture, DATA).train()
        side = model.input_size[0]
        model(torch.rand(4, 1, side, side)).square().sum().backward()
        for name, parameter in model.named_parameters():
            if name.endswith("conv_dw.weight"):
                per_tap = parameter.grad.abs().sum((0, 1))
                assert (per_tap > 0).all(), (name, architecture)


def test_widths_that_round_to_the_same_channels_are_one_network():
    tree = {**MobileNetSpace.default_parameters, "width": {"choice": [0.5, 0.51]}}
    space = MobileNetSpace(tree)
    first = samples(space, 1)[0]
    second = space.architecture({**first, "width": 0.51 if first["width"] == 0.5 else 0.5})
    assert first.id != second.id
    assert space.identity(first) == space.identity(second)


def test_a_network_takes_the_channels_and_classes_of_the_data(space):
    data = DataShape((3, 20, 24), 4)
    model = space.build(samples(space, 1)[0], data)
    assert model(torch.zeros(2, 3, *model.input_size)).shape == (2, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widht": 1.0}, "no parameter 'widht'; known, nearest first: width"),
        ({"resolution": {"choice": [2, 8]}}, "resolution must be a whole number .* got 2"),
        ({"width": {"choice": [0.0, 1.0]}}, "width must be a number above 0 .* got 0.0"),
        ({"activation": "prelu"}, "activation must be one of relu, .* got 'prelu'"),
        ({"stages": {"kernel": {"choice": [3, 4]}}}, "kernel must be an odd .* got 4"),
        (
            {"stages": {"expansion": {"choice": [0, 3]}}},
            "expansion must be .* at least 1 .* got 0",
        ),
        ({"stages": {"depth": {"int": [0, 2]}}}, "depth must be .* at least 1 .* got 0"),
        ({"stages": {"squeeze_excite": 1}}, "squeeze_excite must be true or false, but got 1"),
        ({"stages": {"repeat": {"int": [2, 5]}}}, "repeat must be 1 to 4, .* but got 5"),
    ],
)
def test_a_tree_that_cannot_be_built_is_refused(change, message):
    default = MobileNetSpace.default_parameters
    tree = {**default, **change}
    if "stages" in change:
        tree["stages"] = {**default["stages"], **change["stages"]}
    with pytest.raises(SpaceError, match=message):
        MobileNetSpace(tree)


def test_a_missing_parameter_is_named():
    tree = {k: v for k, v in MobileNetSpace.default_parameters.items() if k != "width"}
    with pytest.raises(SpaceError, match="needs the parameter width"):
        MobileNetSpace(tree)


PHOTOS = DataShape((3, 64, 64), 5)


@pytest.fixture(scope="module")
def photo_space():
    told = OmegaConf.to_container(OmegaConf.load(conf_dir() / "search_space" / "mobilenet.yaml"))
    return instantiate(MobileNetSpace.fitted(told, PHOTOS), _convert_="all")


def test_stages_may_be_fused_where_images_are_larger_than_digits(photo_space, space):
    assert photo_space.domains["stages.0.fused"].options == (True, False)
    assert not [name for name in space.domains if name.endswith("fused")]


def test_the_pool_behind_the_first_convolution_takes_the_stride_of_the_first_stage(photo_space):
    plan = photo_space.plan(photo_space.recommended()[0], PHOTOS)
    assert plan.pools
    assert [stage.stride for stage in plan.stages] == [1, 2, 2, 2]  # of maps of 16, 8, 4, 2


@pytest.mark.parametrize(
    ("kernels", "strides"),
    [((5, 5, 5, 3), [1, 2, 2, 2]), ((3, 3, 3, 5), [1, 2, 2, 1]), ((5, 5, 5, 5), [1, 2, 2, 1])],
)
def test_a_stage_halves_to_maps_that_its_own_kernel_fits(photo_space, kernels, strides):
    """Of 16, 8, 4 and 2: outer weights of a kernel of 5 would never meet a map of 2."""
    told = dict(photo_space.recommended()[0])
    told |= {f"stages.{index}.kernel": kernel for index, kernel in enumerate(kernels)}
    plan = photo_space.plan(photo_space.architecture(told), PHOTOS)
    assert [stage.stride for stage in plan.stages] == strides


def test_no_later_stage_sees_a_map_that_is_too_small_for_its_kernel(photo_space):
    told = dict(photo_space.recommended()[0]) | {"resolution": 32, "stages.3.kernel": 5}
    plan = photo_space.plan(photo_space.architecture(told), PHOTOS)
    assert [stage.stride for stage in plan.stages] == [1, 2, 1, 1]  # maps of 8, 4, 4, 4


def test_maps_that_are_too_small_for_the_kernels_are_not_pooled():
    parameters = {**MobileNetSpace.default_parameters, "resolution": {"choice": [4, 5]}}
    pooling = MobileNetSpace(
        parameters, stem_pool=True
    )  # kernels of up to 5 pixels meet maps of 3
    (one,) = samples(pooling, 1)
    plans = [
        pooling.plan(pooling.architecture({**one, "resolution": side}), PHOTOS) for side in (4, 5)
    ]
    assert [plan.pools for plan in plans] == [False, True]


def test_costs_of_fused_stages_are_exact_on_many_architectures(photo_space):
    for architecture in samples(photo_space, 30):
        closed = dict(photo_space.static_costs(architecture, PHOTOS))
        built = costs_of(photo_space.build(architecture, PHOTOS), PHOTOS, metrics=tuple(closed))
        assert built == closed


def test_recommended_networks_belong_to_the_space_and_the_first_is_all_fused(photo_space):
    named = photo_space.recommended()
    assert len({architecture.id for architecture in named}) == len(named) == 6
    assert all(named[0][f"stages.{stage}.fused"] for stage in range(4))
    assert all(photo_space.architecture(dict(one)) == one for one in named)


def test_recommended_networks_keep_to_what_a_narrower_space_allows():
    parameters = {
        **MobileNetSpace.default_parameters,
        "width": {"choice": [0.25]},
        "stages": {
            **MobileNetSpace.default_parameters["stages"],
            "repeat": {"int": [1, 2]},
            "fused": {"choice": [True]},
        },
    }
    named = MobileNetSpace(parameters).recommended()
    assert {(one["width"], one["stages.repeat"]) for one in named} == {(0.25, 2)}


def test_a_space_without_fused_stages_recommends_nothing(space):
    assert space.recommended() == ()


def test_blocks_of_one_place_have_the_same_kind_whatever_stands_before_them():
    space = MobileNetSpace()
    values = {"resolution": 8, "width": 0.5, "activation": "relu", "stages.repeat": 2}
    for stage, expansion in ((0, 1), (1, 3)):
        values |= {f"stages.{stage}.depth": 1, f"stages.{stage}.kernel": 3}
        values |= {f"stages.{stage}.expansion": expansion}
    values["stages.1.squeeze_excite"] = False
    shallow = space.architecture(values)
    deep = space.architecture({**values, "stages.0.depth": 3})
    places, deeper = space.places(shallow), space.places(deep)
    assert places["blocks.1"] == deeper["blocks.3"] == "stages.1.0.depthwise_wide"
    assert places["blocks.0"] == deeper["blocks.0"] == "stages.0.0.depthwise"
