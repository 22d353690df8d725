"""A user's folders of images: what is read, and what each fault is told as."""

import numpy as np
import pytest
from PIL import Image

from nas.data.image_folder import load_image_folder
from nas.errors import DataError


def write_images(folder, *, count=5, grey=100, size=(8, 6)):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.new("RGB", size, (grey, index, 0)).save(folder / f"{index}.png")


def two_classes(root, **settings):
    write_images(root / "cat", grey=10, **settings)
    write_images(root / "dog", grey=200, **settings)
    return str(root)


def test_classes_are_numbered_by_name_and_split_in_three(tmp_path):
    data = load_image_folder(two_classes(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert data.shape.input_shape == (3, 6, 8)
    assert {word: len(split) for word, split in data.splits().items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }
    for split in data.splits().values():
        np.testing.assert_array_equal(split.images[:, 0, 0, 0] > 100, split.labels == 1)


def test_folders_for_the_splits_are_taken(tmp_path):
    two_classes(tmp_path / "train", count=6)
    two_classes(tmp_path / "valid", count=2)
    two_classes(tmp_path / "test", count=1)
    data = load_image_folder(str(tmp_path))
    assert [len(split) for split in data.splits().values()] == [12, 4, 2]
    assert data.split_rule == (
        "train: the images of train; validation: the images of valid; test: the images of test"
    )


def test_folders_for_the_splits_may_be_written_otherwise(tmp_path):
    two_classes(tmp_path / "Training", count=6)
    two_classes(tmp_path / "VAL", count=2)
    two_classes(tmp_path / "Test", count=1)

    data = load_image_folder(str(tmp_path))

    assert data.class_names == ("cat", "dog")
    assert [len(split) for split in data.splits().values()] == [12, 4, 2]


def test_splits_without_train_are_no_classes(tmp_path):
    two_classes(tmp_path / "val")
    two_classes(tmp_path / "test")

    with pytest.raises(DataError, match=r"test, val, which seem to be splits, and none .* train"):
        load_image_folder(str(tmp_path))


def test_a_missing_split_folder_is_held_out_of_train(tmp_path):
    two_classes(tmp_path / "train", count=10)
    two_classes(tmp_path / "test", count=1)
    data = load_image_folder(str(tmp_path), validation_fraction=0.3)
    assert [len(split) for split in data.splits().values()] == [14, 6, 2]


def test_images_are_resized_and_made_grey(tmp_path):
    write_images(tmp_path / "cat", size=(8, 8))
    write_images(tmp_path / "dog", size=(20, 10))
    data = load_image_folder(str(tmp_path), image_size=[4, 5], channels=1)
    assert data.train.images.shape[1:] == (4, 5, 1)
    assert data.train.images.dtype == np.uint8


def test_hidden_files_and_other_files_are_left_out(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "cat" / "._0.png").write_bytes(b"a ghost of macOS")
    (tmp_path / ".git").mkdir()
    assert len(load_image_folder(str(tmp_path)).class_names) == 2


def test_all_broken_images_are_named(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "test")
    (tmp_path / "train" / "cat" / "bad.png").write_bytes(b"no image at all")
    good = (tmp_path / "train" / "dog" / "0.png").read_bytes()
    (tmp_path / "test" / "dog" / "cut.png").write_bytes(good[: len(good) // 2])
    deep = Image.fromarray(np.full((6, 8), 40_000, np.float32))
    deep.save(tmp_path / "train" / "dog" / "deep.tif")
    with pytest.raises(DataError, match="3 of 23 images cannot be read") as caught:
        load_image_folder(str(tmp_path))
    for name in ("train/cat/bad.png", "test/dog/cut.png", "train/dog/deep.tif"):
        assert name in str(caught.value)


def test_names_in_any_script_links_and_kinds_of_colour_are_read(tmp_path):
    root = tmp_path / "größe ☃"
    two_classes(root)
    Image.new("L", (8, 6)).save(root / "cat" / "grey.png")
    Image.new("P", (8, 6)).save(root / "cat" / "palette.png")
    Image.new("RGBA", (8, 6)).save(root / "dog" / "see through.png")
    Image.new("CMYK", (8, 6)).save(root / "dog" / "print.JPG")
    (root / "dog" / "link.png").symlink_to(root / "dog" / "0.png")
    (root / "cat").rename(tmp_path / "elsewhere")
    (root / "cat").symlink_to(tmp_path / "elsewhere")

    data = load_image_folder(str(root))

    assert data.class_names == ("cat", "dog")
    assert sum(len(split) for split in data.splits().values()) == 7 + 8
    assert data.shape.input_shape == (3, 6, 8)


def test_a_link_to_nothing_is_named(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat" / "lost.png").symlink_to(tmp_path / "nowhere.png")

    with pytest.raises(DataError, match=r"1 of 11 images .*\n.*cat/lost\.png: .*No such file"):
        load_image_folder(str(tmp_path))


def test_mixed_sizes_are_refused_with_the_setting_that_helps(tmp_path):
    write_images(tmp_path / "cat", size=(8, 8))
    write_images(tmp_path / "dog", size=(20, 10))
    with pytest.raises(DataError, match=r"2 sizes, such as 8x8 .*10x20 .*set data\.image_size"):
        load_image_folder(str(tmp_path))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*absent"):
        load_image_folder(str(tmp_path / "absent"))


def test_a_folder_without_classes_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    with pytest.raises(DataError, match="has 0 class folders"):
        load_image_folder(str(tmp_path))


def test_a_single_class_is_refused_by_name(tmp_path):
    write_images(tmp_path / "cat")
    with pytest.raises(DataError, match="has 1 class folder: cat"):
        load_image_folder(str(tmp_path))


def test_a_class_without_images_is_named(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "elk").mkdir()
    with pytest.raises(DataError, match="no images of the classes elk"):
        load_image_folder(str(tmp_path))


def test_a_class_that_train_has_not_is_named(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "test")
    write_images(tmp_path / "test" / "elk")
    with pytest.raises(DataError, match="class folders elk, which train has not"):
        load_image_folder(str(tmp_path))


def test_a_class_too_small_to_split_is_named(tmp_path):
    two_classes(tmp_path)
    write_images(tmp_path / "elk", count=2)
    with pytest.raises(DataError, match=r"in class elk \(2\); give each class at least 3"):
        load_image_folder(str(tmp_path))


def test_all_classes_too_small_to_split_are_named_at_once(tmp_path):
    two_classes(tmp_path)
    write_images(tmp_path / "elk", count=2)
    write_images(tmp_path / "fox", count=1)
    with pytest.raises(DataError, match=r"in the classes elk \(2\), fox \(1\); give each"):
        load_image_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"image_size": 0}, "data.image_size must be a side .* got 0"),
        ({"image_size": [8, 8, 3]}, "data.image_size must be a side"),
        ({"channels": 4}, r"data.channels must be 1 \(grey\), 3 \(colour\) or auto, but got 4"),
    ],
)
def test_unfit_settings_are_refused(tmp_path, setting, message):
    with pytest.raises(DataError, match=message):
        load_image_folder(two_classes(tmp_path), **setting)


def test_a_size_that_no_network_takes_is_refused(tmp_path):
    two_classes(tmp_path)
    with pytest.raises(DataError, match="4096 pixels a side at most, but got 1000000"):
        load_image_folder(str(tmp_path), image_size=1_000_000)
