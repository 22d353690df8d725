"""Crops, tones, erased rectangles and mixtures, against what they are defined to be."""

import pytest
import torch

from nas.train.appearance import changed_look, mixed, mixed_loss
from nas.train.augmentation import EpochDraws, augment_batch, draw_epoch, take_batch
from nas.train.policy import POLICIES, Augmentation

CPU = torch.device("cpu")
ORDER = torch.arange(2)


def drawn(number=400, *, augmentation, **further):
    return draw_epoch(
        number, seed=3, epoch=1, max_shift=0, mirrors=False, device=CPU,
        augmentation=augmentation, **further,
    )  # fmt: skip


def test_a_crop_of_everything_is_the_image():
    images = torch.randint(0, 256, (2, 6, 5, 3), dtype=torch.uint8)
    draws = EpochDraws(ORDER, None, None, crops=torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2))
    found = take_batch(images, draws, slice(0, 2))
    torch.testing.assert_close(found, images.float(), atol=1e-3, rtol=0)


def test_a_crop_shows_its_part_stretched_to_the_whole():
    """On a ramp the centres of pixels say where they were taken: 2 + (column + 0.5) / 2 - 0.5."""
    ramp = torch.arange(8.0).expand(1, 8, 8)[..., None]
    draws = EpochDraws(ORDER[:1], None, None, crops=torch.tensor([[0.0, 0.25, 1.0, 0.5]]))
    found = take_batch(ramp, draws, slice(0, 1))[0, 3, :, 0]
    wanted = 2.0 + (torch.arange(8) + 0.5) / 2 - 0.5
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_a_mirrored_crop_is_the_crop_mirrored():
    images = torch.rand(2, 6, 6, 3)
    crops = torch.tensor([[0.1, 0.2, 0.6, 0.7], [0.3, 0.0, 0.5, 0.9]])
    plain = take_batch(images, EpochDraws(ORDER, None, None, crops=crops), slice(0, 2))
    mirrors = torch.tensor([True, False])
    found = take_batch(images, EpochDraws(ORDER, None, mirrors, crops=crops), slice(0, 2))
    torch.testing.assert_close(found[0], plain[0].flip(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], plain[1])


def test_crops_lie_within_the_image_and_keep_their_share_of_the_area():
    crops = drawn(augmentation=Augmentation(crop=0.5)).crops
    assert (crops >= 0).all()
    assert (crops[:, :2] + crops[:, 2:] <= 1 + 1e-6).all()
    area = crops[:, 2] * crops[:, 3]
    assert area.min() > 0.43  # 0.5, but for a side that was cut at the edge: 0.5 x sqrt(3 / 4)
    assert area.min() < 0.55
    assert area.max() > 0.9


def test_cropping_images_that_were_taken_equals_taking_them_cropped():
    images = torch.randint(0, 256, (40, 6, 6, 3), dtype=torch.uint8)
    draws = drawn(40, augmentation=POLICIES["strong"])
    place = slice(8, 24)
    found = augment_batch(images[draws.order[place]], draws, place)
    assert torch.equal(found, take_batch(images, draws, place))


def test_tones_scale_contrast_and_move_each_channel():
    images = torch.randn(2, 3, 4, 4)
    tones = torch.tensor([[2.0, 0.1, 0.2, 0.3], [0.5, 0.0, 0.0, -1.0]])
    found = changed_look(images, EpochDraws(ORDER, None, None, tones=tones), slice(0, 2))
    torch.testing.assert_close(found[0, 1], 2.0 * images[0, 1] + 0.2)
    torch.testing.assert_close(found[1, 2], 0.5 * images[1, 2] - 1.0)


def test_a_rectangle_is_erased_to_the_mean_and_an_empty_one_erases_nothing():
    images = torch.ones(2, 3, 4, 4)
    boxes = torch.tensor([[0.0, 0.5, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]])
    found = changed_look(images, EpochDraws(ORDER, None, None, erased=boxes), slice(0, 2))
    assert found[0, :, :2, 2:].eq(0).all()
    assert found[0].sum() == 3 * (16 - 4)
    assert found[1].eq(1).all()


def test_about_so_many_images_are_erased():
    """400 draws at 0.25: within 5 deviations of 100, a false alarm in two million."""
    erased = drawn(augmentation=Augmentation(erasing=0.25)).erased
    assert 57 <= int((erased[:, 2] > 0).sum()) <= 143


def test_mixing_averages_with_the_opposite_image_and_its_loss():
    images = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)])
    weight = torch.tensor(0.75)
    assert mixed(images, weight)[:, 0, 0, 0].tolist() == [0.25, 0.75]
    losses = {False: torch.tensor(1.0), True: torch.tensor(5.0)}
    assert mixed_loss(losses.__getitem__, weight).item() == pytest.approx(0.75 + 0.25 * 5)


def test_nothing_is_mixed_without_a_weight():
    images = torch.rand(2, 1, 2, 2)
    assert mixed(images, None) is images
    assert mixed_loss({False: torch.tensor(1.0)}.__getitem__, None).item() == 1.0


def test_a_policy_that_changes_nothing_leaves_the_draws_of_earlier_versions():
    plain = draw_epoch(50, seed=3, epoch=1, max_shift=1, mirrors=True, device=CPU)
    found = draw_epoch(
        50, seed=3, epoch=1, max_shift=1, mirrors=True, device=CPU, augmentation=Augmentation()
    )
    assert torch.equal(plain.order, found.order)
    assert torch.equal(plain.shifts, found.shifts)
    assert torch.equal(plain.mirrored, found.mirrored)


def test_looks_keep_channels_last_which_convolutions_are_fast_in():
    images = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    draws = drawn(2, augmentation=POLICIES["strong"])
    found = changed_look(images, draws, slice(0, 2))
    assert found.is_contiguous(memory_format=torch.channels_last)
