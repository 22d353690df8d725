"""The first convolution begins as filters that whiten patches of the training images.

Neighbouring pixels are nearly equal, so that filters drawn at random all answer to the same few
directions, brightness above all, and a short training spends its epochs on telling the others
apart. Filters along the principal directions of the patches, each scaled by the inverse of its
deviation, see all of them at once; each stands there with both signs, for activations that keep
one. From David Page, "How to train your ResNet", part 8, 2019
(https://myrtle.ai/learn/how-to-train-your-resnet-8-bag-of-tricks/),
where the filters are kept as they are; here they are learnt on from. What it gains:
experiments/photos.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from nas.train.augmentation import draw_epoch
from nas.train.batches import TrialData

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# P patches, F numbers of a patch (channels x kernel height x kernel width), O filters

_NUM_IMAGES = 512
_MOST_NUMBERS = 8_000_000  # of all patches that are looked at
_LEAST_VARIANCE = 0.01  # of pixels of variance 1; what varies less is noise, and not made as large


def whiten_first_convolution(model: nn.Module, data: TrialData) -> bool:
    """Let the first convolution over the images begin as whitening filters, in place.

    Args:
        model: untrained, on the device of the data.
        data: at the size that the model takes.

    Returns:
        Whether there is such a convolution, and finite images that its kernel fits into; else
        nothing changes.
    """
    layer = first_convolution(model, len(data.mean))
    patches_PF = None if layer is None else _patches(layer, data)
    if layer is None or patches_PF is None or not bool(patches_PF.isfinite().all()):
        return False
    filters_OF = whitening_filters(patches_PF, layer.out_channels)
    with torch.no_grad():
        weights = layer.weight[: len(filters_OF)]
        weights.copy_(filters_OF.reshape(weights.shape))
    return True


def first_convolution(model: nn.Module, num_channels: int) -> nn.Conv2d | None:
    """Return the first convolution that reads so many channels; None if there is none."""
    return next(
        (
            module
            for module in model.modules()
            if isinstance(module, nn.Conv2d)
            and module.in_channels == num_channels
            and module.groups == 1
            and max(module.kernel_size) > 1
        ),
        None,
    )


def whitening_filters(patches_PF: torch.Tensor, num_filters: int) -> torch.Tensor:
    """Return up to so many filters (O, F), those of the directions that vary most, in both signs.

    >>> patches = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> [[round(abs(x), 2) for x in row] for row in whitening_filters(patches, 2).tolist()]
    [[0.71, 0.0], [0.71, 0.0]]
    """
    covariance_FF = patches_PF.T @ patches_PF / len(patches_PF)
    # In doubles, which not every device has.
    variance_F, directions_FF = torch.linalg.eigh(covariance_FF.cpu().double())  # largest last
    kept = min(len(variance_F), max(1, num_filters // 2))
    scale = (variance_F.clamp_min(0.0) + _LEAST_VARIANCE).rsqrt()
    half = (directions_FF * scale).flip(1).T[:kept]
    return torch.cat([half, -half])[:num_filters].to(patches_PF)


def begins_at_random(build: Callable[[], nn.Module], model: nn.Module, num_channels: int) -> bool:
    """Say whether the first convolution of a network follows from chance, not from a training.

    Args:
        build: makes the network once more; randomness outside stays as it is.
        model: as it was built.
        num_channels: of the images.
    """
    layer = first_convolution(model, num_channels)
    if layer is None:
        return False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch.initial_seed() + 1)
        again = first_convolution(build(), num_channels)
    return again is not None and not torch.equal(again.weight.cpu(), layer.weight.cpu())


def _patches(layer: nn.Conv2d, data: TrialData) -> torch.Tensor | None:
    """Return patches (P, F) of some training images, as the layer reads them; None for none."""
    if any(side < kernel for side, kernel in zip(data.train.size, layer.kernel_size, strict=True)):
        return None
    count, device = len(data.train.labels), data.mean.device
    draws = draw_epoch(count, seed=0, epoch=0, max_shift=0, mirrors=False, device=device)
    # Read to its end: images that come from disk are then not waited for any more.
    (images_BHWC,) = data.train.augmented(draws, [slice(0, min(_NUM_IMAGES, count))])
    with torch.no_grad():
        # Patches that do not overlap tell more, for as many.
        images_BCHW = data.to_input(images_BHWC)
        patches_BFP = functional.unfold(
            images_BCHW, layer.kernel_size, dilation=layer.dilation, stride=layer.kernel_size
        )
        patches_PF = patches_BFP.transpose(1, 2).flatten(0, 1)
        every = -(-patches_PF.numel() // _MOST_NUMBERS)
        return patches_PF[::every].float()
