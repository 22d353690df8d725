"""A data set, moved to where a worker computes, or opened there to be read as it trains."""

import torch

from nas.data.dataset import SearchData, Split
from nas.data.streamed import StreamedImages
from nas.train.batches import Batches, TrialData
from nas.train.resident import as_tensor, resident_split
from nas.train.streamed import Loader, StreamedSplit


def move_to_device(data: SearchData, device: torch.device, *, num_loaders: int = 1) -> TrialData:
    """Return `data` on the device; on the CPU its arrays are used where they lie.

    Args:
        data: what a search sees.
        device: where a worker computes.
        num_loaders: processes that decode images which stay on disk; 0 for this one.
    """
    train, validation = _splits(data, device, num_loaders)
    return TrialData(
        train=train,
        validation=validation,
        mean=torch.tensor(data.normalisation.mean, device=device),
        std=torch.tensor(data.normalisation.std, device=device),
        is_mirrorable=data.is_mirrorable,
        task=data.task,
    )


def _splits(data: SearchData, device: torch.device, num_loaders: int) -> tuple[Batches, Batches]:
    train, validation = data.train.images, data.validation.images
    if isinstance(train, StreamedImages) and isinstance(validation, StreamedImages):
        loader = Loader([train, validation], num_processes=num_loaders, device=device)
        return (
            _streamed(loader, 0, data.train, device),
            _streamed(loader, 1, data.validation, device),
        )
    return _resident(data.train, device), _resident(data.validation, device)


def _streamed(loader: Loader, number: int, split: Split, device: torch.device) -> StreamedSplit:
    _, height, width, _ = split.images.shape
    return StreamedSplit(loader, number, as_tensor(split.labels).to(device), (height, width))


def _resident(split: Split, device: torch.device) -> Batches:
    assert not isinstance(split.images, StreamedImages), "both splits are streamed, or none"
    return resident_split(split.images, split.labels, device)
