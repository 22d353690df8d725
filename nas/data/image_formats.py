"""Which files are images that can be read, and what becomes of those that cannot?

A file whose extension names a format is trusted until it is decoded; of any other file the first
bytes decide.
"""

import functools
import importlib
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image

# Formats that Pillow names but cannot decode by itself: it only writes them, only recognises them,
# or hands them to another program (EPS to Ghostscript, which would run what a file says).
_NOT_DECODED = {"PDF", "PALM", "EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}

# Formats that are told by their first bytes without doubt.
_SIGNED = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "BMP", "JPEG2000", "AVIF", "HEIF", "TIFF")
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II", b"MM", b"\xff\x4f\xff\x51")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# First bytes of files that are called like images now and then, and what they are.
_KNOWN: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (
        (b"<html", b"<!doctype html"),
        "a web page, perhaps one that was saved in place of the image",
    ),
    ((b"version https://git-lfs",), "a pointer of Git LFS; fetch the image itself: git lfs pull"),
    ((b"<svg", b"<?xml"), "a drawing or another text of XML"),
    ((b"%pdf", b"%!ps"), "a document, PDF or PostScript"),
    ((b"\xff\x0a", b"\0\0\0\x0cjxl "), "a JPEG XL image; convert it to PNG"),
    ((b"pk\x03\x04", b"rar!", b"\x1f\x8b", b"7z\xbc\xaf"), "an archive; unpack it"),
    ((b"\0\0\1\xba", b"\0\0\1\xb3", b"\x1aE\xdf\xa3".lower()), "a video"),
    ((b"{", b"["), "a text of JSON"),
)

_RAW = {".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"}
_HEIF = {".heic", ".heif", ".heics", ".heifs", ".hif"}
_DRAWN = {".svg", ".svgz", ".eps", ".ps", ".ai", ".wmf", ".emf"}
_OTHER = {".jxl", ".jxr", ".wdp", ".exr", ".hdr", ".xcf", ".kra", ".avif", ".avifs", ".qoi"}

NO_HEIF = (
    "HEIC photos, which need the package pillow-heif: pip install pillow-heif, or convert them "
    "to JPEG"
)


@functools.cache
def readable_formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are decoded; HEIF where pillow-heif is there."""
    Image.init()
    # Photos of more than 89 million pixels are usual now; those of twice as many are refused.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    with suppress(ImportError):  # optional: its photos are named with what to install
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(sorted(set(Image.OPEN) - _NOT_DECODED))


@functools.cache
def readable_extensions() -> frozenset[str]:
    """Return the extensions of those formats, in small letters."""
    formats = set(readable_formats())
    known = Image.registered_extensions()
    return frozenset(extension for extension, name in known.items() if name in formats)


def why_unreadable(path: Path, start: bytes) -> str | None:
    """Return why an image cannot be read, where its extension or content tells that it is one.

    Args:
        path: of a file whose extension is none of `readable_extensions`.
        start: its first bytes.
    """
    extension = path.suffix.lower()
    if (extension in _HEIF or _is_heif(start)) and "HEIF" not in readable_formats():
        return NO_HEIF
    if extension in _RAW:
        return "raw photos of a camera, which cannot be read; convert them to PNG or JPEG"
    if extension in _DRAWN:
        return "drawings, not pixels; convert them to PNG"
    if extension in _OTHER:
        return f"images of the kind {extension}, which cannot be read; convert them to PNG"
    return None


def has_image_content(path: Path, start: bytes) -> bool:
    """Say whether the content is an image that can be read, whatever the file is called.

    TIFF counts only without an extension: many other formats, such as raw photos, are made of it.
    """
    formats = [name for name in _SIGNED if name in readable_formats()]
    if path.suffix:
        formats.remove("TIFF")
    if not start.startswith(_STARTS) and start[4:8] not in (b"ftyp", b"jP  "):
        return False
    try:
        with Image.open(path, formats=formats):
            return True
    except Exception:  # noqa: BLE001 # whatever a decoder says of it, it is no image of these
        return False


def _is_heif(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def what_bytes_are(head: bytes) -> str:
    """Return what a file is that holds no image, by its first 64 bytes; empty if nothing tells.

    >>> what_bytes_are(b""), what_bytes_are(b"%PDF-1.4")
    ('the file is empty', 'it is a document, PDF or PostScript')
    """
    if not head.strip(b"\0"):
        return "it begins with zeros, as a failed copy does" if head else "the file is empty"
    if _is_heif(head):
        return "it is a HEIC photo, whatever its name says; pip install pillow-heif"
    if head[4:8] == b"ftyp":
        return "it is a video, or an image of a kind that cannot be read"
    start = head.lstrip().lower()
    told = next((what for starts, what in _KNOWN if start.startswith(starts)), "")
    return f"it is {told}" if told else ""
