"""Real trials on the digits: results, failures, weights, and what a worker can reach."""

import math
import pickle
import time
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from parts.engine import note
from parts.processes import lines
from safetensors.torch import load as load_safetensors
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.loop import evaluate
from nas.train.recipe import Recipe
from nas.trial import FailureKind, TrialSpec, TrialState
from search_spaces.mobilenet import MobileNetSpace

RECIPE = Recipe(epochs=2, device="cpu")
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
SMALL = {
    "resolution": 8,
    "width": 0.5,
    "activation": "relu",
    "stages.repeat": 2,
    **{
        f"stages.{index}.{name}": value
        for index in range(2)
        for name, value in {
            "depth": 1,
            "kernel": 3,
            "expansion": 3,
            "squeeze_excite": False,
        }.items()
    },
}


class Unusual(SearchSpace):
    """Networks that go wrong in the way that `kind` says."""

    default_parameters: ClassVar = {
        "kind": {"choice": ["fine", "raises", "nan", "memory", "shape", "slow"]}
    }

    def build(self, architecture, data):
        kind = architecture["kind"]
        if kind == "raises":
            raise KeyError("no such block")
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10 if kind != "shape" else 3))
        if kind in ("nan", "memory", "slow"):
            model.append(Trouble(kind))
        return model


class Trouble(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, logits):
        if self.kind == "memory" and not logits.is_meta:
            torch.empty(2**50)
        if self.kind == "slow":
            time.sleep(0.02)
        return logits * (math.nan if self.kind == "nan" else 1.0)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def evaluator(digits):
    return TrainedEvaluator(MobileNetSpace(), digits, RECIPE, OBJECTIVES)


@pytest.fixture(scope="module")
def unusual(digits):
    return TrainedEvaluator(Unusual(), digits, RECIPE, OBJECTIVES)


def spec_of(evaluator, values, **settings):
    architecture = evaluator.space.architecture(values)
    return TrialSpec(number=4, architecture=architecture, seed=settings.pop("seed", 0), **settings)


def test_an_accuracy_is_a_share_of_the_validation_images(evaluator, digits):
    assert evaluator.num_judged == len(digits.validation)


def test_a_trial_is_complete_with_all_metrics(evaluator):
    result = evaluator.evaluate(spec_of(evaluator, SMALL, attempt=2))
    assert (result.number, result.attempt, result.state) == (4, 2, TrialState.COMPLETE)
    assert result.failure is None
    assert result.metrics.keys() == {
        "accuracy",
        "loss",
        "num_params",
        "size_bytes",
        "num_macs",
        "seconds",
    }
    assert result.metrics["accuracy"] > 0.5
    assert all(math.isfinite(value) for value in result.metrics.values())
    assert result.seconds > 0.0


def test_the_default_recipe_reads_the_digits_with_a_network_under_forty_kilobytes(digits):
    evaluator = TrainedEvaluator(MobileNetSpace(), digits, Recipe(device="cpu"), OBJECTIVES)
    result = evaluator.evaluate(spec_of(evaluator, {**SMALL, "width": 1.0}))
    assert result.metrics["size_bytes"] < 40_000
    assert result.metrics["accuracy"] >= 0.93


def test_the_same_seed_gives_the_same_result_in_another_copy(evaluator):
    copy = pickle.loads(pickle.dumps(evaluator))
    copy.prepare()
    one, same, other = (
        e.evaluate(spec_of(evaluator, SMALL, seed=seed))
        for e, seed in ((evaluator, 5), (copy, 5), (evaluator, 6))
    )
    assert one.metrics["loss"] == same.metrics["loss"]
    assert one.weights == same.weights
    assert one.metrics["loss"] != other.metrics["loss"]


def test_a_trial_leaves_the_process_random_state_alone(evaluator):
    before = torch.get_rng_state()
    evaluator.evaluate(spec_of(evaluator, SMALL))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("asked", "expected"), [(2, 2), (0.5, 1)])
def test_the_threads_of_a_trial_are_those_asked_for(digits, asked, expected):
    before = torch.get_num_threads()
    try:
        TrainedEvaluator(Unusual(), digits, RECIPE, OBJECTIVES, num_threads=asked).prepare()
        assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)


def test_a_worker_holds_no_test_image(digits, evaluator):
    text = pickle.dumps(evaluator)
    assert digits.train.images[0].tobytes() in text
    whole = digits.test.images
    assert whole.tobytes() not in text
    # Blank rows are everywhere, so whole images must be looked for; none of them stands in train.
    known = {image.tobytes() for image in (*digits.train.images, *digits.validation.images)}
    hidden = [image.tobytes() for image in whole if image.tobytes() not in known]
    assert len(hidden) > 400
    assert not any(image in text for image in hidden)


def test_arrays_that_cannot_be_written_are_trained_on_without_a_warning(digits):
    evaluator = TrainedEvaluator(Unusual(), digits, RECIPE, OBJECTIVES)
    for split in (evaluator.data.train, evaluator.data.validation):
        split.images.setflags(write=False)
        split.labels.setflags(write=False)
    result = evaluator.evaluate(spec_of(evaluator, {"kind": "fine"}))
    assert result.state is TrialState.COMPLETE


@pytest.mark.parametrize(
    ("kind", "limit_s", "failure", "message"),
    [
        ("raises", None, FailureKind.ERROR, "KeyError: 'no such block'"),
        ("nan", None, FailureKind.NONFINITE, "training loss is nan in epoch 1 of 2"),
        ("memory", None, FailureKind.OUT_OF_MEMORY, "DefaultCPUAllocator"),
        ("shape", None, FailureKind.ERROR, "out of bounds"),
        ("slow", 0.1, FailureKind.TIMEOUT, "the training took longer than 0.1 s"),
    ],
)
def test_each_failure_is_a_result_of_its_kind(unusual, kind, limit_s, failure, message):
    costs = {"size_bytes": 5.0}
    spec = spec_of(unusual, {"kind": kind}, time_limit_s=limit_s, static_costs=costs)
    result = unusual.evaluate(spec)
    assert result.state is TrialState.FAILED
    assert result.failure.kind is failure
    assert message in result.failure.message
    assert "Traceback" in result.failure.traceback
    assert result.metrics == costs
    assert result.weights is None


def test_a_trial_after_a_failure_is_well(unusual):
    unusual.evaluate(spec_of(unusual, {"kind": "raises"}))
    result = unusual.evaluate(spec_of(unusual, {"kind": "fine"}))
    assert result.state is TrialState.COMPLETE


def test_the_weights_are_those_that_were_judged(digits, evaluator):
    result = evaluator.evaluate(spec_of(evaluator, SMALL))
    data = digits.search_data()
    model = evaluator.space.build(evaluator.space.architecture(SMALL), data.shape)
    model.load_state_dict(load_safetensors(result.weights))
    score = evaluate(model, move_to_device(data, torch.device("cpu")).resized(model.input_size))
    assert score.accuracy == result.metrics["accuracy"]
    assert score.loss == pytest.approx(result.metrics["loss"], rel=1e-4)


def test_weights_come_back_only_where_no_point_of_the_front_dominates(evaluator):
    size = evaluator.static_costs(evaluator.space.architecture(SMALL))["size_bytes"]
    better, larger = (-1.01, size), (-1.01, size + 1)
    kept = evaluator.evaluate(spec_of(evaluator, SMALL, front=(larger,)))
    dropped = evaluator.evaluate(spec_of(evaluator, SMALL, front=(larger, better)))
    assert kept.weights is not None
    assert dropped.weights is None
    equal = (-kept.metrics["accuracy"], size)
    assert evaluator.evaluate(spec_of(evaluator, SMALL, front=(equal,))).weights is not None


def test_a_part_of_the_budget_is_a_stopped_trial_that_a_later_order_completes(evaluator, tmp_path):
    whole = evaluator.evaluate(spec_of(evaluator, SMALL))
    folder = str(tmp_path / "trial")
    part = evaluator.evaluate(spec_of(evaluator, SMALL, budget=0.4, checkpoint=folder))
    rest = evaluator.evaluate(spec_of(evaluator, SMALL, checkpoint=folder))
    assert (part.state, part.budget, part.weights) == (TrialState.STOPPED, 0.4, None)
    assert rest.state is TrialState.COMPLETE
    assert rest.weights == whole.weights
    assert rest.metrics["loss"] == whole.metrics["loss"] != part.metrics["loss"]


class Dying(SearchSpace):
    """A network that ends its worker at some step, unless that file exists."""

    default_parameters: ClassVar = {"kind": {"choice": ["only"]}}

    def __init__(self, place):
        super().__init__()
        self.place = place

    def build(self, architecture, data):
        del architecture, data
        return Mortal(self.place)


class Mortal(nn.Module):
    def __init__(self, place):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 10))
        self.place = place
        self.num_steps = 0

    def forward(self, images):
        if self.training:
            self.num_steps += 1
            note(self.place / "steps", "step")
            if self.num_steps == 30 and not (self.place / "lived").exists():
                raise KeyboardInterrupt  # as good as a kill: no evaluator catches it
        return self.layers(images)


def test_a_trial_that_is_cut_goes_on_from_its_last_checkpoint(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("nas.train.checkpoint.MAX_SHARE", math.inf)
    saving = TrainedEvaluator(Dying(tmp_path), digits, RECIPE, OBJECTIVES, checkpoint_every_s=1e-9)
    order = TrialSpec(0, saving.space.architecture({"kind": "only"}), 5)
    cut = replace(order, checkpoint=str(tmp_path / "trial"))
    with pytest.raises(KeyboardInterrupt):
        saving.evaluate(cut)
    (tmp_path / "lived").touch()
    rest = saving.evaluate(replace(cut, attempt=1))
    num_steps = len(lines(tmp_path / "steps"))
    whole = saving.evaluate(order)

    assert num_steps == len(lines(tmp_path / "steps")) - num_steps + 1
    assert rest.state is TrialState.COMPLETE
    assert rest.weights == whole.weights
    assert rest.metrics["loss"] == whole.metrics["loss"]


def test_a_short_trial_writes_no_checkpoint(digits, tmp_path):
    evaluator = TrainedEvaluator(
        MobileNetSpace(), digits, RECIPE, OBJECTIVES, checkpoint_every_s=600
    )
    evaluator.evaluate(spec_of(evaluator, SMALL, checkpoint=str(tmp_path / "trial")))
    assert not (tmp_path / "trial").exists()


def test_static_costs_are_the_closed_form_or_counted(evaluator, unusual):
    architecture = evaluator.space.architecture(SMALL)
    shape = evaluator.data.shape
    stated = evaluator.space.static_costs(architecture, shape)
    known = {**evaluator.static_costs(architecture), **evaluator.widths(architecture)}
    assert known == stated
    fine = unusual.space.architecture({"kind": "fine"})
    assert unusual.static_costs(fine) == {
        "num_params": 650.0,
        "size_bytes": 2600.0,
        "num_macs": 640.0,
    }
    assert unusual.widths(fine) == {"mean_width": 1.0, "min_width": 1.0, "num_features": 64.0}


def test_static_costs_are_counted_once_for_each_architecture(digits):
    built = []

    class Watching(Unusual):
        def build(self, architecture, data):
            built.append(architecture)
            return super().build(architecture, data)

    evaluator = TrainedEvaluator(Watching(), digits, RECIPE, OBJECTIVES)
    for _ in range(3):
        evaluator.static_costs(evaluator.space.architecture({"kind": "fine"}))
    assert len(built) == 1


def test_metrics_that_are_asked_for_are_measured(digits):
    evaluator = TrainedEvaluator(
        Unusual(), digits, RECIPE, OBJECTIVES, metrics=["latency_ms", "activation_bytes"]
    )
    result = evaluator.evaluate(spec_of(evaluator, {"kind": "fine"}))
    assert result.metrics["latency_ms"] > 0.0
    assert result.metrics["activation_bytes"] == 4 * (64 + 10)


def test_an_objective_is_measured_without_being_asked_for(digits):
    objectives = (objective_for("accuracy"), objective_for("latency_ms"))
    evaluator = TrainedEvaluator(Unusual(), digits, RECIPE, objectives)
    result = evaluator.evaluate(spec_of(evaluator, {"kind": "fine"}))
    assert result.metrics["latency_ms"] > 0.0
    assert result.weights is not None


def test_uint8_colour_images_are_resized_and_mirrored():
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = rng.integers(0, 100, (64, 10, 12, 3), dtype=np.uint8)
    images[labels == 1] += 150
    part = Split(images, labels)
    data = Dataset(
        name="mine",
        train=part,
        validation=part,
        test=part,
        class_names=("dark", "bright"),
        split_rule="none",
        is_mirrorable=True,
    )
    recipe = Recipe(epochs=8, batch_size=16, shift=0.1, device="cpu")
    evaluator = TrainedEvaluator(MobileNetSpace(), data, recipe, OBJECTIVES)
    result = evaluator.evaluate(spec_of(evaluator, {**SMALL, "resolution": 16}))
    assert result.metrics["accuracy"] == 1.0


def test_an_evaluator_that_judges_by_a_share_looks_at_the_first_images_only(digits):
    seen = []

    def note(module, inputs):
        seen.append((module.training, len(inputs[0])))

    class Counting(Unusual):
        def build(self, architecture, data):
            model = super().build(architecture, data)
            model.register_forward_pre_hook(note)
            return model

    whole = TrainedEvaluator(Counting(), digits, RECIPE, OBJECTIVES)
    spec = TrialSpec(
        number=0,
        architecture=Architecture({"kind": "fine"}),
        seed=0,
        static_costs=whole.static_costs(Architecture({"kind": "fine"})),
        budget=0.02,
    )
    seen.clear()

    whole.judging_by(0.02).evaluate(spec)

    # 901 images twice in batches of 32: the first of 56 steps, and 9 of 451 images.
    assert seen == [(True, 32), (False, 9)]


def test_what_is_less_than_a_step_is_measured_in_a_step_of_fewer_images(digits):
    evaluator = TrainedEvaluator(Unusual(), digits, RECIPE, OBJECTIVES)
    num_shown = 2 * 901

    assert evaluator.first_share({"num_macs": 1e9}) == 4 / num_shown
    assert evaluator.first_share({"num_macs": 6e7}) == 10 / num_shown
    assert evaluator.first_share({"num_macs": 1e3}) == 32 / num_shown
    assert [evaluator.batch_at(share) for share in (4 / num_shown, 8 / num_shown, 1.0)] == [
        4,
        8,
        32,
    ]
    assert evaluator.judging_by(0.1, 4 / num_shown).recipe.batch_size == 4
    assert evaluator.recipe.batch_size == 32
