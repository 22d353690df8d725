"""Whether images may be mirrored, asked of images of which it is known."""

import numpy as np
import pytest

from nas.data.dataset import Split
from nas.data.digits import load_digits
from nas.data.mirroring import judge_mirroring, mirroring_of


def bars(number, *, right_is_class, channels=3, seed=0):
    """Images of a bright bar; its side, or only its height, is the class."""
    rng = np.random.default_rng(seed)
    labels, sides = rng.integers(0, 2, number), rng.integers(0, 2, number)
    images = rng.integers(0, 60, (number, 16, 16, channels)).astype(np.uint8)
    for image, label, side in zip(images, labels, sides, strict=True):
        if right_is_class:
            image[:, 10:14] += np.uint8(150 * label)
            image[:, 2:6] += np.uint8(150 * (1 - label))
        else:
            rows = slice(2, 6) if label else slice(10, 14)
            image[rows, 8:] += np.uint8(150 * side)
            image[rows, :8] += np.uint8(150 * (1 - side))
    return Split(images, labels.astype(np.int64))


def test_images_whose_side_is_the_class_are_not_mirrored():
    assert not judge_mirroring(bars(400, right_is_class=True)).is_sound


def test_images_whose_height_is_the_class_are_mirrored():
    assert judge_mirroring(bars(400, right_is_class=False)).is_sound


def test_grey_images_that_keep_their_class_are_mirrored_too():
    assert judge_mirroring(bars(400, right_is_class=False, channels=1)).is_sound


def test_digits_are_not_mirrored():
    assert not judge_mirroring(load_digits().train).is_sound


@pytest.mark.parametrize(("channels", "is_sound"), [(1, False), (3, True)])
def test_of_few_images_the_colour_decides(channels, is_sound):
    found = judge_mirroring(bars(20, right_is_class=False, channels=channels))
    assert found.is_sound is is_sound
    assert "too few images to tell" in found.why


def test_what_was_given_is_not_asked():
    asked = bars(400, right_is_class=True)
    assert mirroring_of(asked, True).is_sound
