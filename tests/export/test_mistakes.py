"""What a network gets wrong: counted by class, the surest first."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from nas.data.dataset import Dataset, Split
from nas.errors import RunFolderError
from nas.export.mistakes import surest_mistakes, write_mistakes
from nas.record.confusion import ClassErrors, confusion_of, read_confusion, write_confusion
from nas.report.mistakes import read_mistakes, write_mistake_pictures

NAMES = ("cat", "dog", "a, b")
LABELS = np.array([0, 0, 1, 1, 1, 2])
TOLD = np.array([0, 1, 1, 0, 0, 2])


def logits_of(told, sureness):
    """Return outputs (N, 3) for those classes, that far above the others."""
    logits = np.zeros((len(told), 3), dtype=np.float32)
    logits[np.arange(len(told)), told] = sureness
    return logits


def dataset_of(images, names=None):
    split = Split(images, LABELS)
    data = Dataset("pets", split, split, split, NAMES, "all alike")
    return replace(data, test_names=names)


def test_rows_of_the_matrix_are_classes_and_columns_what_they_were_taken_for(tmp_path):
    confusion = confusion_of(TOLD, LABELS, NAMES)

    assert confusion.counts.tolist() == [[1, 1, 0], [2, 1, 0], [0, 0, 1]]
    write_confusion(tmp_path / "confusion.csv", confusion)
    again = read_confusion(tmp_path / "confusion.csv")
    assert again.class_names == NAMES
    np.testing.assert_array_equal(again.counts, confusion.counts)


def test_the_worst_class_comes_first_and_a_class_without_mistakes_not_at_all():
    worst = confusion_of(TOLD, LABELS, NAMES).worst(5)

    assert worst == [ClassErrors("dog", 3, 1, "cat", 2), ClassErrors("cat", 2, 1, "dog", 1)]


def test_a_damaged_matrix_is_refused_by_name(tmp_path):
    path = tmp_path / "confusion.csv"
    path.write_text("x,cat,dog\ncat,1,2\n")

    with pytest.raises(RunFolderError, match=r"confusion\.csv is damaged"):
        read_confusion(path)


def test_the_surest_mistake_comes_first():
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])

    assert surest_mistakes(shares, np.array([1, 1, 1, 1])).tolist() == [0, 3, 1]


def test_mistakes_are_named_and_drawn(tmp_path):
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((6, 4, 4, 3), np.uint8)
    names = [f"photos/{index}.jpg" for index in range(6)]

    write_mistakes(tmp_path, logits_of(TOLD, [1, 2, 3, 5, 4, 6]), dataset_of(images, names))
    written = write_mistake_pictures(tmp_path)

    with (tmp_path / "mistakes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["photos/3.jpg", "photos/4.jpg", "photos/1.jpg"]
    assert [(row["label"], row["taken_for"]) for row in rows[:1]] == [("dog", "cat")]
    assert float(rows[0]["probability"]) == pytest.approx(np.exp(5) / (np.exp(5) + 2), rel=1e-5)
    mistakes = read_mistakes(tmp_path / "mistakes.npz")
    assert mistakes.images[:, 0, 0, 0].tolist() == [3, 4, 1]
    assert {path.name for path in written} == {"confusion.png", "mistakes.png"}
    assert all(path.stat().st_size > 1000 for path in written)


def test_rows_of_a_table_have_no_pictures(tmp_path):
    rows = np.zeros((6, 1, 1, 7), dtype=np.float32)

    write_mistakes(tmp_path, logits_of(TOLD, 1), dataset_of(rows))

    assert read_mistakes(tmp_path / "mistakes.npz") is None
    assert (tmp_path / "mistakes.csv").read_text().splitlines()[1].startswith("test 1,cat,dog,")
