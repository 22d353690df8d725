"""A training learns, repeats itself, stops where it must, and goes on where it was cut."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nas.train import course
from nas.train.checkpoint import load_checkpoint, save_checkpoint
from nas.train.loop import NonfiniteLossError, TimeLimitError, Training, evaluate
from nas.train.recipe import Recipe


def weights_of(training):
    return {name: tensor.clone() for name, tensor in training.model.state_dict().items()}


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_four_epochs_read_nine_digits_of_ten(make_model, resident):
    training = Training(make_model(), resident, Recipe(device="cpu"), seed=0)
    training.run()
    score = training.score()
    assert score.accuracy > 0.95
    assert score.loss < 0.5


def test_accuracy_and_loss_equal_their_definitions(make_model, resident):
    model = make_model().eval()
    score = evaluate(model, resident)
    with torch.no_grad():
        logits = model(resident.to_input(resident.validation.images_NHWC)).numpy().astype(float)
    labels = resident.validation.labels.numpy()
    rows = np.arange(len(labels))
    log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert score.accuracy == pytest.approx((logits.argmax(1) == labels).mean())
    assert score.loss == pytest.approx(-log_shares[rows, labels].mean(), rel=1e-5)


def test_a_model_that_knows_nothing_has_the_loss_of_chance(resident):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    assert evaluate(model, resident).loss == pytest.approx(math.log(10), rel=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(make_model, resident, recipe):
    results = []
    for seed in (1, 1, 2):
        training = Training(make_model(dropout=0.0), resident, recipe, seed=seed)
        training.run()
        results.append(weights_of(training))
    assert_equal_weights(results[0], results[1])
    assert not torch.equal(results[0]["0.weight"], results[2]["0.weight"])


@pytest.mark.parametrize("budget", [0.25, 0.5, 0.7], ids=["in-epoch", "at-epoch", "late"])
def test_a_training_that_was_cut_ends_like_one_that_was_not(
    make_model, resident, recipe, tmp_path, budget
):
    with torch.random.fork_rng([]):
        torch.manual_seed(7)  # dropout draws from torch's own state
        whole = Training(make_model(), resident, recipe, seed=3)
        whole.run()
    with torch.random.fork_rng([]):
        torch.manual_seed(7)
        first = Training(make_model(), resident, recipe, seed=3)
        first.run(budget=budget)
        save_checkpoint(first, tmp_path)
    second = Training(make_model(seed=99), resident, recipe, seed=3)
    with torch.random.fork_rng([]):
        assert load_checkpoint(second, tmp_path)
        assert second.step == round(budget * second.num_steps)
        second.run()
    assert second.step == whole.step == whole.num_steps
    assert_equal_weights(weights_of(second), weights_of(whole))


def test_a_training_with_every_augmentation_goes_on_in_the_middle_of_an_epoch_as_it_was(
    make_model, resident, recipe, tmp_path
):
    strong = replace(recipe, augmentation="strong", shift=0.125)
    whole = Training(make_model(dropout=0.0), resident, strong, seed=3)
    whole.run()
    first = Training(make_model(dropout=0.0), resident, strong, seed=3)
    first.run(budget=0.3)
    save_checkpoint(first, tmp_path)
    second = Training(make_model(dropout=0.0, seed=99), resident, strong, seed=3)
    assert load_checkpoint(second, tmp_path)

    second.run()

    assert_equal_weights(weights_of(second), weights_of(whole))


@pytest.mark.parametrize("policy", ["light", "photo", "strong"])
def test_a_policy_changes_what_is_learnt(make_model, resident, recipe, policy):
    still = replace(recipe, shift=0.0)
    plain, changed = (
        Training(make_model(dropout=0.0), resident, replace(still, augmentation=name), seed=3)
        for name in ("none", policy)
    )
    plain.run(budget=0.1)
    changed.run(budget=0.1)

    assert not torch.equal(weights_of(plain)["0.weight"], weights_of(changed)["0.weight"])


def test_an_absent_checkpoint_leaves_the_training_at_its_start(
    make_model, resident, recipe, tmp_path
):
    training = Training(make_model(), resident, recipe, seed=3)
    assert not load_checkpoint(training, tmp_path)
    assert training.step == 0


def test_a_checkpoint_of_other_settings_is_left_alone(make_model, resident, recipe, tmp_path):
    first = Training(make_model(), resident, recipe, seed=3)
    first.run(budget=0.1)
    save_checkpoint(first, tmp_path)
    other = Training(make_model(), resident, recipe, seed=4)
    assert not load_checkpoint(other, tmp_path)
    assert other.step == 0


def test_a_budget_that_is_spent_trains_no_further(make_model, resident, recipe):
    training = Training(make_model(), resident, recipe, seed=0)
    training.run(budget=0.5)
    before = weights_of(training)
    training.run(budget=0.5)
    assert training.step == training.num_steps // 2
    assert_equal_weights(before, weights_of(training))


def test_a_loss_that_is_not_a_number_ends_the_training(resident, recipe):
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, images):
            return self.layer(images.flatten(1)) * math.nan

    training = Training(Broken(), resident, recipe, seed=0)
    with pytest.raises(NonfiniteLossError, match="training loss is nan in epoch 1 of 2"):
        training.run()
    with pytest.raises(NonfiniteLossError, match="validation loss is nan"):
        training.score()


def test_a_training_ends_when_its_time_is_over(make_model, resident, recipe):
    training = Training(make_model(), resident, recipe, seed=0, time_limit_s=0.0)
    with pytest.raises(TimeLimitError, match="longer than 0 s: step 0 of 28"):
        training.run()


def test_large_images_are_judged_fewer_at_once(resident):
    seen = []

    class Counting(torch.nn.Module):
        def forward(self, images):
            seen.append(len(images))
            return torch.zeros(len(images), 10)

    evaluate(Counting(), resident)
    evaluate(Counting(), resident.resized((128, 128)))

    # 451 images: at once with 8 pixels a side, 128 at a time with 128.
    assert seen == [451, 128, 128, 128, 67]


def test_fewer_images_than_a_batch_are_one_batch(make_model, resident):
    few = type(resident)(
        train=type(resident.train)(resident.train.images_NHWC[:5], resident.train.labels[:5]),
        validation=resident.validation,
        mean=resident.mean,
        std=resident.std,
        is_mirrorable=True,
    )
    training = Training(make_model(), few, Recipe(epochs=3, device="cpu"), seed=0)
    training.run()
    assert training.step == 3


def test_a_training_that_is_too_long_for_its_time_ends_in_it_with_its_rate_at_the_bottom(
    make_model, resident, recipe, monkeypatch
):
    now_s = [0.0]
    monkeypatch.setattr(course, "running_s", lambda: now_s[0])

    def later():
        now_s[0] += 1.0  # a step takes a second, by this clock

    long = replace(recipe, epochs=100)
    training = Training(make_model(), resident, long, seed=0, within_s=10.0)
    assert training.num_steps > 500
    training.run(after_step=later)
    assert training.step == 10
    assert training.share_taken == pytest.approx(10 / training.num_steps)
    assert training.optimizer.param_groups[0]["lr"] < 0.05 * recipe.learning_rate


def test_a_training_that_has_time_enough_takes_all_of_its_steps(make_model, resident, recipe):
    free, bound = (
        Training(make_model(dropout=0.0), resident, recipe, seed=3, within_s=within_s)
        for within_s in (None, 1e6)
    )
    free.run()
    bound.run()
    assert bound.share_taken == 1.0
    assert_equal_weights(weights_of(free), weights_of(bound))
