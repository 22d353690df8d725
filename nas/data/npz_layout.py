"""Do the channels of an array of images come first or last? Sizes decide, where they can."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy.typing as npt

from nas.errors import DataError

_MAX_CHANNELS = 16
_USUAL = (1, 2, 3, 4)  # grey, two bands, colour, colour with an alpha


class ChannelLayout(StrEnum):
    """Where the channels stand in (N, ., ., .)."""

    AUTO = "auto"
    CHANNELS_FIRST = "channels_first"
    CHANNELS_LAST = "channels_last"


def channels_last(
    arrays: Mapping[str, npt.NDArray[Any]], layout: str, *, file: Path
) -> dict[str, npt.NDArray[Any]]:
    """Return arrays whose images have their channels last.

    Args:
        arrays: by name; those that end in `_images` are looked at.
        layout: auto asks the sizes.
        file: for messages.

    Raises:
        DataError: the sizes do not tell, or the splits differ.
    """
    if layout not in list(ChannelLayout):
        raise DataError(
            f"data.layout must be one of {', '.join(ChannelLayout)}, but got {layout!r}"
        )
    images = {n: a for n, a in arrays.items() if n.endswith("_images") and a.ndim == 4}
    found = {
        name: ChannelLayout(layout) if layout != ChannelLayout.AUTO else layout_of(array.shape)
        for name, array in images.items()
    }
    unsure = [name for name, value in found.items() if value is ChannelLayout.AUTO]
    if unsure:
        raise DataError(
            f"{file}: {unsure[0]} has the shape {arrays[unsure[0]].shape}, which may be channels, "
            "height, width or height, width, channels; say which with data.layout=channels_first "
            "or data.layout=channels_last"
        )
    if ChannelLayout.CHANNELS_FIRST not in found.values():
        return dict(arrays)
    if ChannelLayout.CHANNELS_LAST in found.values():
        first = next(
            name for name, value in found.items() if value is ChannelLayout.CHANNELS_FIRST
        )
        shapes = {name: array.shape for name, array in images.items()}
        raise DataError(
            f"{file}: {first} has the shape {arrays[first].shape}, so its channels seem to come "
            f"first, and not so in all of {shapes}; they must come last: "
            "images.transpose(0, 2, 3, 1) makes channels last of channels first"
        )
    return {**arrays, **{name: array.transpose(0, 2, 3, 1) for name, array in images.items()}}


def layout_of(shape: tuple[int, ...]) -> ChannelLayout:
    """Return where the channels stand in the shape of images, or auto if that is open.

    >>> [str(layout_of(shape)) for shape in [(9, 3, 48, 64), (9, 48, 64, 3), (9, 3, 9, 3)]]
    ['channels_first', 'channels_last', 'auto']
    """
    _, first, middle, last = shape
    if first == middle == 1:  # a row of numbers, as long as it likes
        return ChannelLayout.CHANNELS_LAST
    if first > _MAX_CHANNELS or last > _MAX_CHANNELS:
        # Where neither is a number of channels, what is wrong is told of channels last.
        is_first = first <= _MAX_CHANNELS
        return ChannelLayout.CHANNELS_FIRST if is_first else ChannelLayout.CHANNELS_LAST
    if (first == middle) != (middle == last):  # square images
        return ChannelLayout.CHANNELS_LAST if first == middle else ChannelLayout.CHANNELS_FIRST
    if last == 1 or (last in _USUAL and (first not in _USUAL or first == 1)):
        return ChannelLayout.CHANNELS_LAST
    return ChannelLayout.AUTO
