"""Low-rank adaptation of a network with weights."""

import copy

import pytest
import torch
from safetensors.torch import load
from torch import nn

from nas.adapt.adapters import adapt, merge
from nas.architecture import Architecture
from nas.compress.quantize import quantize_weights
from nas.data.digits import load_digits
from nas.errors import ConfigError
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import TrialSpec


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 16, 20),
        nn.Linear(20, 4),
    )


@pytest.fixture
def images():
    return torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def train(model, images, steps=5):
    labels = torch.arange(len(images)) % 4
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()


def test_adapted_network_computes_the_same_at_first(images):
    model = network().eval()
    adapted = copy.deepcopy(model)

    adapt(adapted, rank=2)

    torch.testing.assert_close(adapted(images), model(images))


def test_with_rank_0_norms_biases_and_the_last_layer_are_all_that_is_trained():
    model = network()

    adapt(model, rank=0)

    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"0.bias", "1.weight", "1.bias", "4.bias", "5.weight", "5.bias"}


def test_updates_norms_biases_and_the_last_layer_are_all_that_is_trained():
    model = network()
    adapt(model, rank=2)

    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)

    # Two updates (3 x 9 -> 16 and 256 -> 20), the biases beside them, the norm, the last layer.
    assert trained == 2 * (27 + 16) + 2 * (256 + 20) + 16 + 20 + 2 * 16 + (20 * 4 + 4)


@pytest.mark.parametrize("rank", [1, 3])
def test_merged_network_is_the_original_plus_updates_of_that_rank(images, rank):
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapt(model, rank=rank)
    train(model, images)
    model.eval()
    expected = model(images)

    merge(model)

    torch.testing.assert_close(model(images), expected)
    assert set(model.state_dict()) == set(before)
    for name in ("0.weight", "4.weight"):
        change = (model.state_dict()[name] - before[name]).flatten(1)
        assert int(torch.linalg.matrix_rank(change, rtol=1e-4)) == rank
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_layers_that_an_update_would_not_make_thinner_are_trained_whole():
    model = network()
    adapt(model, rank=11)  # 11 x (27 + 16) numbers for a kernel of 27 x 16

    assert model[0].weight.requires_grad
    assert not hasattr(model[0], "parametrizations")
    assert hasattr(model[4], "parametrizations")


def test_weights_that_are_rounded_cannot_be_adapted():
    model = network()
    quantize_weights(model, bits=8)

    with pytest.raises(ConfigError, match="leave out one of the two"):
        adapt(model, rank=2)


class OneNetwork(SearchSpace):
    """A network with weights."""

    def __init__(self):
        super().__init__({"any": {"choice": [1]}})

    def build(self, architecture, data):
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def test_trial_that_adapts_returns_an_ordinary_network_that_learnt_by_thin_updates():
    recipe = Recipe(epochs=2, adapter_rank=3, device="cpu", weight_decay=0.0)
    objectives = (objective_for("accuracy"), objective_for("size_bytes"))
    space, dataset = OneNetwork(), load_digits()
    architecture = Architecture({"any": 1})
    evaluator = TrainedEvaluator(space, dataset, recipe, objectives, num_threads=1)

    result = evaluator.evaluate(TrialSpec(0, architecture, seed=1))

    before = space.build(architecture, dataset.shape).state_dict()
    after = load(result.weights)
    assert set(after) == set(before)
    change = after["1.weight"] - before["1.weight"]
    assert int(torch.linalg.matrix_rank(change, rtol=1e-4)) == 3
    assert result.metrics["num_params"] == 64 * 32 + 32 + 32 * 10 + 10
    assert result.metrics["accuracy"] > 0.5
