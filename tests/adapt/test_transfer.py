"""Weights of an earlier run as the start of new networks."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.adapt.transfer import networks_of, transfer
from nas.architecture import Architecture
from nas.data.digits import load_digits
from nas.errors import ConfigError
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import TrialSpec


def network(width, classes):
    return nn.Sequential(
        nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(36 * width, classes)
    )


def filled(model, value):
    for parameter in model.parameters():
        nn.init.constant_(parameter, value)
    return model


def keep(model, folder, name="weights.safetensors"):
    folder.mkdir(parents=True)
    save_file(model.state_dict(), folder / name)


class Widths(SearchSpace):
    default_parameters = {"width": {"choice": [4, 8]}}  # noqa: RUF012

    def build(self, architecture, data):
        return network(architecture["width"], data.num_classes)


def files(place):
    return [known.file for known in networks_of(str(place))]


def test_the_network_whose_layers_are_most_alike_gives_its_weights(tmp_path):
    keep(filled(network(4, 2), 0.25), tmp_path / "models/0")
    keep(filled(network(8, 2), 0.5), tmp_path / "models/1")
    model = network(8, 3)

    transfer(model, str(tmp_path))

    assert (model[0].weight == 0.5).all()


def test_the_last_layer_stays_as_it_was_built(tmp_path):
    keep(filled(network(8, 3), 0.5), tmp_path / "models/0")
    model = network(8, 3)
    before = model[3].weight.detach().clone()

    transfer(model, str(tmp_path))

    assert torch.equal(model[3].weight, before)


def test_of_a_narrower_layer_the_common_channels_are_taken(tmp_path):
    keep(filled(network(4, 3), 0.5), tmp_path / "models/0")
    model = filled(network(8, 3), 0.75)

    transfer(model, str(tmp_path))

    assert (model[0].weight[:4] == 0.5).all()
    assert (model[0].weight[4:] == 0.75).all()


def test_a_network_that_shares_nothing_stays_as_it_was_built(tmp_path):
    keep(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), tmp_path / "models/0")
    model = filled(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)), 0.75)

    assert transfer(model, str(tmp_path)) == 0.0
    assert (model[0].weight == 0.75).all()


def test_a_single_network_can_be_named(tmp_path):
    keep(network(4, 2), tmp_path / "finish/3", name="model.safetensors")

    assert files(tmp_path / "finish/3") == [tmp_path / "finish/3/model.safetensors"]


def test_compressed_variants_of_a_run_are_left_out(tmp_path):
    keep(network(4, 2), tmp_path / "models/0")
    keep(network(4, 2), tmp_path / "models/0_int8")
    (tmp_path / "models/0_int8/variant.json").write_text("{}")

    assert files(tmp_path) == [tmp_path / "models/0/weights.safetensors"]


def test_a_folder_without_networks_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no networks with weights; give the folder of a"):
        networks_of(str(tmp_path))


def test_a_damaged_file_is_named(tmp_path):
    keep(network(4, 2), tmp_path / "models/0")
    (tmp_path / "models/0/weights.safetensors").write_bytes(b"none")

    with pytest.raises(ConfigError, match=r"models/0/weights\.safetensors cannot be read"):
        transfer(network(4, 2), str(tmp_path))


def test_a_trial_starts_from_the_earlier_run(tmp_path):
    data = load_digits()
    keep(network(4, 10), tmp_path / "models/0")
    taught = TrialSpec(0, Architecture({"width": 4}), seed=0)
    objectives = (objective_for("accuracy"), objective_for("size_bytes"))
    long = TrainedEvaluator(
        Widths(), data, Recipe(epochs=4, learning_rate=0.01, device="cpu"), objectives
    ).evaluate(taught)
    (tmp_path / "models/0/weights.safetensors").write_bytes(long.weights)

    def accuracy(**settings):
        recipe = Recipe(epochs=1, batch_size=256, learning_rate=0.01, device="cpu", **settings)
        evaluator = TrainedEvaluator(Widths(), data, recipe, objectives)
        return evaluator.evaluate(taught).metrics["accuracy"]

    assert accuracy(transfer_from=str(tmp_path)) > accuracy()
