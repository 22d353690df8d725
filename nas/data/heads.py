"""What do the heads of image files say of their sizes? Nothing is decoded for it."""

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from nas.data.image_formats import readable_formats
from nas.data.picture import BROKEN, ImageSource, Picture, Shown
from nas.planning.image_side import FoundImage

_MAX_LOOKED_AT = 1000  # images of all sources, evenly spread
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)  # EXIF: upright, height and width change places


def look_at_heads(sources: Iterable[ImageSource]) -> list[FoundImage]:
    """Return what is known of up to 1,000 images; those that cannot be opened are left out."""
    listed = list(sources)
    total = sum(len(source) for source in listed)
    step = max(1, total // _MAX_LOOKED_AT)
    found = []
    for source in listed:
        for index in range(0, len(source), step):
            try:
                found.append(_head_of(source.open(index)))
            except BROKEN:  # told by name where it is decoded
                continue
    return found


def _head_of(picture: Picture) -> FoundImage:
    if isinstance(picture, Shown):
        picture = picture.image
    if isinstance(picture, Image.Image):
        return _found(picture)
    source = io.BytesIO(picture) if isinstance(picture, bytes) else Path(picture)
    with Image.open(source, formats=readable_formats()) as opened:
        return _found(opened)


def _found(image: Image.Image) -> FoundImage:
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in _TURNED:
        width, height = height, width
    return FoundImage(height, width, is_grey=image.mode in _GREY)
