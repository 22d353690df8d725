"""Images as bytes in parquet, torchvision's and the hub's data sets; and what is broken there."""

import io
import pickle
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nas.data.class_names import told_apart
from nas.data.huggingface import load_huggingface
from nas.data.image_folder import load_image_folder
from nas.data.parquet import load_parquet
from nas.data.torchvision_set import load_torchvision
from nas.errors import DataError, MissingPackageError


def png(grey, size=(6, 4)):
    target = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(target, "PNG")
    return target.getvalue()


def write_parquet(path, *, labels, images=None, as_records=False):
    images = images or [png(10 * i) for i in range(len(labels))]
    column = [{"bytes": image, "path": None} for image in images] if as_records else images
    pq.write_table(pa.table({"image": column, "label": labels}), path)


@pytest.mark.parametrize("as_records", [False, True])
def test_images_of_a_parquet_file_are_split_in_three(tmp_path, as_records):
    path = tmp_path / "photos.parquet"
    write_parquet(path, labels=["dog", "cat"] * 5, as_records=as_records)

    data = load_parquet(str(path))

    assert data.class_names == ("cat", "dog")
    assert data.shape.input_shape == (3, 4, 6)
    assert [len(split) for split in data.splits().values()] == [6, 2, 2]
    for split in data.splits().values():
        # The image of row i is grey 10 i; dogs stand in even rows.
        np.testing.assert_array_equal(split.images[:, 0, 0, 0] // 10 % 2 == 0, split.labels == 1)


def test_the_splits_of_a_parquet_folder_are_taken(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00002.parquet", labels=[0, 1, 0, 1])
    write_parquet(tmp_path / "train-00001-of-00002.parquet", labels=[0, 1])
    write_parquet(tmp_path / "validation.parquet", labels=[1, 0, 1])
    write_parquet(tmp_path / "test.parquet", labels=[1])

    data = load_parquet(str(tmp_path))

    assert [len(split) for split in data.splits().values()] == [6, 3, 1]
    assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert data.split_rule.endswith("validation: validation.parquet; test: test.parquet")


def broken_rows(path):
    images = [png(i) for i in range(10)]
    images[3], images[7] = b"no image", png(7)[:40]
    write_parquet(path, labels=[0, 1] * 5, images=images)


def test_all_broken_images_are_named_and_refused(tmp_path):
    broken_rows(tmp_path / "p.parquet")

    with pytest.raises(DataError, match=r"2 of 10 images cannot be read.*on_broken=skip") as told:
        load_parquet(str(tmp_path / "p.parquet"))
    assert "p.parquet row 3:" in str(told.value)
    assert "p.parquet row 7:" in str(told.value)


def test_broken_images_are_left_out_where_the_user_says_so(tmp_path):
    broken_rows(tmp_path / "p.parquet")

    data = load_parquet(str(tmp_path / "p.parquet"), on_broken="skip")

    assert sum(len(split) for split in data.splits().values()) == 8
    assert [line.partition(":")[0].rpartition(" ")[2] for line in data.skipped] == ["3", "7"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"image_column": "img"}, "no column 'img'; nearest first: image"),
        ({"fit": "squeeze"}, "data.fit must be one of stretch, crop, pad, but got 'squeeze'"),
        ({"on_broken": "ignore"}, "data.on_broken must be one of refuse, skip"),
        ({"path": "nowhere"}, "there is no parquet file"),
    ],
)
def test_what_does_not_fit_a_parquet_file_is_told(tmp_path, settings, told):
    write_parquet(tmp_path / "p.parquet", labels=[0, 1] * 5)

    with pytest.raises(DataError, match=told):
        load_parquet(**{"path": str(tmp_path / "p.parquet"), **settings})


def test_labels_must_be_numbers_or_texts(tmp_path):
    write_parquet(tmp_path / "p.parquet", labels=[0.5, 1.5] * 5)

    with pytest.raises(DataError, match="whole numbers from 0, or texts"):
        load_parquet(str(tmp_path / "p.parquet"))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_images_of_mixed_shapes_come_to_one_size(tmp_path, fit):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(3):
            wide = Image.new("L", (8 + 8 * index, 8), 0)
            wide.paste(200, (wide.width // 2, 0, wide.width, 8))
            wide.save(tmp_path / name / f"{index}.png")

    data = load_image_folder(str(tmp_path), image_size=4, fit=fit, channels=1)

    images = np.concatenate([split.images for split in data.splits().values()])
    assert images.shape == (6, 4, 4, 1)
    # The right half is bright in each of them; only padding leaves rows that are dark.
    columns = images.max(axis=1)[..., 0].astype(int)
    assert (np.abs(columns[:, [0, 3]] - [0, 200]) <= 1).all()
    assert (images[:, 0, 3, 0] == 0).any() == (fit == "pad")


def write_cifar10(root):
    """Write the published layout of CIFAR-10 with 4 images a file."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        pixels = np.full((4, 3 * 32 * 32), 10 * number, dtype=np.uint8)
        content = {"data": pixels, "labels": [0, 1, 0, 1]}
        (folder / name).write_bytes(pickle.dumps(content))
    meta = {"label_names": ["cat", "dog"]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta))


def test_a_data_set_of_torchvision_is_read_by_name(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    write_cifar10(tmp_path)
    # The checksums are those of the real files.
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)

    data = load_torchvision("CIFAR10", str(tmp_path), validation_fraction=0.2)

    assert data.class_names == ("cat", "dog")
    assert [len(split) for split in data.splits().values()] == [16, 4, 4]
    assert (data.test.images == 50).all()
    assert "torchvision's CIFAR10" in data.split_rule


def test_files_of_torchvision_that_are_absent_are_told_and_not_fetched(tmp_path):
    with pytest.raises(DataError, match=r"are not in .*download=True"):
        load_torchvision("CIFAR10", str(tmp_path))


def test_an_unknown_data_set_of_torchvision_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match="no data set 'CIFAR11'; known, nearest first: CIFAR10"):
        load_torchvision("CIFAR11", str(tmp_path))


def test_a_saved_data_set_of_the_hub_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    rows = {"image": [Image.new("RGB", (4, 4), (9, 9, 9))] * 10, "label": [0, 1] * 5}
    train = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": train, "test": train}).save_to_disk(str(tmp_path / "saved"))

    data = load_huggingface(str(tmp_path / "saved"), validation_fraction=0.2)

    assert data.class_names == ("cat", "dog")
    assert [len(split) for split in data.splits().values()] == [8, 2, 10]
    with pytest.raises(DataError, match="no column 'picture'"):
        load_huggingface(str(tmp_path / "saved"), image_column="picture")
    with pytest.raises(DataError, match="is_offline=false"):
        load_huggingface("nobody/nothing-of-this-name")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)

    with pytest.raises(MissingPackageError, match=r"pip install 'nas\[data\]'"):
        load_huggingface("uoft-cs/cifar10")


def test_a_file_whose_name_means_no_split_is_named(tmp_path):
    write_parquet(tmp_path / "train.parquet", labels=[0, 1] * 5)
    write_parquet(tmp_path / "EVAL.PARQUET", labels=[0, 1])
    write_parquet(tmp_path / "holdout.parquet", labels=[0, 1])
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "._train.parquet").write_bytes(b"x")

    data = load_parquet(str(tmp_path))

    assert len(data.validation) == 2
    assert any("holdout.parquet" in line for line in data.findings.warnings())
    assert any("README.md" in line for line in data.findings.notes())


def test_files_of_two_names_for_one_split_are_refused(tmp_path):
    for name in ("train", "val", "dev"):
        write_parquet(tmp_path / f"{name}.parquet", labels=[0, 1] * 5)

    with pytest.raises(DataError, match="dev and val, which both mean the validation split"):
        load_parquet(str(tmp_path))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([[0], [1]] * 5, "holds lists or records, such as"),
        ([{"x": 0}, {"x": 1}] * 5, "holds lists or records, such as"),
        ([0, 10**15] * 5, "has 2 different numbers, the highest 1000000000000000; number"),
        ([0, None] * 5, "holds None"),
        ([b"cat", b"dog"] * 5, "or texts, in every row, but holds b'"),
    ],
)
def test_labels_that_tell_no_class_are_refused(tmp_path, labels, told):
    write_parquet(tmp_path / "p.parquet", labels=labels)

    with pytest.raises(DataError, match=told):
        load_parquet(str(tmp_path / "p.parquet"))


def test_a_parquet_file_that_is_damaged_inside_is_refused(tmp_path):
    path = tmp_path / "p.parquet"
    write_parquet(path, labels=[0, 1] * 500, images=[png(7)] * 1000)
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(bytes(content))

    with pytest.raises(DataError, match=r"cannot be read as parquet"):
        load_parquet(str(path))


def test_files_whose_columns_differ_in_type_are_refused(tmp_path):
    write_parquet(tmp_path / "train-0.parquet", labels=[0, 1])
    write_parquet(tmp_path / "train-1.parquet", labels=["a", "b"])

    with pytest.raises(DataError, match="columns of other types: Schema"):
        load_parquet(str(tmp_path))


def test_a_class_that_only_another_split_has_is_told_by_its_name(tmp_path):
    write_parquet(tmp_path / "train.parquet", labels=["cat", "dog"] * 5)
    write_parquet(tmp_path / "test.parquet", labels=["cat", "elk"])

    with pytest.raises(DataError, match="the test split has the classes elk, of which train has"):
        load_parquet(str(tmp_path))


def test_the_same_name_for_two_published_classes_gets_a_number():
    assert told_apart(["crane", "dog", "crane"]) == ("crane (0)", "dog", "crane (2)")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "val", "dev"), "dev and val, which both mean the validation split"),
        (("holdout", "test"), "no split 'train'"),
    ],
)
def test_splits_of_the_hub_that_tell_nothing_are_refused(tmp_path, words, told):
    saved(tmp_path, words)

    with pytest.raises(DataError, match=told):
        load_huggingface(str(tmp_path / "saved"))


def test_splits_of_the_hub_of_other_names_are_named(tmp_path):
    saved(tmp_path, ("train", "unsupervised"))

    data = load_huggingface(str(tmp_path / "saved"))

    assert any("unsupervised" in line for line in data.findings.warnings())


def test_a_split_of_the_hub_without_labels_is_named_and_held_out_of_train(tmp_path):
    saved(tmp_path, ("train",), bare=("test",))

    data = load_huggingface(str(tmp_path / "saved"))

    assert any("without labels" in line for line in data.findings.warnings())
    assert len(data.test) == 4


def saved(root, words, bare=()):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    pictures = [Image.new("RGB", (4, 4), (index, 9, 9)) for index in range(20)]
    rows = {"image": pictures, "label": [0, 1] * 10}
    part = datasets.Dataset.from_dict(rows, features=features)
    unlabelled = datasets.Dataset.from_dict({**rows, "label": [-1] * 20}, features=features)
    parts = dict.fromkeys(words, part) | dict.fromkeys(bare, unlabelled)
    datasets.DatasetDict(parts).save_to_disk(str(root / "saved"))
