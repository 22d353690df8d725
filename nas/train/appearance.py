"""How training images look: their tones, rectangles that are erased, and mixtures of two.

All of it works on normalised floats, a batch at a time, and follows from the draws of the epoch.
"""

from collections.abc import Callable

import torch

from nas.train.augmentation import EpochDraws

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width


def changed_look(images_BCHW: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return images with other tones, then with rectangles erased to 0, the mean of all images."""
    if draws.tones is not None:
        tones = draws.tones[batch][:, :, None, None]
        images_BCHW = images_BCHW * tones[:, :1] + tones[:, 1:]
    if draws.erased is not None:
        images_BCHW = images_BCHW * _kept(images_BCHW, draws.erased[batch])
    return images_BCHW


def _kept(images_BCHW: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Return (B, 1, H, W): 0 in the rectangle of each image, else 1."""
    _, _, height, width = images_BCHW.shape
    rows = (torch.arange(height, device=boxes.device) + 0.5) / height
    columns = (torch.arange(width, device=boxes.device) + 0.5) / width
    in_rows = (rows >= boxes[:, :1]) & (rows < boxes[:, 2:3])
    in_columns = (columns >= boxes[:, 1:2]) & (columns < boxes[:, 3:])
    inside = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return (~inside).to(images_BCHW.dtype)


def mixing_weight(draws: EpochDraws, batch: slice) -> torch.Tensor | None:
    """Return how much of each image of a batch is left, a scalar; None where none are mixed."""
    return None if draws.weights is None else draws.weights[batch][0]


def mixed(images_BCHW: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Return each image averaged with that at the opposite place of the batch."""
    if weight is None:
        return images_BCHW
    return torch.lerp(images_BCHW.flip(0), images_BCHW, weight)


def mixed_loss(
    loss_of: Callable[[bool], torch.Tensor], weight: torch.Tensor | None
) -> torch.Tensor:
    """Return the loss of images that were mixed.

    Args:
        loss_of: the loss by the images' own labels, or, if true, by those of their opposites.
        weight: of the images' own part; None: all.
    """
    if weight is None:
        return loss_of(False)
    return torch.lerp(loss_of(True), loss_of(False), weight)
