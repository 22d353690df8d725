"""A real training that starts from another one's weights: shorter, and better for it."""

from functools import partial

import pytest
import torch
from safetensors.torch import load as load_safetensors

from nas.data.digits import load_digits
from nas.evaluation import inherited
from nas.evaluation import trained as trained_module
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.train.loop import Training
from nas.train.recipe import Recipe
from nas.trial import Inheritance, TrialSpec
from search_spaces.mobilenet import MobileNetSpace

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
VALUES = {
    "resolution": 8,
    "width": 0.5,
    "activation": "relu",
    "stages.repeat": 1,
    "stages.0.depth": 1,
    "stages.0.kernel": 3,
    "stages.0.expansion": 3,
    "stages.0.squeeze_excite": False,
}
WIDER = {**VALUES, "width": 0.75, "stages.0.kernel": 5, "stages.0.depth": 2}


@pytest.fixture(scope="module")
def evaluator():
    recipe = Recipe(epochs=2, device="cpu")
    return TrainedEvaluator(MobileNetSpace(), load_digits(), recipe, OBJECTIVES, num_threads=1)


@pytest.fixture(scope="module")
def parent(evaluator):
    # Nothing stands on this front, yet the weights come.
    front = ((-2.0, 0.0),)
    return evaluator.evaluate(order(evaluator, VALUES, front=front, keeps_weights=True))


def order(evaluator, values, **settings):
    return TrialSpec(7, evaluator.space.architecture(values), seed=3, **settings)


def test_a_trial_brings_weights_that_others_may_start_from(evaluator, parent):
    stored = load_safetensors(parent.weights)
    shapes = evaluator.weight_shapes(evaluator.space.architecture(VALUES))
    assert {name: tuple(tensor.shape) for name, tensor in stored.items()} == shapes


def test_without_being_asked_a_trial_that_is_dominated_brings_none(evaluator):
    result = evaluator.evaluate(order(evaluator, VALUES, front=((-2.0, 0.0),), budget=0.1))
    assert result.weights is None


def test_a_larger_network_that_inherits_beats_an_equally_short_training(evaluator, parent):
    share = 0.25
    alone = evaluator.evaluate(order(evaluator, WIDER, inheritance=None, budget=share))
    inheritance = Inheritance(parent.weights, share=share, learning_rate_share=1.0)
    heir = evaluator.evaluate(order(evaluator, WIDER, inheritance=inheritance))

    assert heir.failure is None
    assert heir.metrics["training_share"] == share
    assert "training_share" not in alone.metrics
    # 451 images: two shares near a half differ by 0.07 by chance in one of 40 cases.
    assert heir.metrics["accuracy"] > alone.metrics["accuracy"] + 0.1


def test_the_same_order_gives_the_same_result(evaluator, parent):
    inheritance = Inheritance(parent.weights, share=0.05, learning_rate_share=0.5)
    one, other = (
        evaluator.evaluate(order(evaluator, WIDER, inheritance=inheritance)) for _ in range(2)
    )
    assert one.metrics["loss"] == other.metrics["loss"]


def test_a_trial_that_was_cut_goes_on_from_its_checkpoint_and_inherits_no_second_time(
    evaluator, parent, tmp_path
):
    inheritance = Inheritance(parent.weights, share=0.2, learning_rate_share=1.0)
    whole = evaluator.evaluate(order(evaluator, WIDER, inheritance=inheritance))
    folder = str(tmp_path / "7")
    settings = {"inheritance": inheritance, "checkpoint": folder}

    evaluator.evaluate(order(evaluator, WIDER, budget=0.5, **settings))
    resumed = evaluator.evaluate(order(evaluator, WIDER, **settings))

    assert resumed.metrics["loss"] == whole.metrics["loss"]


@pytest.fixture
def begun(monkeypatch):
    """Return a function: an order's inheritance -> was the network whitened, its optimizer."""

    def trained(space=None, inheritance=None, **settings):
        whitened, optimizers = [], []
        monkeypatch.setattr(
            inherited, "whiten_first_convolution", lambda *_: whitened.append(True)
        )
        monkeypatch.setattr(
            trained_module, "Training", partial(noted, Training, note=optimizers.append)
        )
        recipe = Recipe(epochs=1, device="cpu", whitening=True, optimizer="muon", **settings)
        evaluator = TrainedEvaluator(
            space or MobileNetSpace(), load_digits(), recipe, OBJECTIVES, num_threads=1
        )
        result = evaluator.evaluate(order(evaluator, VALUES, inheritance=inheritance, budget=0.1))
        assert result.failure is None
        return bool(whitened), *optimizers

    return trained


def noted(make, *arguments, note, **named):
    training = make(*arguments, **named)
    note(type(training.optimizer).__name__)
    return training


class Trained(MobileNetSpace):
    """Networks that come with weights of their own, as pretrained ones do."""

    def build(self, architecture, data):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return super().build(architecture, data)


def test_only_a_network_that_begins_at_random_is_whitened_and_trained_by_muon(begun, parent):
    assert begun() == (True, "Together")
    inheritance = Inheritance(parent.weights, share=0.2, learning_rate_share=1.0)
    assert begun(inheritance=inheritance) == (False, "AdamW")
    assert begun(Trained()) == (False, "AdamW")
    assert begun(adapter_rank=2) == (False, "AdamW")
