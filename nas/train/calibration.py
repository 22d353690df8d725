"""Running statistics of batch norms, measured again after a network was changed.

A network that lost channels sees other means and variances than its norms remember; a pass over
some training images, without gradients, mends what that costs (Yu and Huang, 2019,
https://arxiv.org/abs/1903.05134, section 3.2).
"""

import torch
from torch import nn

from nas.train.augmentation import draw_epoch
from nas.train.batches import TrialData
from nas.train.device import autocast

NUM_IMAGES = 2048
_BATCH = 256


def recalibrate_norms(model: nn.Module, data: TrialData) -> None:
    """Give the model's batch norms the statistics of some training images, in place.

    Up to 2,048 images, the same ones each time; batches count alike. A model without such norms
    stays as it is. It is left in evaluation mode.
    """
    norms = [
        module
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
    ]
    model.eval()
    if not norms:
        return
    device, count = data.mean.device, len(data.train.labels)
    draws = draw_epoch(count, seed=0, epoch=0, max_shift=0, mirrors=False, device=device)
    size = min(_BATCH, count)
    num_batches = min(NUM_IMAGES, count) // size
    places = [slice(index * size, (index + 1) * size) for index in range(num_batches)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    with torch.no_grad(), autocast(device):
        for images in data.train.augmented(draws, places):
            model(data.to_input(images))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
