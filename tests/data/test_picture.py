import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.picture import DecodeSettings, decode_one
from nas.export.predict import read_image

GREY, COLOUR = DecodeSettings(channels=1, size=None), DecodeSettings(channels=3, size=None)
RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)  # 0 to 255


def stored(values: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_of_16_bits_the_upper_8_are_kept(kind: str) -> None:
    content = stored(RAMP * 256 + 200, kind)

    assert (decode_one(content, GREY)[..., 0] == RAMP).all()


def test_16_bit_values_of_the_other_byte_order_are_read_alike(tmp_path: Path) -> None:
    # A TIFF by hand: big-endian, 4 x 4 pixels of 16 bits after the directory.
    pixels = (RAMP[:4, :4] * 4096 + 7).astype(">u2").tobytes()
    entries = [(256, 4), (257, 4), (258, 16), (259, 1), (262, 1), (273, 0), (277, 1), (278, 4),
               (279, len(pixels))]  # fmt: skip
    start = 8 + 2 + 12 * len(entries) + 4
    directory = len(entries).to_bytes(2, "big")
    for tag, value in entries:
        told = start if tag == 273 else value
        directory += tag.to_bytes(2, "big") + (4).to_bytes(2, "big") + (1).to_bytes(4, "big")
        directory += told.to_bytes(4, "big")
    path = tmp_path / "image.tif"
    path.write_bytes(b"MM\x00*" + (8).to_bytes(4, "big") + directory + bytes(4) + pixels)

    found = decode_one(path, GREY)

    assert (found[..., 0] == RAMP[:4, :4].astype(int) * 4096 % 65536 // 256).all()


def test_16_bits_of_grey_give_equal_colours() -> None:
    found = decode_one(stored(RAMP * 256, "PNG"), COLOUR)

    assert (found == RAMP[..., None]).all()


def test_a_16_bit_image_is_read_in_training_as_it_is_read_in_use(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(stored(RAMP * 257, "PNG"))
    described = {"mode": "L", "fit": "stretch", "image_size": [8, 8], "channels": 1}

    trained = decode_one(path, DecodeSettings(channels=1, size=(8, 8)))

    assert (trained == read_image(path, described)).all()


def test_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="floats, whose range is not known"):
        decode_one(stored(RAMP.astype(np.float32), "TIFF"), GREY)


def test_32_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 16 bits"):
        decode_one(stored(RAMP.astype(np.int32) * 2**16, "TIFF"), GREY)
