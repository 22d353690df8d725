"""Stored images at another size: bilinear with antialiasing, in their own type."""

import torch
from torch.nn import functional

# ruff: noqa: N803 - names of tensors end in their shapes
# B images, H height, W width, C channels


def resize(images_BHWC: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return the images at (height, width); each depends on itself alone."""
    if tuple(images_BHWC.shape[1:3]) == tuple(size):
        return images_BHWC
    maps = images_BHWC.permute(0, 3, 1, 2).to(torch.float32)
    maps = functional.interpolate(maps, size=size, mode="bilinear", antialias=True)
    if images_BHWC.dtype == torch.uint8:
        maps = maps.round_().clamp_(0, 255).to(torch.uint8)
    return maps.permute(0, 2, 3, 1).contiguous()
