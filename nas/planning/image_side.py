"""At which size, and in how many channels, are images kept, when nobody says so?

All from the sizes that the files have: nothing is decoded for it. Networks of a search may see
them smaller still: the side kept here is the largest that a search can use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Twice the side takes about four times as long.
SIDE_ON_CPU = 64
SIDE_ON_GPU = 128
_COARSE, _FINE = 8, 4  # sides are multiples of it, from 48 pixels on and below
_LEAST = 4  # pixels
# An image whose side shrinks by more than this loses detail that a person would miss.
MUCH_SMALLER = 1.5


@dataclass(frozen=True)
class FoundImage:
    """What the head of a file says of an image.

    Attributes:
        height: in pixels, upright.
        width: likewise.
        is_grey: it has no colour.
    """

    height: int
    width: int
    is_grey: bool


@dataclass(frozen=True)
class KeptSize:
    """How images are kept.

    Attributes:
        height: in pixels.
        width: likewise.
        typical: median (height, width) of the files.
        are_alike: all files that were looked at have one size.
    """

    height: int
    width: int
    typical: tuple[int, int]
    are_alike: bool

    @property
    def is_much_smaller(self) -> bool:
        """Whether images lose much of their size."""
        return min(self.typical) > MUCH_SMALLER * min(self.height, self.width)


def kept_size(images: Sequence[FoundImage], *, most: int) -> KeptSize:
    """Return the size at which images are kept.

    Images of one size that is small enough stay as they are. All others become squares: of the
    typical shorter side, rounded down, or of `most`.

    Args:
        images: at least one.
        most: the largest side, in pixels.

    >>> photos = [FoundImage(480, 640, False), FoundImage(300, 400, False)]
    >>> kept_size(photos, most=64).height
    64
    """
    shapes = {(image.height, image.width) for image in images}
    typical = tuple(
        round(median(getattr(image, side) for image in images)) for side in ("height", "width")
    )
    height, width = typical
    if len(shapes) == 1 and max(height, width) <= most:
        return KeptSize(height, width, (height, width), are_alike=True)
    shorter = round(median(min(image.height, image.width) for image in images))
    side = rounded_side(min(most, shorter))
    return KeptSize(side, side, (height, width), are_alike=len(shapes) == 1)


def rounded_side(side: float) -> int:
    """Return a side that halves well, no larger but where it is tiny.

    >>> rounded_side(100), rounded_side(30), rounded_side(2)
    (96, 28, 4)
    """
    step = _COARSE if side >= 48 else _FINE
    return max(_LEAST, int(side) // step * step)


def kept_channels(images: Sequence[FoundImage]) -> int:
    """Return 1 where no image has colour, else 3."""
    return 1 if all(image.is_grey for image in images) else 3
