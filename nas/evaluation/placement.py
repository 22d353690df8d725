"""A data set, moved to where a worker computes."""

import torch

from nas.data.dataset import SearchData
from nas.train.resident import ResidentData, resident_split


def move_to_device(data: SearchData, device: torch.device) -> ResidentData:
    """Return `data` on the device; on the CPU its arrays are used where they lie."""
    train, validation = (
        resident_split(split.images, split.labels, device)
        for split in (data.train, data.validation)
    )
    return ResidentData(
        train=train,
        validation=validation,
        mean=torch.tensor(data.normalisation.mean, device=device),
        std=torch.tensor(data.normalisation.std, device=device),
        is_mirrorable=data.is_mirrorable,
        task=data.task,
    )
