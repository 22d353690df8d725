"""What is shipped takes image files as training took them."""

import itertools

import numpy as np
import pytest
from PIL import Image

from nas.data.image_folder import load_image_folder
from nas.data.picture import DecodeSettings, Fit, decode_one
from nas.export import predict
from nas.export.deployable import as_input
from nas.export.inputs import describe_input, input_words

ORIENTATION = 0x0112  # EXIF
UPRIGHT, MIRRORED, ON_ITS_SIDE = 1, 2, 6


@pytest.fixture
def folder(tmp_path):
    """Photographs of two classes, 30 high and 50 wide."""
    rng = np.random.default_rng(0)
    for name, number in itertools.product(("cat", "dog"), range(5)):
        place = tmp_path / "d" / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)).save(
            place / f"{number}.png"
        )
    return tmp_path / "d"


def photo(place, *, mode, orientation):
    """Write a photograph of 37 x 61 pixels, turned by EXIF, and return its path."""
    smooth = np.add.outer(np.arange(37) * 3, np.arange(61) * 2).astype(np.uint8)
    colours = np.stack([smooth, smooth[::-1], 255 - smooth], axis=2)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = place / f"{mode}-{orientation}.png"
    Image.fromarray(colours).convert(mode).save(path, exif=exif)
    return path


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
@pytest.mark.parametrize("orientation", [UPRIGHT, MIRRORED, ON_ITS_SIDE])
def test_a_file_becomes_what_it_is_in_training(folder, tmp_path, fit, channels, mode, orientation):
    data = load_image_folder(str(folder), image_size=[12, 20], fit=fit, channels=channels)
    described = describe_input(data, (16, 16))
    path = photo(tmp_path, mode=mode, orientation=orientation)

    shipped = predict.prepared([path], described)
    resized = predict.resize(shipped, (16, 16))

    ours = decode_one(path, DecodeSettings(channels, (12, 20), Fit(fit)))[None].copy()
    np.testing.assert_array_equal(shipped, ours)
    np.testing.assert_array_equal(resized, as_input(ours, (16, 16)))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_another_size_are_brought_to_it_as_files_are(folder, fit, channels):
    data = load_image_folder(str(folder), image_size=[12, 20], fit=fit, channels=channels)
    (path,) = folder.glob("cat/0.png")
    whole = decode_one(path, DecodeSettings(channels, None))[None].copy()

    shipped = predict.prepared(whole, describe_input(data, (12, 20)))

    ours = decode_one(path, DecodeSettings(channels, (12, 20), Fit(fit)))[None].copy()
    np.testing.assert_array_equal(shipped, ours)


def test_a_crop_is_no_stretch(folder):
    pixels = np.zeros((1, 20, 40, 3), dtype=np.uint8)
    pixels[:, 6:14, 16:24] = 255  # a white square of 8 x 8 in the middle
    described = {
        fit: describe_input(load_image_folder(str(folder), image_size=20, fit=fit), (20, 20))
        for fit in ("crop", "stretch", "pad")
    }

    white = {fit: predict.prepared(pixels, d)[0, :, :, 0] for fit, d in described.items()}

    assert np.array_equal(white["crop"], pixels[0, :, 10:30, 0])
    assert (white["crop"] > 127).sum() == 8 * 8
    assert (white["stretch"] > 127).sum() == 8 * 4
    assert (white["pad"] > 127).sum() == 4 * 4


def test_files_are_refused_where_the_data_were_arrays():
    from nas.data.digits import load_digits

    described = describe_input(load_digits(), (8, 8))

    with pytest.raises(ValueError, match="learnt from arrays"):
        predict.prepared(["photo.png"], described)
    with pytest.raises(ValueError, match=r"must be \(N, 8, 8, 1\)"):
        predict.prepared(np.zeros((1, 9, 9, 1), dtype=np.float32), described)


def test_a_file_of_another_size_is_refused_where_training_resized_none(folder, tmp_path):
    described = describe_input(load_image_folder(str(folder)), (30, 50))
    path = photo(tmp_path, mode="RGB", orientation=UPRIGHT)

    with pytest.raises(ValueError, match="37 x 61 pixels"):
        predict.prepared([path], described)


def test_input_json_and_card_say_all_of_it(folder):
    data = load_image_folder(str(folder), image_size=[12, 20], fit="crop")
    described, words = describe_input(data, (16, 24)), input_words(data)

    assert described["image_size"] == [12, 20]
    assert (described["height"], described["width"]) == (16, 24)
    assert described["fit"] == "crop"
    assert described["exif"] == "upright"
    assert described["channel_order"] == "RGB"
    assert described["value_range"] == [0, 255]
    assert described["interpolation"] == "bilinear, antialiased"
    assert described["classes"] == ["cat", "dog"]
    assert described["mean"] == list(data.normalisation.mean)
    assert described["std"] == list(data.normalisation.std)
    for word in ("fit=crop", "12 x 20", "RGB", "EXIF", "bilinear", "`cat`, `dog`", "0 to 255"):
        assert word in words


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)

    with pytest.raises(ValueError, match="allow_pickle=False"):
        predict.read_array(tmp_path / "evil.npy")
