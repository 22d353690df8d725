"""Images that stay on disk: the same data set as in memory, what is broken, what is remembered."""

import io
import os
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nas.data.image_folder import load_image_folder
from nas.data.parquet import load_parquet
from nas.data.preparation import Preparation
from nas.data.report import report_data
from nas.data.streamed import StreamedImages, Texts
from nas.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "nas" / "scans"


def noise(seed, size=(8, 6)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def photos(tmp_path):
    """Two classes of ten images; one image of the dogs is there twice."""
    root = tmp_path / "photos"
    for number, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for index in range(10):
            noise(100 * number + index).save(root / name / f"{index}.png")
    noise(100).save(root / "dog" / "again.png")
    return root


def test_streamed_images_are_those_in_memory(photos):
    kept = load_image_folder(str(photos), streaming=False)
    streamed = load_image_folder(str(photos), streaming=True)

    assert isinstance(streamed.train.images, StreamedImages)
    for word, split in streamed.splits().items():
        np.testing.assert_array_equal(np.asarray(split.images), kept.splits()[word].images)
        np.testing.assert_array_equal(split.labels, kept.splits()[word].labels)
    assert streamed.normalisation == kept.normalisation
    assert report_data(streamed) == report_data(kept)
    assert streamed.describe() == {**kept.describe(), "is_streamed": True}


def test_the_last_training_gets_both_splits_without_decoding_them(photos):
    kept = load_image_folder(str(photos), streaming=False).final_data()
    streamed = load_image_folder(str(photos), streaming=True).final_data()

    assert isinstance(streamed.train.images, StreamedImages)
    np.testing.assert_array_equal(np.asarray(streamed.train.images), kept.train.images)
    np.testing.assert_array_equal(streamed.train.labels, kept.train.labels)


def test_auto_streams_above_the_limit_only(photos):
    # 21 images of 6 x 8 x 3 bytes.
    bytes_of_all = 21 * 6 * 8 * 3
    below = load_image_folder(str(photos), memory_limit_mb=(bytes_of_all - 1) / 1e6)
    above = load_image_folder(str(photos), memory_limit_mb=bytes_of_all / 1e6)

    assert isinstance(below.train.images, StreamedImages)
    assert isinstance(above.train.images, np.ndarray)


def test_what_travels_to_workers_is_paths_and_no_pixels(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(4):
            noise(index, size=(200, 200)).save(tmp_path / name / f"{index}.png")

    data = load_image_folder(str(tmp_path), streaming=True).search_data()
    sent = pickle.dumps(data)

    assert len(sent) < 10_000 < data.train.images[:1].nbytes
    np.testing.assert_array_equal(pickle.loads(sent).train.images[:], data.train.images[:])


def test_all_broken_images_are_named(photos):
    (photos / "cat" / "bad.png").write_bytes(b"no image at all")
    whole = (photos / "dog" / "1.png").read_bytes()
    (photos / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match="2 of 23 images cannot be read") as told:
        load_image_folder(str(photos), streaming=True)
    skipped = load_image_folder(str(photos), streaming=True, on_broken="skip")

    assert "cat/bad.png" in str(told.value)
    assert "dog/cut.png" in str(told.value)
    assert len(skipped.skipped) == 2
    assert sum(len(split) for split in skipped.splits().values()) == 21


def test_mixed_sizes_are_refused_and_resized(photos):
    noise(7, size=(20, 10)).save(photos / "dog" / "wide.png")

    with pytest.raises(DataError, match=r"2 sizes, such as .*set data\.image_size"):
        load_image_folder(str(photos), streaming=True)
    assert load_image_folder(str(photos), streaming=True, image_size=4).shape.input_shape[1] == 4


def test_images_that_did_not_change_are_not_looked_at_again(photos, cache):
    load_image_folder(str(photos), streaming=True)
    victim = photos / "cat" / "3.png"
    before = victim.stat()
    victim.write_bytes(bytes(before.st_size))  # no image any more, but of the same size
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))  # and, it seems, as old

    remembered = load_image_folder(str(photos), streaming=True)
    os.utime(victim)

    assert len(list(cache.iterdir())) == 1
    assert sum(len(split) for split in remembered.splits().values()) == 21
    with pytest.raises(DataError, match=r"cat/3\.png cannot be read any more"):
        np.asarray(remembered.final_data().train.joined(remembered.test).images)
    with pytest.raises(DataError, match="1 of 21 images cannot be read"):
        load_image_folder(str(photos), streaming=True)


def test_a_broken_cache_is_no_harm(photos, cache):
    first = load_image_folder(str(photos), streaming=True)
    (file,) = cache.iterdir()
    file.write_bytes(b"half a fi")

    assert load_image_folder(str(photos), streaming=True).normalisation == first.normalisation


def test_a_file_that_changes_its_shape_meanwhile_is_told(photos):
    data = load_image_folder(str(photos), streaming=True)
    for path in photos.rglob("*.png"):
        noise(0, size=(4, 4)).save(path)

    with pytest.raises(DataError, match=r"has the shape \(4, 4, 3\) now, and had \(6, 8, 3\)"):
        data.train.images[:]


def test_encoded_images_of_parquet_stream_alike(tmp_path):
    encoded = []
    for seed in range(10):
        target = io.BytesIO()
        noise(seed).save(target, "PNG")
        encoded.append(target.getvalue())
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"image": encoded, "label": [0, 1] * 5}), path)

    kept = load_parquet(str(path), streaming=False)
    streamed = load_parquet(str(path), streaming=True)

    for word, split in streamed.splits().items():
        np.testing.assert_array_equal(np.asarray(split.images), kept.splits()[word].images)
    assert streamed.normalisation == kept.normalisation


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"streaming": "maybe"}, "data.streaming must be one of true, false, auto"),
        ({"memory_limit_mb": 0}, "data.memory_limit_mb must be above 0, but got 0"),
    ],
)
def test_unfit_settings_are_refused(settings, told):
    with pytest.raises(DataError, match=told):
        Preparation(**settings)


def test_many_texts_in_one_array_are_a_sequence():
    texts = ["a/1.png", "", "größe/☃.png", os.fsdecode(b"not \xff utf-8")]

    packed = Texts(texts)

    assert list(packed) == texts
    assert packed[-1] == texts[-1]
    assert packed[1:3] == texts[1:3]
    assert list(pickle.loads(pickle.dumps(packed))) == texts
    with pytest.raises(IndexError):
        packed[4]
