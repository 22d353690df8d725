"""A user's arrays: what is read, and what each fault is told as."""

import io
import os
import zipfile

import numpy as np
import pytest

from nas.data.memory import free_bytes
from nas.data.npz import load_npz
from nas.errors import DataError


def arrays(**changes):
    rng = np.random.default_rng(0)
    content = {
        "train_images": rng.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8),
        "train_labels": np.arange(20) % 2,
        "test_images": rng.integers(0, 256, (8, 6, 5, 3), dtype=np.uint8),
        "test_labels": np.arange(8) % 2,
    }
    content.update(changes)
    return {name: array for name, array in content.items() if array is not None}


def written(tmp_path, **changes):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays(**changes))
    return str(path)


def test_validation_is_held_out_of_each_class_of_train(tmp_path):
    data = load_npz(written(tmp_path), validation_fraction=0.3)
    assert data.shape.input_shape == (3, 6, 5)
    assert np.bincount(data.validation.labels).tolist() == [3, 3]
    assert len(data.train) == 14
    whole = {image.tobytes() for image in arrays()["train_images"]}
    halves = [*data.train.images, *data.validation.images]
    assert {image.tobytes() for image in halves} == whole
    np.testing.assert_array_equal(data.test.images, arrays()["test_images"])


def test_the_files_own_validation_split_is_taken(tmp_path):
    own = {"val_images": arrays()["test_images"][:4], "val_labels": np.array([0, 1, 0, 1])}
    data = load_npz(written(tmp_path, **own))
    assert len(data.train) == 20
    np.testing.assert_array_equal(data.validation.images, own["val_images"])


def test_grey_float_images_and_column_labels_are_taken(tmp_path):
    data = load_npz(
        written(
            tmp_path,
            train_images=np.linspace(0, 1, 20 * 16).reshape(20, 4, 4),
            train_labels=(np.arange(20, dtype=np.uint8) % 2)[:, None],
            test_images=np.zeros((8, 4, 4)),
        )
    )
    assert data.train.images.dtype == np.float32
    assert data.shape.input_shape == (1, 4, 4)
    assert data.train.labels.dtype == np.int64


def test_a_single_1_in_every_row_is_a_class(tmp_path):
    rows = np.eye(2)
    one_hot = {"train_labels": rows[np.arange(20) % 2], "test_labels": rows[np.arange(8) % 2]}

    data = load_npz(written(tmp_path, **one_hot))

    assert data.test.labels.tolist() == [0, 1] * 4
    assert data.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_labels": None}, "has no array test_labels; found: test_images"),
        ({"val_images": np.zeros((2, 6, 5, 3), np.uint8)}, "has no array val_labels"),
        ({"train_images": np.zeros((20, 3, 32, 32), np.uint8)}, "must come last: .*transpose"),
        (
            {"test_images": np.zeros((8, 1, 8, 8), np.uint8)},
            "test_images has the shape .*come first",
        ),
        ({"train_images": np.zeros((20, 5, 32, 32), np.uint8)}, "channels last"),
        ({"train_labels": np.arange(20) % 2 + 1}, "the labels 1 to 2; .*subtract 1 in all splits"),
        (
            {"train_labels": np.array(["cat", "dog"] * 10)},
            "labels of type <U3; give whole numbers",
        ),
        ({"test_images": np.zeros((8, 6, 5, 3))}, "differ in type: .*'test': 'float32'"),
        ({"train_images": np.zeros((20, 6, 5, 3), np.int32)}, "type int32; convert them to uint8"),
        ({"train_images": np.full((20, 6, 5, 3), np.inf)}, "NaN or infinite values in 20 images"),
        ({"train_labels": np.arange(19) % 2}, "20 images and 19 labels"),
        ({"train_labels": np.arange(20) / 2}, "labels of type float64; give whole numbers"),
        ({"train_labels": np.arange(20) % 2 * 2}, "no image of class 1 of 0 to 2"),
        ({"train_labels": np.zeros(20, int)}, "has 1 class; a classifier needs at least 2"),
        ({"train_labels": np.arange(20) % 2 - 1}, "has the label -1; labels start at 0"),
        (
            {"train_labels": np.r_[np.zeros(19, int), 1]},
            "too few images .* in class 1 \\(1\\); give each class at least 2",
        ),
        ({"test_labels": np.arange(8) % 3}, "the test split has labels 2; allowed are 0 to 1"),
        ({"test_images": np.zeros((8, 9, 9, 3), np.uint8)}, "differ in shape"),
        (
            {"train_images": np.zeros((0, 6, 5, 3), np.uint8), "train_labels": np.zeros(0, int)},
            "train_images/train_labels is empty",
        ),
        ({"train_labels": np.array([{}] * 20)}, "without Python objects"),
    ],
)
def test_each_fault_of_an_array_is_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_npz(written(tmp_path, **changes))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*absent\.npz"):
        load_npz(str(tmp_path / "absent.npz"))


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    whole = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        load_npz(whole)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"holds a single array; write one with numpy\.savez"):
        load_npz(str(tmp_path / "one.npy"))


@pytest.mark.parametrize(
    ("stored", "height_width_channels"),
    [
        ((3, 48, 64), (48, 64, 3)),
        ((4, 32, 32), (32, 32, 4)),
        ((3, 8, 8), (8, 8, 3)),
        ((1, 28, 20), (28, 20, 1)),
        ((12, 17, 19), (17, 19, 12)),
        ((48, 64, 3), (48, 64, 3)),
        ((28, 28, 4), (28, 28, 4)),
        ((6, 5, 3), (6, 5, 3)),
        ((4, 4, 3), (4, 4, 3)),
        ((4, 6, 1), (4, 6, 1)),
        ((1, 40, 1), (1, 40, 1)),
        ((1, 1, 50), (1, 1, 50)),
    ],
)
def test_sizes_tell_where_the_channels_stand(tmp_path, stored, height_width_channels):
    images = np.random.default_rng(0).integers(0, 256, (20, *stored), dtype=np.uint8)

    data = load_npz(written(tmp_path, train_images=images, test_images=images[:8]))

    moved = {stored: images[:8], (*stored[1:], stored[0]): np.moveaxis(images[:8], 1, 3)}
    np.testing.assert_array_equal(data.test.images, moved[height_width_channels])


@pytest.mark.parametrize("stored", [(3, 20, 3), (3, 10, 12), (4, 5, 3), (1, 40, 12), (8, 9, 10)])
def test_sizes_that_tell_nothing_are_refused_with_the_line_that_mends_it(tmp_path, stored):
    images = np.random.default_rng(0).integers(0, 256, (20, *stored), dtype=np.uint8)
    path = written(tmp_path, train_images=images, test_images=images[:8])

    with pytest.raises(DataError, match=r"data\.layout=channels_first or data\.layout=channels_l"):
        load_npz(path)

    last = load_npz(path, layout="channels_last")
    first = load_npz(path, layout="channels_first")
    np.testing.assert_array_equal(last.test.images, images[:8])
    np.testing.assert_array_equal(first.test.images, np.moveaxis(images[:8], 1, 3))


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match="auto, channels_first, channels_last, but got 'nchw'"):
        load_npz(written(tmp_path), layout="nchw")


def test_names_of_classes_may_be_bytes(tmp_path):
    names = np.array([b"cat", "dög".encode()])

    assert load_npz(written(tmp_path, class_names=names)).class_names == ("cat", "dög")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": np.array(["x", "x"])}, "'x' for the classes 0 and 1; give each"),
        ({"class_names": np.array([b"x", b"d\xf6g"])}, r"class_names\[1\] .*not UTF-8"),
        ({"class_names": np.array(["x", "y"], object)}, r"class_names holds .*astype\(str\)"),
        ({"train_labels": np.array(["a", "b"] * 10)}, "return_inverse=True"),
        (
            {"train_labels": np.arange(20) % 2 * 10**12},
            "no image of class 1, 2, 3.* without a gap",
        ),
        ({"train_labels": np.full(20, np.inf)}, "give whole numbers"),
        ({"train_labels": np.full(20, 1e300)}, "give whole numbers"),
        ({"train_labels": (np.arange(20) % 2)[None]}, "20 images and 1 row of label"),
        ({"train_labels": np.eye(2)[np.arange(20) % 2]}, "the labels of all splits alike"),
        ({"train_images": np.full((20, 6, 5, 3), 1e300)}, "infinite values in 20 images"),
    ],
)
def test_each_fault_of_names_and_labels_is_told_with_a_remedy(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_npz(written(tmp_path, **changes))


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.bool_, np.uint8])
def test_whole_numbers_of_any_type_are_labels(tmp_path, kind):
    labels = np.arange(20) % 2

    data = load_npz(
        written(tmp_path, train_labels=labels.astype(kind), test_labels=labels[:8].astype(kind))
    )

    assert data.test.labels.tolist() == [0, 1] * 4


def test_other_words_for_the_validation_split_are_understood(tmp_path):
    own = {"valid_images": arrays()["test_images"][:4], "valid_labels": np.array([0, 1, 0, 1])}

    data = load_npz(written(tmp_path, **own, extra=np.zeros(2)))

    np.testing.assert_array_equal(data.validation.images, own["valid_images"])
    assert data.findings.left_out[0].names == ("extra",)
    both = {"val_images": own["valid_images"], "val_labels": own["valid_labels"]}
    with pytest.raises(DataError, match="val_images and valid_images, which both mean"):
        load_npz(written(tmp_path, **own, **both))


def test_copies_in_train_come_to_the_same_split(tmp_path):
    images = np.repeat(arrays()["train_images"][:10], 2, axis=0)  # 10 different ones
    labels = np.arange(20) // 2 % 2

    data = load_npz(written(tmp_path, train_images=images, train_labels=labels))

    held = {image.tobytes() for image in data.validation.images}
    assert held.isdisjoint(image.tobytes() for image in data.train.images)
    assert (len(held), len(data.validation)) == (2, 4)


def write_claiming(path, shape, *, body):
    """Write an npz whose training images claim a shape, and are that many zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays(train_images=None).items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", buffer.getvalue())
        head = io.BytesIO()
        what = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(head, what)
        archive.writestr("train_images.npy", head.getvalue() + bytes(body))
    return str(path)


def test_an_array_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path):
    path = write_claiming(tmp_path / "liar.npz", (10**9, 1000, 1000, 3), body=1000)

    with pytest.raises(DataError, match="to hold 3,000,000,000,000,000 bytes, and has 1,128"):
        load_npz(path)


def test_a_file_that_unpacks_to_more_than_memory_is_refused_before_it_is_loaded(
    tmp_path, monkeypatch
):
    path = write_claiming(tmp_path / "bomb.npz", (20, 1000, 1000, 3), body=60_000_000)
    monkeypatch.setattr("nas.data.npz_file.free_bytes", lambda: 50_000_000)

    with pytest.raises(DataError, match=r"unpacks to 0\.1 GB, and 0\.1 GB of memory are free"):
        load_npz(path)


def test_free_memory_is_no_more_than_what_is_built_in():
    built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < free_bytes() <= built_in


@pytest.mark.parametrize("content", [b"", b"\x80\x04}.", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "m.npz").write_bytes(content)

    with pytest.raises(DataError, match=r"cannot be read as \.npz|has no array"):
        load_npz(str(tmp_path / "m.npz"))


@pytest.mark.parametrize("path", ["", "a" * 5000, "nul\0.npz"])
def test_a_path_that_cannot_be_is_refused(path):
    with pytest.raises(DataError, match=r"data\.path: "):
        load_npz(path)
