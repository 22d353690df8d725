"""Training images, moved and mirrored a batch at a time by one gather.

The draws of a whole epoch depend on the trial's seed and the epoch's number alone, so that a
training that was cut in the middle of an epoch goes on with the same ones.
"""

from dataclasses import dataclass

import torch

from nas.seeding import derive_seed

# ruff: noqa: N803 - names of tensors end in their shapes
# N images, B batch, H height, W width, C channels


@dataclass(frozen=True)
class EpochDraws:
    """What chance decides for one epoch.

    Attributes:
        order: (N,) indices of the images, shuffled.
        shifts: (N, 2) pixels that the image at each place in the order is moved by, or None.
        mirrored: (N,) whether it is mirrored, or None.
    """

    order: torch.Tensor
    shifts: torch.Tensor | None
    mirrored: torch.Tensor | None


def draw_epoch(
    num_images: int,
    *,
    seed: int,
    epoch: int,
    max_shift: int,
    mirrors: bool,
    device: torch.device,
) -> EpochDraws:
    """Return the draws of an epoch; drawn on the CPU, so that every device gets the same."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "epoch", epoch))
    order = torch.randperm(num_images, generator=generator)
    shifts = mirrored = None
    if max_shift:
        shifts = torch.randint(-max_shift, max_shift + 1, (num_images, 2), generator=generator)
        shifts = shifts.to(device)
    if mirrors:
        mirrored = (torch.rand(num_images, generator=generator) < 0.5).to(device)
    return EpochDraws(order.to(device), shifts, mirrored)


def augment_batch(images_BHWC: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return the images of a batch, taken already, mirrored, then moved; as `take_batch` does."""
    if draws.shifts is None and draws.mirrored is None:
        return images_BHWC
    alone = EpochDraws(
        torch.arange(len(images_BHWC), device=images_BHWC.device),
        None if draws.shifts is None else draws.shifts[batch],
        None if draws.mirrored is None else draws.mirrored[batch],
    )
    return take_batch(images_BHWC, alone, slice(None))


def take_batch(images_NHWC: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return the images (B, H, W, C) of a batch, mirrored, then moved; edges repeat outwards."""
    order = draws.order[batch]
    if draws.shifts is None and draws.mirrored is None:
        return images_NHWC[order]
    _, height, width, _ = images_NHWC.shape
    rows = torch.arange(height, device=order.device).expand(len(order), height)
    columns = torch.arange(width, device=order.device).expand(len(order), width)
    if draws.shifts is not None:
        rows = (rows + draws.shifts[batch, :1]).clamp_(0, height - 1)
        columns = (columns + draws.shifts[batch, 1:]).clamp_(0, width - 1)
    if draws.mirrored is not None:
        columns = torch.where(draws.mirrored[batch, None], width - 1 - columns, columns)
    return images_NHWC[order[:, None, None], rows[:, :, None], columns[:, None, :]]
