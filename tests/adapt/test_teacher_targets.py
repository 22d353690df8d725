"""A teacher inside the trials of a search."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.errors import ConfigError
from nas.evaluation.trained import TrainedEvaluator
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import TrialSpec

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


class Linear(SearchSpace):
    default_parameters = {"bias": {"choice": [True, False]}}  # noqa: RUF012

    def build(self, architecture, data):
        inputs = int(np.prod(data.input_shape))
        return nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, data.num_classes, bias=architecture["bias"])
        )


def split(rng, count):
    labels = np.arange(count, dtype=np.int64) % 2
    images = rng.normal(0, 1, (count, 2, 2, 1)) + labels[:, None, None, None]
    return Split(images.astype(np.float32), labels)


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    parts = [split(rng, count) for count in (64, 40, 40)]
    return Dataset("two", *parts, ("a", "b"), "drawn apart")


@pytest.fixture
def teacher(tmp_path, dataset):
    """A network that says class 1 of everything."""
    folder = tmp_path / "runs/s/models/3"
    folder.mkdir(parents=True)
    architecture = Architecture({"bias": True})
    model = Linear().build(architecture, dataset.shape)
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.copy_(torch.tensor([0.0, 50.0]))
    save_file(model.state_dict(), folder / "weights.safetensors")
    (folder / "architecture.json").write_text(architecture.to_json())
    return folder


def recipe(teacher, **settings):
    return Recipe(
        epochs=4, batch_size=16, device="cpu", distillation={"teacher": str(teacher), **settings}
    )


def test_trial_that_hears_its_teacher_alone_says_what_it_says(dataset, teacher):
    taught = recipe(teacher, weight=1.0, temperature=1.0)
    evaluator = TrainedEvaluator(Linear(), dataset, taught, OBJECTIVES, num_threads=1)
    spec = TrialSpec(0, Architecture({"bias": True}), seed=0)

    with_teacher = evaluator.evaluate(spec)
    alone = TrainedEvaluator(
        Linear(), dataset, replace(taught, distillation=None), OBJECTIVES, num_threads=1
    ).evaluate(spec)

    assert with_teacher.metrics["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert alone.metrics["accuracy"] > 0.7


def test_network_that_has_seen_the_validation_split_is_refused(dataset, tmp_path):
    (tmp_path / "model.safetensors").touch()

    with pytest.raises(ConfigError, match="made by nas finish, so it has learnt from the valid"):
        TrainedEvaluator(Linear(), dataset, recipe(tmp_path), OBJECTIVES)


def test_compressed_variant_is_refused(dataset, teacher):
    (teacher / "variant.json").write_text('{"variant": "int8", "parent": 3}')

    with pytest.raises(ConfigError, match="holds a compressed variant of a network"):
        TrainedEvaluator(Linear(), dataset, recipe(teacher), OBJECTIVES)


def test_folder_without_a_network_is_refused(dataset, tmp_path):
    with pytest.raises(ConfigError, match=r"there is no .*weights\.safetensors"):
        TrainedEvaluator(Linear(), dataset, recipe(tmp_path), OBJECTIVES)


def test_unknown_setting_is_refused_with_the_nearest(dataset, teacher):
    with pytest.raises(ConfigError, match="no option 'temperatur'; known, nearest first: temp"):
        TrainedEvaluator(Linear(), dataset, recipe(teacher, temperatur=2), OBJECTIVES)


def test_teacher_of_another_space_is_refused(dataset, teacher):
    (teacher / "architecture.json").write_text(Architecture({"bias": False}).to_json())
    evaluator = TrainedEvaluator(Linear(), dataset, recipe(teacher), OBJECTIVES, num_threads=1)

    with pytest.raises(ConfigError, match="not of a network of this search space"):
        evaluator.prepare()
