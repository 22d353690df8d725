"""Texts of a Hugging Face data set: from a folder that it wrote, or of data files."""

import sys

import pytest

from nas.data.text_dataset import load_text_dataset
from nas.errors import DataError, MissingPackageError

TEXTS = [f"Row {number} says that é costs {number * 7}.\n" for number in range(200)]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    package = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "arrow")
    return package


def texts_of(data, word):
    (made,) = data.tokenized.values()
    return made.tokenizer.decode(made.file.of(word).tolist())


def test_published_splits_stay_and_each_row_is_a_document(datasets, tmp_path):
    parts = {"train": TEXTS[:100], "validation": TEXTS[100:150], "test": TEXTS[150:]}
    saved = {word: datasets.Dataset.from_dict({"text": own}) for word, own in parts.items()}
    datasets.DatasetDict(saved).save_to_disk(str(tmp_path / "saved"))
    data = load_text_dataset(str(tmp_path / "saved"), context=16)
    (made,) = data.tokenized.values()
    for word, own in parts.items():
        # Bytes as tokens, and one that ends each document.
        assert len(made.file.of(word)) == sum(len(t.encode()) + 1 for t in own)
        assert made.file.stretches[word].num_documents == len(own)
    assert "as published" in data.split_rule


def test_splits_that_are_absent_are_held_out_of_train(datasets, tmp_path):
    own = {"body": [*TEXTS, "", None], "other": list(range(202))}
    datasets.Dataset.from_dict(own).save_to_disk(str(tmp_path / "saved"))
    data = load_text_dataset(str(tmp_path / "saved"), text_column="body", context=16)
    (made,) = data.tokenized.values()
    documents = {w: s.num_documents for w, s in made.file.stretches.items()}
    assert sum(documents.values()) == 200
    assert 5 <= documents["test"] <= 15
    assert 5 <= documents["validation"] <= 15


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_folder_of_data_files_is_read(datasets, tmp_path, kind):
    folder = tmp_path / "files"
    folder.mkdir()
    made = datasets.Dataset.from_dict({"text": TEXTS})
    write = {"jsonl": made.to_json, "parquet": made.to_parquet}[kind]
    write(str(folder / f"train.{kind}"))
    data = load_text_dataset(str(folder), context=16)
    (found,) = data.tokenized.values()
    total = sum(len(stretch) for stretch in found.file.stretches.values())
    assert total == sum(len(text.encode()) + 1 for text in TEXTS)


def test_what_cannot_be_read_is_told(datasets, tmp_path):
    datasets.Dataset.from_dict({"label": [1, 2], "empty": ["", ""]}).save_to_disk(
        str(tmp_path / "saved")
    )
    for column, told in (
        ("text", "has no column 'text'"),
        ("label", r"holds int.*data\.text_column"),
        ("empty", "the split train holds no text"),
    ):
        with pytest.raises(DataError, match=told):
            load_text_dataset(str(tmp_path / "saved"), text_column=column, context=16)
    with pytest.raises(DataError, match="cannot be opened"):
        load_text_dataset(str(tmp_path / "absent"), context=16)
    assert not list((tmp_path / "cache").rglob("making-*"))


def test_the_package_that_is_needed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingPackageError, match=r"nas\[data\]"):
        load_text_dataset("somewhere")


def test_settings_are_checked_before_anything_is_opened():
    with pytest.raises(DataError, match=r"data\.context"):
        load_text_dataset("somewhere", context=1)
