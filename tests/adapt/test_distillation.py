"""What a teacher says, and how a student listens."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.adapt.distillation import (
    Distillation,
    TaughtLoss,
    TeacherTargets,
    ask_teachers,
    likeness_loss,
)
from nas.errors import ConfigError


def network(num_features=5, num_classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(4, num_features), nn.ReLU(), nn.Linear(num_features, num_classes)
    )


IMAGES = torch.randn(6, 1, 2, 2, generator=torch.Generator().manual_seed(1))


def views(_):
    return [IMAGES.split(4), IMAGES.flip(3).split(4)]


def loss_of(teacher_targets, logits, labels, mirrored=None, student=None, smoothing=0.0):
    taught = TaughtLoss(
        teacher_targets,
        student or network(),
        device=torch.device("cpu"),
        label_smoothing=smoothing,
    )
    return taught(logits, labels, indices=torch.arange(len(labels)), mirrored=mirrored).item()


def test_lesson_of_one_teacher_is_its_distribution_in_each_view():
    teacher = network()

    teacher_targets = ask_teachers([teacher], views, distillation=Distillation(temperature=3.0))

    with torch.no_grad():
        for told, inputs in zip(teacher_targets.logits_VNK, views(teacher), strict=True):
            expected = (teacher(torch.cat(inputs)) / 3.0).softmax(1).numpy()
            np.testing.assert_allclose(
                torch.from_numpy(told / 3.0).softmax(1).numpy(), expected, atol=1e-6
            )


def test_lesson_of_several_teachers_is_the_mean_of_their_probabilities():
    teachers = [network(seed=seed) for seed in range(3)]

    teacher_targets = ask_teachers(teachers, views, distillation=Distillation(temperature=2.0))

    with torch.no_grad():
        mean = torch.stack([(t(IMAGES) / 2.0).softmax(1) for t in teachers]).mean(0)
    told = torch.from_numpy(teacher_targets.logits_VNK[0] / 2.0).softmax(1)
    np.testing.assert_allclose(told.numpy(), mean.numpy(), atol=1e-6)


def test_without_weight_the_loss_is_the_labels_alone():
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    teacher_targets = ask_teachers([network()], views, distillation=Distillation(weight=0.0))

    expected = functional.cross_entropy(logits, labels, label_smoothing=0.1).item()

    assert loss_of(teacher_targets, logits, labels, smoothing=0.1) == pytest.approx(expected)


def test_student_that_says_what_the_teacher_says_has_no_loss():
    teacher_targets = ask_teachers([network()], views, distillation=Distillation(weight=1.0))
    logits = (
        torch.from_numpy(teacher_targets.logits_VNK[0]) + 7.0
    )  # a constant that no softmax sees

    assert loss_of(teacher_targets, logits, torch.zeros(6, dtype=torch.long)) == pytest.approx(
        0, abs=1e-6
    )


def test_loss_is_hintons():
    teacher_logits = np.array([[[2.0, 0.0], [0.0, 1.0]]], np.float32)
    logits, labels = torch.tensor([[1.0, 0.0], [0.5, 0.0]]), torch.tensor([0, 1])
    teacher_targets = TeacherTargets(Distillation(temperature=2.0, weight=0.25), teacher_logits)

    taught = np.exp(teacher_logits[0] / 2) / np.exp(teacher_logits[0] / 2).sum(1, keepdims=True)
    own = np.exp(logits.numpy() / 2) / np.exp(logits.numpy() / 2).sum(1, keepdims=True)
    divergence = (taught * np.log(taught / own)).sum(1).mean()
    probabilities = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    entropy = -np.log(probabilities[[0, 1], [0, 1]]).mean()

    expected = 0.25 * 4 * divergence + 0.75 * entropy
    assert loss_of(teacher_targets, logits, labels) == pytest.approx(expected, rel=1e-5)


def test_mirrored_images_are_taught_as_the_teacher_sees_them_mirrored():
    teacher_targets = ask_teachers([network()], views, distillation=Distillation(weight=1.0))
    mirrored = torch.tensor([True, False, True, False, True, False])
    told = torch.from_numpy(teacher_targets.logits_VNK)
    logits = torch.where(mirrored[:, None], told[1], told[0])
    labels = torch.zeros(6, dtype=torch.long)

    assert loss_of(teacher_targets, logits, labels, mirrored) == pytest.approx(0, abs=1e-6)
    assert loss_of(teacher_targets, logits, labels, ~mirrored) > 0.001


def test_features_of_other_widths_that_judge_images_alike_have_no_loss():
    features = torch.randn(5, 4)
    orthogonal = torch.linalg.qr(torch.randn(7, 7)).Q[:4]  # (4, 7) with orthonormal rows

    assert likeness_loss(features, 3.0 * features @ orthogonal).item() == pytest.approx(
        0, abs=1e-10
    )
    assert likeness_loss(features, torch.randn(5, 9)).item() > 0


def test_features_of_a_student_of_another_width_are_drawn_to_the_teachers():
    settings = Distillation(weight=0.0, feature_weight=1.0)
    teacher_targets = ask_teachers([network(num_features=9)], views, distillation=settings)
    student = network(num_features=5, seed=3)
    logits, labels = student(IMAGES), torch.zeros(6, dtype=torch.long)
    taught = TaughtLoss(teacher_targets, student, device=torch.device("cpu"), label_smoothing=0.0)
    logits = student(IMAGES)

    loss = taught(logits, labels, indices=torch.arange(6), mirrored=None)
    loss.backward()

    assert loss.item() > functional.cross_entropy(logits, labels).item()
    assert student[1].weight.grad.abs().sum() > 0


def test_features_of_several_teachers_are_refused():
    with pytest.raises(ConfigError, match="feature_weight needs a single teacher"):
        ask_teachers([network(), network()], views, distillation=Distillation(feature_weight=1.0))


def test_features_of_a_model_without_a_linear_layer_are_refused():
    teacher = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten())

    with pytest.raises(ConfigError, match="classifier is a linear layer"):
        ask_teachers([teacher], views, distillation=Distillation(feature_weight=1.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, but got 0.0"),
        ({"weight": 1.5}, "weight must be from 0 to 1, but got 1.5"),
        ({"feature_weight": -1.0}, "feature_weight must be at least 0, but got -1.0"),
    ],
)
def test_values_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Distillation(**settings)
