"""Models of timm as a space: the contract, knobs, names, and weights that may not be there."""

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from nas.errors import SpaceError, UnbuildableError
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.timm_family import TimmFamilySpace

DATA = DataShape((1, 8, 8), 10)


class TestTimmFamilySpace(SpaceContract):
    num_architectures = 5
    data_shapes = (DATA,)

    def make_space(self):
        parameters = {
            "width": {"choice": [0.5, 1.0]},
            "depth": {"choice": [0.5, 1.0]},
            "input_size": {"choice": [32, 48]},
        }
        return TimmFamilySpace(["test_convnext", "test_byobnet", "lcnet_035"], parameters)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A machine without network whose cache of weights is empty."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_glob_names_every_model_that_fits():
    space = TimmFamilySpace(["test_convnext*"], {"input_size": 32})
    assert space.models == tuple(timm.list_models("test_convnext*"))
    assert space.num_architectures() == len(space.models)


def test_a_model_without_a_knob_has_no_such_parameter():
    parameters = {"width": {"choice": [0.5, 1.0]}, "input_size": 32}
    space = TimmFamilySpace(["test_byobnet", "test_convnext"], parameters)
    sizes = {(a["model"], a.get("width")) for a in space.enumerate()}
    assert sizes == {("test_byobnet", None), ("test_convnext", 0.5), ("test_convnext", 1.0)}


def test_models_for_one_size_are_built_for_the_size_that_is_asked():
    space = TimmFamilySpace(["test_vit"], {"input_size": {"choice": [32, 64]}})
    small, large = space.enumerate()
    patches = [space.build(a, DATA).patch_embed.num_patches for a in (small, large)]
    assert patches == [(32 // 16) ** 2, (64 // 16) ** 2]
    assert space.build(small, DATA)(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_a_size_that_a_model_cannot_take_is_unbuildable():
    space = TimmFamilySpace(["test_maxvit"], {"input_size": 33})
    with pytest.raises(UnbuildableError, match="cannot build input_size=33 model=test_maxvit"):
        space.static_costs(next(space.enumerate()), DATA)


@pytest.mark.parametrize(
    ("models", "parameters", "message"),
    [
        pytest.param(["resnet_18"], None, "nearest: .*resnet18", id="unknown"),
        pytest.param(["nothing_*"], None, "no model of timm matches", id="empty glob"),
        pytest.param([], None, "models is empty", id="none"),
        pytest.param(["lcnet_035"], {"width": 0.5}, "needs the parameter input_size", id="size"),
        pytest.param(
            ["lcnet_035"], {"depth": 2.0, "input_size": 32}, "above 0 and at most 1", id="deeper"
        ),
    ],
)
def test_a_fault_of_the_settings_is_named(models, parameters, message):
    with pytest.raises(SpaceError, match=message):
        TimmFamilySpace(models, parameters)


def test_weights_that_cannot_be_had_are_refused_before_any_training(empty_cache):
    with pytest.raises(SpaceError, match=r"test_convnext cannot be had.*pretrained=false"):
        TimmFamilySpace(["test_convnext"], {"input_size": 32}, pretrained=True)


def test_pretrained_weights_come_from_the_cache_and_leave_no_scales(empty_cache):
    published = timm.create_model("test_convnext")
    settings = published.pretrained_cfg
    folder = empty_cache / f"models--{settings['hf_hub_id'].replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(published.state_dict(), snapshot / "model.safetensors")
    space = TimmFamilySpace(["test_convnext"], pretrained=True)
    assert set(space.domains) == {"model", "input_size"}
    model = space.build(next(space.enumerate()), DataShape((3, 32, 32), 7))
    stems = [network.get_submodule("stages.0.blocks.0.conv_dw") for network in (model, published)]
    assert torch.equal(*(stem.weight for stem in stems))
    assert model.head.fc.out_features == 7
    counted = space.static_costs(next(space.enumerate()), DataShape((3, 32, 32), 7))
    assert counted["num_params"] == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("place", ["test_convnext.safetensors", "test_convnext/model.safetensors"])
def test_pretrained_weights_come_from_a_folder_of_files(tmp_path, empty_cache, place):
    published = timm.create_model("test_convnext")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    save_file(published.state_dict(), tmp_path / place)

    space = TimmFamilySpace(["test_convnext"], {"input_size": 32}, pretrained=str(tmp_path))
    model = space.build(next(space.enumerate()), DataShape((3, 32, 32), 7))

    stems = [network.get_submodule("stages.0.blocks.0.conv_dw") for network in (model, published)]
    assert torch.equal(*(stem.weight for stem in stems))
    assert model.head.fc.out_features == 7


def test_a_folder_without_the_weights_is_named_with_what_it_holds(tmp_path):
    (tmp_path / "other.safetensors").touch()

    with pytest.raises(SpaceError, match=r"no test_convnext\.safetensors.*other\.safetensors"):
        TimmFamilySpace(["test_convnext"], {"input_size": 32}, pretrained=str(tmp_path))
