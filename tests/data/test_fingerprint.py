"""What counts as the same data, and how a change is told."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nas.data.changes import changes
from nas.data.dataset import Dataset, Split
from nas.data.digits import load_digits
from nas.data.fingerprint import MAX_MARKED, fingerprint_from_json, fingerprint_of
from nas.data.image_folder import load_image_folder
from nas.data.npz import load_npz
from nas.data.signals import load_signals
from nas.data.torchvision_set import load_torchvision
from nas.tables.table import open_table


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def save_images(folder, count, *, seed, extension="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        pixels = np.random.default_rng([seed, index]).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}-{index}.{extension}")


@pytest.fixture
def photos(tmp_path):
    """Three splits of two classes: 6 + 6 training images, 3 + 3 each to validate and to test."""
    for place, (split, count) in enumerate((("train", 6), ("val", 3), ("test", 3))):
        for label, name in enumerate(("cat", "dog")):
            save_images(tmp_path / "photos" / split / name, count, seed=10 * place + label)
    return tmp_path / "photos"


def of_folder(folder, **settings):
    return fingerprint_of(load_image_folder(str(folder), **settings))


def small(*, numbers, labels, names=("a", "b")):
    """A data set whose images hold one number each, the same in each split but shifted."""
    splits = [
        Split(np.array(n, dtype=np.uint8).reshape(-1, 1, 1, 1), np.array(y))
        for n, y in zip(numbers, labels, strict=True)
    ]
    return Dataset("small", *splits, class_names=names, split_rule="by hand")


def test_images_count_and_not_their_place_name_or_time(photos, tmp_path):
    before = of_folder(photos)
    shutil.copytree(photos, tmp_path / "moved", copy_function=shutil.copyfile)
    renamed = tmp_path / "moved" / "train" / "cat"
    (renamed / "0-0.png").rename(renamed / "zzz.png")

    assert changes(before, of_folder(tmp_path / "moved")) == []


def test_streamed_images_have_the_fingerprint_of_those_in_memory(photos):
    kept = of_folder(photos, streaming=False)

    assert of_folder(photos, streaming=True) == kept
    assert of_folder(photos, streaming=True) == kept  # from the cache


def test_the_size_that_images_are_brought_to_is_a_setting_and_no_other_data(photos):
    assert of_folder(photos, image_size=2) == of_folder(photos, image_size=3)


def test_an_image_that_was_edited_in_place_is_counted_in_its_split(photos):
    before = of_folder(photos)
    Image.new("RGB", (4, 4)).save(photos / "test" / "dog" / "21-1.png")

    assert changes(before, of_folder(photos)) == ["1 of 6 test images differs"]


def test_the_same_pixels_in_another_file_format_are_other_data(photos):
    before = of_folder(photos)
    file = photos / "val" / "cat" / "10-0.png"
    with Image.open(file) as opened:
        opened.save(file.with_suffix(".bmp"))
    file.unlink()

    assert changes(before, of_folder(photos)) == ["1 of 6 validation images differs"]


def test_new_images_and_a_new_class_are_told_by_name(photos):
    before = of_folder(photos)
    save_images(photos / "train" / "cat", 2, seed=77)
    for seed, (split, count) in enumerate((("train", 4), ("val", 1), ("test", 1))):
        save_images(photos / split / "eel", count, seed=80 + seed)

    assert changes(before, of_folder(photos)) == [
        "class 'eel' is new (6 images)",
        "images 24 -> 32: 8 new",
        "training images 12 -> 18: 6 new",
        "validation images 6 -> 7: 1 new",
        "test images 6 -> 7: 1 new",
    ]


def test_a_training_image_that_came_into_the_test_split_is_told(photos):
    before = of_folder(photos)
    shutil.move(photos / "train" / "cat" / "0-0.png", photos / "test" / "cat")

    assert changes(before, of_folder(photos)) == [
        "the same images, split otherwise",
        "training images 12 -> 11: 1 gone from there",
        "test images 6 -> 7: 1 that was in train",
    ]


def test_an_image_in_another_class_is_told(photos):
    before = of_folder(photos)
    shutil.move(photos / "train" / "cat" / "0-0.png", photos / "train" / "dog")

    assert changes(before, of_folder(photos)) == ["1 of 12 training images has another class"]


def test_a_class_of_another_name_is_told_as_such(photos):
    before = of_folder(photos)
    for split in ("train", "val", "test"):
        (photos / split / "cat").rename(photos / split / "kitten")

    told = changes(before, of_folder(photos))
    assert told == ["class 'cat' is called 'kitten' now"]


def test_a_split_drawn_with_another_seed_is_other_data(tmp_path):
    for label, name in enumerate("ab"):
        save_images(tmp_path / "d" / name, 20, seed=label)

    told = changes(of_folder(tmp_path / "d"), of_folder(tmp_path / "d", split_seed=1))

    assert told[0] == "the same images, split otherwise"
    assert "that were in train" in told[-1]


def test_data_with_nothing_in_common_are_told_in_one_line(photos):
    (told,) = changes(of_folder(photos), fingerprint_of(load_digits()))

    assert told.startswith("all other images: 24 images of 2 classes ('cat', 'dog') -> 1797 ")
    assert told.endswith("images of 10 classes ('0', '1', '2', '3', '4' and 5 more)")


def test_order_plays_no_part_and_the_class_of_each_image_does():
    data = small(numbers=([1, 2, 3], [4], [5]), labels=([0, 1, 0], [0], [1]))
    turned = small(numbers=([3, 2, 1], [4], [5]), labels=([0, 1, 0], [0], [1]))
    other = small(numbers=([1, 2, 3], [4], [5]), labels=([1, 0, 0], [0], [1]))

    assert fingerprint_of(turned) == fingerprint_of(data)
    assert changes(fingerprint_of(data), fingerprint_of(other)) == [
        "2 of 3 training images have another class"
    ]


def test_classes_in_another_order_are_told():
    data = small(numbers=([1, 2], [4], [5]), labels=([0, 1], [0], [1]))
    turned = small(numbers=([1, 2], [4], [5]), labels=([1, 0], [1], [0]), names=("b", "a"))

    told = changes(fingerprint_of(data), fingerprint_of(turned))
    assert told == ["the classes stand in another order: 'b', 'a'"]


def test_two_copies_of_an_image_are_not_none():
    """Digests are added, not combined by an exclusive or, in which a pair would vanish."""
    one = small(numbers=([1, 2], [4], [5]), labels=([0, 1], [0], [1]))
    three = small(numbers=([1, 1, 1, 2], [4], [5]), labels=([0, 0, 0, 1], [0], [1]))

    assert changes(fingerprint_of(one), fingerprint_of(three)) == [
        "images 4 -> 6: 2 new",
        "training images 2 -> 4: 2 new",
    ]


def test_many_images_have_no_marks_and_their_classes_are_named():
    numbers = np.arange(MAX_MARKED + 1) % 250
    labels = numbers % 2
    data = small(numbers=(numbers, [1], [1]), labels=(labels, [1], [1]))
    edited = numbers.copy()
    edited[0] = 251

    before, now = (
        fingerprint_of(d)
        for d in (data, small(numbers=(edited, [1], [1]), labels=(labels, [1], [1])))
    )

    assert changes(before, now) == ["training images differ, of the classes 'a'"]
    assert len(json.dumps(before.to_json())) < 2000


def test_a_fingerprint_survives_json_and_abridging(photos):
    found = of_folder(photos)
    save_images(photos / "test" / "dog", 1, seed=99)
    now = of_folder(photos)

    assert fingerprint_from_json(json.loads(json.dumps(found.to_json()))) == found
    for size in (1500, 900, 1):
        short = found.abridged(size)
        assert changes(short, found) == []
        assert changes(short, now)[-1].startswith("test images 6 -> 7")
    assert len(json.dumps(found.abridged(1).to_json())) < 600


@pytest.mark.parametrize(
    "content", [None, 3, {}, {"format": 0}, {"format": 1}, {"format": 1, "splits": {"train": 1}}]
)
def test_what_is_no_fingerprint_is_none(content):
    assert fingerprint_from_json(content) is None


def test_data_of_an_own_task_count_with_their_targets():
    data, other = load_signals(num_train=50), load_signals(num_train=50)
    other.test.labels[:3] = (other.test.labels[:3] + 1) % 10

    assert fingerprint_of(data).unit == "examples"
    assert changes(fingerprint_of(data), fingerprint_of(load_signals(num_train=50))) == []
    assert changes(fingerprint_of(data), fingerprint_of(other)) == [
        "3 of 500 test examples differ"
    ]


def test_arrays_of_a_file_count_by_their_numbers(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "train_images": rng.integers(0, 256, (20, 4, 4), dtype=np.uint8),
        "train_labels": np.arange(20) % 2,
        "test_images": rng.integers(0, 256, (6, 4, 4), dtype=np.uint8),
        "test_labels": np.arange(6) % 2,
    }
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    arrays["test_images"][2, 0, 0] ^= 1
    np.savez(tmp_path / "c.npz", **arrays)
    first, moved, edited = (fingerprint_of(load_npz(str(tmp_path / f"{n}.npz"))) for n in "abc")

    assert changes(first, moved) == []
    assert changes(first, edited) == ["1 of 6 test images differs"]


def table_of(path, text):
    path.write_text(text)
    return fingerprint_of(open_table(path, parameters=["op"], quality="q", size="s"))


def test_images_of_torchvision_count_by_their_files_where_it_lists_them(tmp_path):
    for label, name in enumerate(("Forest", "River")):
        folder = tmp_path / "eurosat" / "2750" / name
        save_images(folder, 10, seed=label, extension="jpg")
    before = fingerprint_of(load_torchvision("EuroSAT", str(tmp_path)))
    file = tmp_path / "eurosat" / "2750" / "River" / "1-0.jpg"
    file.write_bytes(file.read_bytes() + b" ")  # the pixels stay as they are

    (told,) = changes(before, fingerprint_of(load_torchvision("EuroSAT", str(tmp_path))))

    assert told.startswith("1 of ")


def test_a_table_counts_by_the_rows_of_its_columns_in_any_order(tmp_path):
    first = table_of(tmp_path / "a.csv", "op,q,s,note\nx,0.5,1,n\ny,0.6,2,n\n")

    turned = table_of(tmp_path / "b.csv", "s,q,op\n2,0.6,y\n1,0.5,x\n")
    edited = table_of(tmp_path / "c.csv", "op,q,s\nx,0.5,1\ny,0.7,2\n")
    longer = table_of(tmp_path / "d.csv", "op,q,s\na,0.1,1\nx,0.5,1\ny,0.6,2\n")

    assert changes(first, turned) == []
    assert changes(first, edited) == ["1 of 2 rows differs"]
    assert changes(first, longer) == ["rows 2 -> 3: 1 new"]


def test_what_is_neither_data_nor_a_table_has_no_fingerprint():
    assert fingerprint_of(None) is None
    assert fingerprint_of([1, 2]) is None


def test_a_class_whose_name_was_escaped_before_is_the_same_class(photos):
    for split in ("train", "val", "test"):
        (photos / split / "cat").rename(photos / split / "می\u200cخ")
    data = load_image_folder(str(photos))
    before = replace(data, class_names=("dog", r"می\u200cخ"))

    assert data.class_names == ("dog", "می\u200cخ")
    assert changes(fingerprint_of(before), fingerprint_of(data)) == []
    assert changes(fingerprint_of(replace(data, class_names=("dog", "x"))), fingerprint_of(data))
