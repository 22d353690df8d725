"""A trained model as a space: the contract, where it comes from, and what cannot be used."""

import pickle
import sys

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from nas.assemble.check import check_search
from nas.assemble.search import build_search
from nas.config.source import ConfigSource
from nas.errors import SpaceError
from nas.measure.cost import costs_of
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.compressed import CompressedSpace
from search_spaces.elastic import ElasticSpace

DATA = DataShape((3, 32, 32), 10)
HALVES = {"width": {"choice": [0.5, 1.0]}, "depth": {"choice": [0.5, 1.0]}}


class TestElasticResNet(SpaceContract):
    num_architectures = 4
    data_shapes = (DataShape((1, 16, 16), 10),)

    def make_space(self):
        parameters = {"width": {"choice": [0.25, 0.5, 1.0]}}
        return ElasticSpace("test_resnet", parameters=parameters, multiple=4)


class TestElasticViT(SpaceContract):
    num_architectures = 4
    data_shapes = (DATA,)

    def make_space(self):
        parameters = {
            "width": {"choice": [0.5, 1.0]},
            "depth": {"choice": [0.5, 1.0]},
            "rank": 0.5,
        }
        return ElasticSpace("test_vit", input_size=32, multiple=4, parameters=parameters)


@pytest.fixture
def trained(tmp_path):
    """A model of seven classes and one channel, and the file of its weights."""
    torch.manual_seed(1)
    model = timm.create_model("test_resnet", num_classes=7, in_chans=1).eval()
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    return model, tmp_path / "weights.safetensors"


def whole(space):
    return space.architecture(dict.fromkeys(space.domains, 1.0))


def test_the_largest_architecture_is_the_trained_model(trained):
    model, weights = trained
    space = ElasticSpace("test_resnet", weights=str(weights), parameters=HALVES)
    data = DataShape((1, 32, 32), 7)
    images = torch.randn(2, 1, 32, 32)
    built = space.build(whole(space), data).eval()
    with torch.no_grad():
        torch.testing.assert_close(built(images), model(images))
    expected = sum(tensor.numel() for tensor in model.parameters())
    assert space.static_costs(whole(space), data)["num_params"] == expected


def test_data_of_other_classes_get_a_new_classifier_and_keep_the_rest(trained):
    model, weights = trained
    space = ElasticSpace("test_resnet", weights=str(weights), parameters=HALVES)
    built = space.build(whole(space), DataShape((1, 32, 32), 3))
    assert torch.equal(built.conv1[0].weight, model.conv1[0].weight)
    assert built(torch.zeros(2, 1, 32, 32)).shape == (2, 3)


def test_the_space_travels_without_the_weights_and_reads_them_there(trained):
    _, weights = trained
    space = ElasticSpace("test_resnet", weights=str(weights), parameters=HALVES)
    data = DataShape((1, 32, 32), 7)
    before = space.static_costs(whole(space), data)
    text = pickle.dumps(space)
    assert len(text) < 0.1 * weights.stat().st_size
    assert pickle.loads(text).static_costs(whole(space), data) == before


def test_a_users_own_model_comes_from_a_function_or_a_file(tmp_path, monkeypatch):
    (tmp_path / "users_model.py").write_text(
        "import timm\ndef make():\n    return timm.create_model('test_resnet', num_classes=10)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    named = ElasticSpace("users_model.make", parameters=HALVES)
    torch.save(timm.create_model("test_resnet", num_classes=10), tmp_path / "model.pt")
    stored = ElasticSpace(str(tmp_path / "model.pt"), parameters=HALVES)
    sys.modules.pop("users_model")
    assert named.domains == stored.domains
    costs = [space.static_costs(whole(space), DATA) for space in (named, stored)]
    assert costs[0] == costs[1]


def test_a_file_of_a_model_is_found_from_other_folders_too(tmp_path, monkeypatch):
    torch.save(timm.create_model("test_resnet", num_classes=10), tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)
    space = ElasticSpace("mine.pt", parameters={"width": 0.5})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    worker = pickle.loads(pickle.dumps(space))
    assert worker.build(next(space.enumerate()), DataShape((3, 32, 32), 10)) is not None


def test_a_name_may_say_which_of_the_published_weights():
    tagged = ElasticSpace("test_resnet.r160_in1k", parameters={"width": 0.5})
    plain = ElasticSpace("test_resnet", parameters={"width": 0.5})
    data = DataShape((3, 32, 32), 10)
    (half,) = plain.enumerate()
    assert tagged.static_costs(half, data) == plain.static_costs(half, data)


def test_published_weights_that_cannot_be_had_are_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SpaceError, match=r"test_resnet cannot be had.*pretrained=false"):
        ElasticSpace("test_resnet", pretrained=True)


def test_shares_may_differ_between_stages():
    parameters = {"width": {"layer1": 1.0, "layer4": {"choice": [0.25, 0.5]}}}
    space = ElasticSpace("resnet18", parameters=parameters)
    assert space.num_architectures() == 2
    small, large = (space.static_costs(a, DATA)["num_params"] for a in space.enumerate())
    assert small < large < space.static_costs(whole_of(space), DATA)["num_params"] + large


def whole_of(space):
    return list(space.enumerate())[-1]


def test_shares_that_round_to_the_same_channels_are_one_network():
    space = ElasticSpace("resnet18", parameters={"width": {"layer1": {"choice": [0.5, 0.51]}}})
    one, other = space.enumerate()
    assert one != other
    assert space.identity(one) == space.identity(other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"model": "resnet_18"}, "nearest: .*resnet18", id="no such model"),
        pytest.param({"model": "nowhere.make"}, "nor a function that Python finds", id="function"),
        pytest.param({"model": "nowhere.pt"}, "there is no file", id="no such file"),
        pytest.param(
            {"model": "resnet18", "weights": "no.safetensors"}, "no file .*no.safe", id="weights"
        ),
        pytest.param(
            {"model": "resnet18", "parameters": {"widht": 0.5}}, "known: width", id="parameter"
        ),
        pytest.param(
            {"model": "resnet18", "parameters": {"width": {"layer9": 0.5}}},
            "width of 'layer9' is nothing that can change; allowed: layer",
            id="stage",
        ),
        pytest.param(
            {"model": "resnet18", "parameters": {"width": 1.5}},
            "above 0 and at most 1",
            id="share",
        ),
        pytest.param(
            {"model": "resnet18", "parameters": {"rank": 0.5}}, "can be made smaller", id="nothing"
        ),
    ],
)
def test_a_fault_of_the_settings_is_named(settings, message):
    with pytest.raises(SpaceError, match=message):
        ElasticSpace(**settings)


def test_weights_of_another_model_are_refused_before_any_training(trained):
    _, weights = trained
    with pytest.raises(SpaceError, match=r"not those of test_convnext: .* is missing"):
        ElasticSpace("test_convnext", weights=str(weights))


def test_weights_for_other_channels_than_the_data_are_refused(trained):
    _, weights = trained
    space = ElasticSpace("test_resnet", weights=str(weights), parameters=HALVES)
    for refusing in (space, CompressedSpace(space)):
        with pytest.raises(SpaceError, match="images of 1 channels, but the data have 3"):
            refusing.check_data(DATA)


def test_a_search_on_data_that_do_not_fit_ends_before_any_worker_starts(tmp_path):
    model = timm.create_model("test_resnet", num_classes=10)
    save_file(model.state_dict(), tmp_path / "colour.safetensors")
    words = [f"search_space.weights={tmp_path / 'colour.safetensors'}", "name=x"]
    source = ConfigSource(
        overrides=("search_space=elastic", "search_space.model=test_resnet", *words)
    )
    with pytest.raises(SpaceError, match="images of 3 channels, but the data have 1"):
        build_search(check_search(source))


@pytest.mark.slow
def test_compressions_around_it_are_costed_without_making_the_networks(monkeypatch):
    inner = ElasticSpace("test_vit", input_size=32, multiple=4, parameters=HALVES)
    space = CompressedSpace(inner, weight_bits=8, kept={"choice": [0.5, 1.0]})
    architectures = list(space.enumerate())
    counted = [
        costs_of(space.build(a, DATA).to("meta"), DATA, metrics=("num_params", "num_macs"))
        for a in architectures
    ]
    monkeypatch.delattr(ElasticSpace, "build")
    for architecture, costs in zip(architectures, counted, strict=True):
        assert costs.items() <= space.static_costs(architecture, DATA).items()
