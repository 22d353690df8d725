"""Moved and mirrored images, against NumPy image by image."""

import numpy as np
import pytest
import torch

from nas.train.augmentation import EpochDraws, draw_epoch, take_batch

CPU = torch.device("cpu")


def mirrored_and_moved(image, shift, is_mirrored):
    height, width, _ = image.shape
    padded = np.pad(image[:, ::-1] if is_mirrored else image, ((9, 9), (9, 9), (0, 0)), "edge")
    top, left = 9 + shift[0], 9 + shift[1]
    return padded[top : top + height, left : left + width]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_mirrored_then_moved_with_their_edges_repeated(dtype):
    images = np.random.default_rng(0).integers(0, 256, (12, 5, 7, 3)).astype(dtype)
    draws = draw_epoch(12, seed=1, epoch=0, max_shift=2, mirrors=True, device=CPU)
    batch = take_batch(torch.from_numpy(images), draws, slice(3, 9)).numpy()
    assert len({tuple(shift.tolist()) for shift in draws.shifts}) > 3
    for place, image in zip(range(3, 9), batch, strict=True):
        source, shift = images[draws.order[place]], draws.shifts[place].tolist()
        wanted = mirrored_and_moved(source, shift, bool(draws.mirrored[place]))
        np.testing.assert_array_equal(image, wanted)


def test_without_shift_and_mirror_images_come_as_they_are():
    images = torch.rand(6, 4, 4, 1)
    draws = draw_epoch(6, seed=1, epoch=0, max_shift=0, mirrors=False, device=CPU)
    assert torch.equal(take_batch(images, draws, slice(0, 6)), images[draws.order])


def test_a_shift_of_zero_changes_nothing():
    images = torch.rand(2, 4, 4, 1)
    draws = EpochDraws(torch.arange(2), torch.zeros(2, 2, dtype=torch.int64), None)
    assert torch.equal(take_batch(images, draws, slice(0, 2)), images)


def test_each_epoch_has_its_own_draws_and_repeats_them():
    one, same, other = (
        draw_epoch(100, seed=5, epoch=epoch, max_shift=1, mirrors=True, device=CPU)
        for epoch in (0, 0, 1)
    )
    assert torch.equal(one.order, same.order)
    assert torch.equal(one.shifts, same.shifts)
    assert torch.equal(one.mirrored, same.mirrored)
    assert not torch.equal(one.order, other.order)
    assert sorted(other.order.tolist()) == list(range(100))


def test_shifts_stay_within_their_limit_and_reach_it():
    draws = draw_epoch(500, seed=0, epoch=0, max_shift=3, mirrors=False, device=CPU)
    assert draws.shifts.min() == -3
    assert draws.shifts.max() == 3
    assert draws.mirrored is None
