"""Variants of trained networks: what they cost, what they are worth, and what is kept of them."""

import time
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from nas.compress.compression import Compression, load_stored
from nas.data.digits import load_digits
from nas.errors import ConfigError
from nas.evaluation.placement import move_to_device
from nas.evaluation.trained import TrainedEvaluator
from nas.evaluation.variants import TrainedModel, make_variants, plan_variants
from nas.measure.cost import COUNTABLE, costs_of, input_size
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.calibration import recalibrate_norms
from nas.train.loop import evaluate
from nas.train.recipe import Recipe
from nas.trial import FailureKind, TrialSpec, TrialState
from search_spaces.compressed import CompressedSpace
from search_spaces.mobilenet import MobileNetSpace

RECIPE = Recipe(epochs=3, device="cpu")
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
SHORT = Recipe(epochs=1, device="cpu")
NAMES = ["int8", "int4", "rank0.5", "kept0.5", "kept0.5+int8"]


class BuildsTwice(SearchSpace):
    """Builds for training and for counting, and no more."""

    default_parameters: ClassVar = {"width": {"choice": [8, 16]}}
    num_built = 0

    def build(self, architecture, data):
        self.num_built += 1
        if self.num_built > 2:
            raise RuntimeError("no third network")
        return nn.Sequential(nn.Flatten(), nn.Linear(64, architecture["width"]), nn.Linear(8, 10))


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def evaluator(digits):
    settings = {"variants": NAMES, "fine_tuning": 0.34, "metrics": ["activation_bytes"]}
    return TrainedEvaluator(MobileNetSpace(), digits, RECIPE, OBJECTIVES, **settings)


@pytest.fixture(scope="module")
def spec(evaluator):
    wide = (evaluator.space.sample(np.random.default_rng(seed)) for seed in range(100))
    architecture = next(
        a for a in wide if a["resolution"] == 8 and a["width"] == 1.0 and a["stages.repeat"] == 2
    )
    return TrialSpec(number=0, architecture=architecture, seed=0)


@pytest.fixture(scope="module")
def result(evaluator, spec):
    return evaluator.evaluate(spec)


def model_of(variant, evaluator, spec):
    """Return the network that a variant's weights are of, made of nothing else."""
    torch.manual_seed(5)
    shape = evaluator.data.shape
    model = evaluator.space.build(spec.architecture, shape)
    images = torch.zeros(2, 1, *input_size(model, shape))
    compression = Compression.named(variant.name)
    load_stored(model, compression, load_safetensors(variant.weights), images)
    return model


def test_each_variant_is_made_once_and_measured_like_its_parent(result):
    assert result.state is TrialState.COMPLETE
    assert [variant.name for variant in result.variants] == NAMES
    for variant in result.variants:
        assert variant.failure is None
        assert variant.metrics.keys() == result.metrics.keys() - {"seconds"}


def test_a_training_with_variants_ends_as_one_without(digits, result, spec):
    plain = TrainedEvaluator(MobileNetSpace(), digits, RECIPE, OBJECTIVES)
    alone = plain.evaluate(spec)
    assert alone.variants == ()
    assert alone.metrics["accuracy"] == result.metrics["accuracy"]
    assert alone.weights == result.weights


def test_the_accuracy_of_a_variant_is_that_of_its_weights(evaluator, spec, result, digits):
    data = move_to_device(digits.search_data(), torch.device("cpu"))
    for variant in result.variants:
        model = model_of(variant, evaluator, spec)
        score = evaluate(model, data.resized(input_size(model, evaluator.data.shape)))
        assert score.accuracy == pytest.approx(variant.metrics["accuracy"], abs=0.005)


def test_the_costs_of_a_variant_are_those_of_its_network_and_file(evaluator, spec, result):
    for variant in result.variants:
        stored = load_safetensors(variant.weights).values()
        assert variant.metrics["size_bytes"] == sum(t.numel() * t.element_size() for t in stored)
        model = model_of(variant, evaluator, spec).to("meta")
        counted = costs_of(model, evaluator.data.shape, metrics=COUNTABLE)
        assert variant.metrics["num_params"] == counted["num_params"]
        assert variant.metrics["num_macs"] == counted["num_macs"]


def test_eight_bits_cost_little_and_four_or_fewer_channels_more(result):
    whole = result.metrics
    eight, four, _, pruned, both = (variant.metrics for variant in result.variants)
    assert eight["accuracy"] > whole["accuracy"] - 0.02
    assert eight["size_bytes"] < 0.45 * whole["size_bytes"]
    assert four["size_bytes"] < eight["size_bytes"]
    assert pruned["num_params"] < 0.6 * whole["num_params"]
    assert both["size_bytes"] < pruned["size_bytes"]


def test_weights_of_a_variant_that_the_front_dominates_stay_where_they_are(digits, spec):
    evaluator = TrainedEvaluator(MobileNetSpace(), digits, SHORT, OBJECTIVES, variants=["int8"])
    beaten = TrialSpec(0, spec.architecture, 0, front=((-1.0, 0.0),))
    assert [variant.weights for variant in evaluator.evaluate(beaten).variants] == [None]


def test_a_part_of_the_budget_has_no_variants(evaluator, spec):
    part = TrialSpec(0, spec.architecture, 0, budget=0.34)
    assert evaluator.evaluate(part).variants == ()


def test_a_variant_that_fails_costs_the_trial_nothing(digits):
    space = BuildsTwice()
    evaluator = TrainedEvaluator(space, digits, SHORT, OBJECTIVES, variants=["int8"])
    result = evaluator.evaluate(TrialSpec(0, space.architecture({"width": 8}), 0))
    assert result.state is TrialState.COMPLETE
    (variant,) = result.variants
    assert variant.failure.kind is FailureKind.ERROR
    assert "no third network" in variant.failure.traceback


def test_variants_for_which_no_time_is_left_say_so(digits, spec):
    evaluator = TrainedEvaluator(MobileNetSpace(), digits, SHORT, OBJECTIVES, variants=["int8"])
    model = evaluator.space.build(spec.architecture, evaluator.data.shape)
    trained = TrainedModel(
        build=lambda: model,
        state=model.state_dict(),
        data=move_to_device(digits.search_data(), torch.device("cpu")),
        shape=evaluator.data.shape,
        costs={},
        seed=0,
        deadline_s=time.monotonic(),
        loss=lambda _model: None,
    )
    plan = plan_variants(["int8"], fine_tuning=0.0, space=evaluator.space, recipe=SHORT)
    (variant,) = make_variants(trained, plan, is_wanted=lambda metrics: True)
    assert variant.failure.kind is FailureKind.TIMEOUT


def test_norms_see_the_statistics_of_the_training_images_again(digits):
    data = move_to_device(digits.search_data(), torch.device("cpu"))
    model = nn.Sequential(nn.BatchNorm2d(1, momentum=0.3))
    recalibrate_norms(model, data)
    # The images are normalised by mean and standard deviation of the training split.
    assert float(model[0].running_mean) == pytest.approx(0.0, abs=0.02)
    assert float(model[0].running_var) == pytest.approx(1.0, abs=0.03)
    assert model[0].momentum == 0.3
    assert not model.training


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variants": ["int2"]}, "'int2' is no compression"),
        ({"variants": ["int8", "int8"]}, "names a variant twice"),
        ({"variants": ["int8"], "fine_tuning": 2.0}, "fine_tuning must be from 0 to 1"),
    ],
)
def test_a_fault_of_the_variants_is_named_before_any_training(digits, settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainedEvaluator(MobileNetSpace(), digits, RECIPE, OBJECTIVES, **settings)


def test_a_space_that_compresses_takes_no_variants(digits):
    space = CompressedSpace(MobileNetSpace())
    with pytest.raises(ConfigError, match="has the parameter weight_bits"):
        TrainedEvaluator(space, digits, RECIPE, OBJECTIVES, variants=["kept0.5"])
