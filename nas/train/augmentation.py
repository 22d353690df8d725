"""Training images, moved, cropped and mirrored a batch at a time.

Moves and mirrors are one gather; crops one bilinear sampling. The draws of a whole epoch depend on
the trial's seed and the epoch's number alone, so that a training that was cut in the middle of an
epoch goes on with the same ones.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from nas.seeding import derive_seed, generator
from nas.train.policy import Augmentation

# ruff: noqa: N803 - names of tensors end in their shapes
# N images, B batch, H height, W width, C channels

_ASPECT = math.log(4 / 3)  # of the sides of a crop, at most, either way
_ERASED = (0.02, 0.2)  # share of the area


@dataclass(frozen=True)
class EpochDraws:
    """What chance decides for one epoch.

    Attributes:
        order: (N,) indices of the images, shuffled.
        shifts: (N, 2) pixels that the image at each place in the order is moved by, or None.
        mirrored: (N,) whether it is mirrored, or None.
        crops: (N, 4) top, left, height and width of the part that is shown, as shares of the
            sides, or None.
        tones: (N, 1 + C) a factor of its contrast, and what is added to each channel, in standard
            deviations, or None.
        erased: (N, 4) top, left, bottom and right of a rectangle that is made grey, as shares of
            the sides, or None.
        weights: (N,) how much of itself is left when it is mixed with another one; the first image
            of a batch speaks for all of it; None where none are mixed.
    """

    order: torch.Tensor
    shifts: torch.Tensor | None
    mirrored: torch.Tensor | None
    crops: torch.Tensor | None = None
    tones: torch.Tensor | None = None
    erased: torch.Tensor | None = None
    weights: torch.Tensor | None = None


def draw_epoch(
    num_images: int,
    *,
    seed: int,
    epoch: int,
    max_shift: int,
    mirrors: bool,
    device: torch.device,
    augmentation: Augmentation | None = None,
    num_channels: int = 3,
) -> EpochDraws:
    """Return the draws of an epoch; drawn on the CPU, so that every device gets the same.

    Args:
        num_images: of the split.
        seed: of the trial.
        epoch: its number, from 0.
        max_shift: pixels.
        mirrors: whether images may be mirrored.
        device: where the draws are needed.
        augmentation: what else may change; its `shift` is not read here.
        num_channels: of the images.
    """
    generator_ = torch.Generator().manual_seed(derive_seed(seed, "epoch", epoch))
    order = torch.randperm(num_images, generator=generator_)
    shifts = mirrored = None
    if max_shift:
        shifts = torch.randint(-max_shift, max_shift + 1, (num_images, 2), generator=generator_)
        shifts = shifts.to(device)
    if mirrors:
        mirrored = (torch.rand(num_images, generator=generator_) < 0.5).to(device)
    draws = EpochDraws(order.to(device), shifts, mirrored)
    if augmentation is None:
        return draws
    return _with_further(
        draws, augmentation, generator_, num_channels, derive_seed(seed, "mixup", epoch)
    )


def _with_further(
    draws: EpochDraws,
    augmentation: Augmentation,
    chance: torch.Generator,
    num_channels: int,
    mixup_seed: int,
) -> EpochDraws:
    """Add what a policy changes beside moves and mirrors."""
    number, device = len(draws.order), draws.order.device
    crops = tones = erased = weights = None
    if augmentation.crop:
        least = 1.0 - augmentation.crop
        crops = _rectangles(number, (least, 1.0), chance).to(device)
    if augmentation.colour:
        spread = torch.randn((number, 1 + num_channels), generator=chance)
        spread *= augmentation.colour
        spread[:, 0].exp_()  # a factor
        shared = torch.randn((number, 1), generator=chance) * augmentation.colour
        spread[:, 1:] = 0.5 * spread[:, 1:] + shared
        tones = spread.to(device)
    if augmentation.erasing:
        boxes = _rectangles(number, _ERASED, chance)
        boxes[:, 2:] += boxes[:, :2]
        boxes[torch.rand(number, generator=chance) >= augmentation.erasing] = 0.0
        erased = boxes.to(device)
    if augmentation.mixup:
        drawn = generator(mixup_seed).beta(augmentation.mixup, augmentation.mixup, number)
        weights = torch.from_numpy(drawn.astype("float32")).to(device)
    return replace(draws, crops=crops, tones=tones, erased=erased, weights=weights)


def _rectangles(number: int, area: tuple[float, float], chance: torch.Generator) -> torch.Tensor:
    """Return (number, 4) top, left, height and width of rectangles of a share of the area."""
    drawn = torch.rand((number, 4), generator=chance)
    share = area[0] + (area[1] - area[0]) * drawn[:, 0]
    aspect = torch.exp(_ASPECT * (2.0 * drawn[:, 1] - 1.0))
    sides = torch.stack([(share / aspect).sqrt(), (share * aspect).sqrt()], dim=1).clamp_(max=1.0)
    return torch.cat([drawn[:, 2:] * (1.0 - sides), sides], dim=1)


def augment_batch(images_BHWC: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return the images of a batch, taken already, mirrored, then moved; as `take_batch` does."""
    if draws.shifts is None and draws.mirrored is None and draws.crops is None:
        return images_BHWC
    alone = EpochDraws(
        torch.arange(len(images_BHWC), device=images_BHWC.device),
        None if draws.shifts is None else draws.shifts[batch],
        None if draws.mirrored is None else draws.mirrored[batch],
        None if draws.crops is None else draws.crops[batch],
    )
    return take_batch(images_BHWC, alone, slice(None))


def take_batch(images_NHWC: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return the images (B, H, W, C) of a batch, mirrored, then moved; edges repeat outwards.

    They keep their type, but for those that are cropped, which are float32.
    """
    order = draws.order[batch]
    if draws.crops is not None:
        return _sampled(images_NHWC[order], draws, batch)
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


def _sampled(images_BHWC: torch.Tensor, draws: EpochDraws, batch: slice) -> torch.Tensor:
    """Return crops, bilinear, moved and mirrored; one sampling for all of it."""
    assert draws.crops is not None, "only where images are cropped"
    _, height, width, _ = images_BHWC.shape
    crops = draws.crops[batch]
    rows = _centres(height, crops[:, 0], crops[:, 2])
    columns = _centres(width, crops[:, 1], crops[:, 3])
    if draws.shifts is not None:
        rows = rows + 2.0 * draws.shifts[batch, :1] / height
        columns = columns + 2.0 * draws.shifts[batch, 1:] / width
    if draws.mirrored is not None:
        columns = torch.where(draws.mirrored[batch, None], columns.flip(1), columns)
    places = torch.stack(
        [
            columns[:, None, :].expand(-1, height, -1),
            rows[:, :, None].expand(-1, -1, width),
        ],
        dim=3,
    )
    maps = images_BHWC.permute(0, 3, 1, 2).to(torch.float32)
    sampled = functional.grid_sample(maps, places, align_corners=False, padding_mode="border")
    return sampled.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)


def _centres(side: int, start: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Return (B, side) centres of pixels of a crop, where -1 and 1 are the image's edges."""
    pixels = (torch.arange(side, device=start.device) + 0.5) / side
    return 2.0 * (start[:, None] + size[:, None] * pixels) - 1.0
