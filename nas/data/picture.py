"""One encoded image becomes pixels: opened, turned upright, converted, resized."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from nas.data.image_formats import readable_formats, what_bytes_are


@dataclass(frozen=True)
class Shown:
    """An image that a library opened, and the file that it comes from."""

    image: Image.Image
    file: Path


Picture = Path | bytes | Image.Image | Shown

MODES = {1: "L", 3: "RGB"}
_MOST_16_BITS = 2**16 - 1

# What opening and decoding a broken image may raise: decoders check little of what they read.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    MemoryError,
)


class Fit(StrEnum):
    """How an image of another shape comes to the size that is asked for."""

    STRETCH = "stretch"  # each side by itself
    CROP = "crop"  # the middle of it, the sides' ratio kept
    PAD = "pad"  # all of it, black beside


class OnBroken(StrEnum):
    """What becomes of images that cannot be read."""

    REFUSE = "refuse"
    SKIP = "skip"


@dataclass(frozen=True)
class DecodeSettings:
    """How images are stored once they are decoded.

    Attributes:
        channels: 1 for grey, 3 for colour.
        size: (height, width) to resize to; None to keep it.
        fit: how.
        on_broken: what becomes of images that cannot be read.
    """

    channels: int
    size: tuple[int, int] | None
    fit: Fit = Fit.STRETCH
    on_broken: OnBroken = OnBroken.REFUSE


class ImageSource(Protocol):
    """Where encoded images lie. Travels to other processes: places, not pixels."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def name(self, index: int) -> str:
        """Return what an image is called in messages: a path, or a row of a file."""
        ...

    def open(self, index: int) -> Picture:
        """Return what is to be decoded.

        Raises:
            OSError: it cannot be had.
            ValueError: it is no image.
        """
        ...

    def version(self) -> str | None:
        """Return a text that changes when an image does; None where nothing tells."""
        ...


def decode_one(picture: Picture, stored: DecodeSettings) -> npt.NDArray[np.uint8]:
    """Return an image (H, W, C).

    Of 16 bits a channel the upper 8 are taken, as `nas.export.predict` does.

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than 16 bits a channel, or holds floats.
    """
    if isinstance(picture, Shown):
        picture = picture.image
    if isinstance(picture, Image.Image):
        return _pixels(picture, stored)
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    try:
        with Image.open(source, formats=readable_formats()) as opened:
            return _pixels(opened, stored)
    except UnidentifiedImageError as error:
        raise UnidentifiedImageError(f"{error}{_what_it_is(picture)}") from error
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        told = f"it has more than {most:,} pixels, and no more are decoded; make it smaller"
        raise Image.DecompressionBombError(told) from error


def _what_it_is(picture: bytes | Path) -> str:
    """Return what a file is that holds no image, as far as its first bytes tell."""
    if isinstance(picture, bytes):
        head = picture[:64]
    else:
        with picture.open("rb") as file:
            head = file.read(64)
    told = what_bytes_are(head)
    return f": {told}" if told else ""


def decode_with_digest(
    picture: Picture, stored: DecodeSettings
) -> tuple[npt.NDArray[np.uint8], bytes]:
    """Return an image (H, W, C), and 16 bytes that tell its content from any other.

    The content is that of its file, from one reading; of an image that a library opened, whose
    file nobody sees, its pixels, its mode and its size.

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than 16 bits a channel, or holds floats.
    """
    if isinstance(picture, Shown):
        return decode_one(picture, stored), digest_of(picture.file.read_bytes())
    if isinstance(picture, Image.Image):
        head = f"{picture.mode} {picture.size} ".encode()
        return decode_one(picture, stored), digest_of(head + picture.tobytes())
    content = picture if isinstance(picture, bytes) else picture.read_bytes()
    try:
        pixels = decode_one(content, stored)
    except BROKEN:
        pixels = decode_one(picture, stored)  # whose fault is told with its name
    return pixels, digest_of(content)


def digest_of(content: bytes) -> bytes:
    """Return 16 bytes that equal contents share."""
    return hashlib.blake2b(content, digest_size=16).digest()


def _pixels(opened: Image.Image, stored: DecodeSettings) -> npt.NDArray[np.uint8]:
    upright = _of_8_bits(ImageOps.exif_transpose(opened))
    if "transparency" in upright.info:  # the colour below it counts, as in images with an alpha
        upright = upright.convert("RGBA")
    image = upright.convert(MODES[stored.channels])
    if stored.size is not None:
        image = _resized(image, stored.size, stored.fit)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if stored.channels == 1 else pixels


def _of_8_bits(image: Image.Image) -> Image.Image:
    """Return the image, or the upper 8 of its 16 bits: Pillow's own conversion would clip."""
    if image.mode == "F":
        raise ValueError("it holds floats, whose range is not known; convert it to 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > _MOST_16_BITS:
        raise ValueError("it has more than 16 bits a channel; convert it to 8 or 16")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _resized(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    shape, bilinear = (size[1], size[0]), Image.Resampling.BILINEAR
    if fit is Fit.CROP:
        return ImageOps.fit(image, shape, bilinear)
    if fit is Fit.PAD:
        return ImageOps.pad(image, shape, bilinear)
    return image.resize(shape, bilinear, reducing_gap=3.0)
