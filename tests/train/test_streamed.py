"""Training on images from disk: the same numbers as from memory, whatever is cut where."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nas.adapt.teacher_targets import views_of
from nas.data.image_folder import load_image_folder
from nas.errors import DataError
from nas.evaluation.placement import move_to_device
from nas.task import DataShape
from nas.train.augmentation import augment_batch, draw_epoch, take_batch
from nas.train.loop import Training, evaluate
from nas.train.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=2, batch_size=8, shift=0.2, device="cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of 20 images of 10 x 12 pixels."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog")):
        (root / name).mkdir()
        for index in range(20):
            pixels = rng.integers(0, 156, (12, 10, 3), dtype=np.uint8) + np.uint8(99 * number)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def opened(photos, *, streaming, num_loaders=1):
    data = load_image_folder(str(photos), streaming=streaming, is_mirrorable=True)
    return move_to_device(data.search_data(), CPU, num_loaders=num_loaders).resized((8, 8))


def trained(data, *, budgets=(1.0,)):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(4 * 36, 2),
        )  # fmt: skip
        training = Training(model, data, RECIPE, seed=5)
        for budget in budgets:
            training.run(budget=budget)
        score = training.score()
    return score, nn.utils.parameters_to_vector(model.parameters())


@pytest.mark.parametrize("num_loaders", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_training_ends_with_the_numbers_of_one_in_memory(photos, num_loaders):
    expected_score, expected = trained(opened(photos, streaming=False))

    score, weights = trained(opened(photos, streaming=True, num_loaders=num_loaders))

    assert torch.equal(weights, expected)
    assert score == expected_score


@pytest.mark.slow
def test_a_training_that_is_cut_in_an_epoch_ends_with_the_same_numbers(photos):
    _, expected = trained(opened(photos, streaming=False))

    _, weights = trained(opened(photos, streaming=True), budgets=(0.4, 0.7, 1.0))

    assert torch.equal(weights, expected)


@pytest.mark.slow
def test_a_pass_that_is_left_early_does_not_reach_into_the_next(photos):
    data = opened(photos, streaming=True, num_loaders=2)
    whole = torch.cat(list(opened(photos, streaming=False).train.blocks(100)))

    left = data.train.blocks(3)
    next(left)
    del left

    assert torch.equal(torch.cat(list(data.train.blocks(5))), whole)


def test_a_batch_of_many_bytes_comes_in_pieces_and_is_whole(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(6):
            # 0.75 MB each, so that a piece holds five of them.
            pixels = rng.integers(0, 256, (500, 500, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.bmp")
    data = load_image_folder(str(tmp_path), streaming=True)

    (block,) = move_to_device(data.search_data(), CPU).train.blocks(100)

    np.testing.assert_array_equal(block.numpy(), np.asarray(data.train.images))


def test_augmenting_images_that_were_taken_equals_taking_them_augmented():
    images = torch.arange(20 * 5 * 4 * 1, dtype=torch.float32).reshape(20, 5, 4, 1)
    draws = draw_epoch(20, seed=0, epoch=1, max_shift=2, mirrors=True, device=CPU)
    batch = slice(6, 14)

    augmented = augment_batch(images[draws.order[batch]], draws, batch)

    assert torch.equal(augmented, take_batch(images, draws, batch))


def test_a_file_that_went_away_ends_the_trial_by_name(photos, tmp_path):
    gone = tmp_path / "copy"
    for path in sorted(photos.rglob("*.png")):
        target = gone / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    data = opened(gone, streaming=True)
    for path in gone.rglob("1*.png"):
        path.unlink()

    with pytest.raises(DataError, match=r"copy/\w+/1\d*\.png cannot be read any more"):
        trained(data)


@pytest.mark.slow
def test_a_teacher_sees_streamed_images_as_they_are_and_mirrored(photos):
    shape = DataShape((3, 8, 8), 2)
    model = nn.Flatten()

    views = [
        [torch.cat(list(blocks)) for blocks in views_of(model, opened(photos, streaming=s), shape)]
        for s in (True, False)
    ]

    assert len(views[0]) == 2
    assert all(torch.equal(*pair) for pair in zip(*views, strict=True))


def test_the_validation_images_are_judged_in_their_order(photos):
    kept, streamed = (opened(photos, streaming=streaming) for streaming in (False, True))
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2))

    assert evaluate(model, streamed) == evaluate(model, kept)
