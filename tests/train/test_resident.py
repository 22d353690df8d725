"""Images on the device: used where they lie, resized in their own type, normalised."""

import numpy as np
import pytest
import torch

from nas.data.dataset import Dataset, Split
from nas.evaluation.placement import move_to_device
from nas.train.resident import ResidentSplit


def a_dataset(images):
    part = Split(images, np.arange(len(images)) % 2)
    return Dataset(
        name="mine",
        train=part,
        validation=part,
        test=part,
        class_names=("a", "b"),
        split_rule="by hand",
    )


def test_arrays_that_cannot_be_written_are_used_without_copy():
    images = np.zeros((4, 3, 3, 1), np.float32)
    data = a_dataset(images).search_data()
    data.train.images.setflags(write=False)
    data.train.labels.setflags(write=False)
    resident = move_to_device(data, torch.device("cpu"))
    assert resident.train.images_NHWC.data_ptr() == images.ctypes.data


def test_input_is_normalised_per_channel_and_channels_last():
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    resident = move_to_device(a_dataset(images).search_data(), torch.device("cpu"))
    inputs = resident.to_input(resident.train.images_NHWC)
    assert inputs.shape == (6, 3, 5, 4)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert inputs.mean((0, 2, 3)).abs().max() < 1e-5
    assert inputs.var((0, 2, 3), unbiased=False).numpy() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_halving_the_side_keeps_the_mean_of_smooth_images(dtype):
    ramp = torch.arange(0, 160, 10, dtype=torch.float32)
    images = (ramp[None, :, None, None] + ramp[None, None, :, None]) / 2
    split = ResidentSplit(images.to(dtype), torch.zeros(1, dtype=torch.int64))
    resized = split.resized((8, 8)).images_NHWC
    assert resized.shape == (1, 8, 8, 1)
    assert resized.dtype == dtype
    assert float(resized.float().mean()) == pytest.approx(float(images.mean()), abs=1.0)


def test_images_of_the_right_size_are_not_copied():
    split = ResidentSplit(torch.zeros(2, 8, 8, 1), torch.zeros(2, dtype=torch.int64))
    assert split.resized((8, 8)) is split


def test_a_bright_uint8_image_does_not_wrap_around():
    split = ResidentSplit(
        torch.full((1, 9, 9, 1), 255, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)
    )
    assert split.resized((16, 4)).images_NHWC.unique().tolist() == [255]
