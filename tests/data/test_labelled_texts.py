"""Texts with labels: read from a table, split by their content."""

import pytest

from nas.data.labelled_texts import read_labelled_texts, split_texts
from nas.errors import DataError

PAIRS = [(f"text {number}", "ab"[number % 2]) for number in range(60)]


def test_all_texts_are_split_and_equal_ones_stay_together():
    found = split_texts(PAIRS * 2, where="here")
    sides = list(found.train), list(found.test)
    assert sorted(sides[0] + sides[1]) == sorted(text for text, _ in PAIRS * 2)
    assert not set(sides[0]) & set(sides[1])
    labels = dict(PAIRS)
    assert [labels[text] for text in found.test] == list(found.test_labels)


def test_another_row_moves_no_text_to_the_other_side():
    fewer, more = split_texts(PAIRS[:-10], where="here"), split_texts(PAIRS, where="here")
    assert set(fewer.test) <= set(more.test)
    assert set(fewer.train) <= set(more.train)


def test_a_table_is_read(tmp_path):
    place = tmp_path / "texts.tsv"
    place.write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in PAIRS))
    assert read_labelled_texts(place) == split_texts(PAIRS, where="here")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16"], ids=["plain", "marked", "of Excel"]
)
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path, encoding, separator):
    place = tmp_path / "texts.csv"
    rows = [f"{label}{separator}{text}" for text, label in PAIRS]
    place.write_text("\r\n".join([f"label{separator}text", *rows]), encoding=encoding, newline="")
    assert read_labelled_texts(place) == split_texts(PAIRS, where="here")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("texts.txt", b"", "must end in .csv or .tsv"),
        ("texts.csv", b"", "it is empty"),
        ("texts.csv", b"text,kind\na,b\n", "has 0 columns 'label'"),
        ("texts.csv", b"text,label,text\na,b,c\n", "has 2 columns 'text'"),
        ("texts.csv", b"text,label\n\xff,b\n", "is no UTF-8: line 2, column 1"),
        ("texts.csv", b"text,label\na,b\nc,b\n", "fewer than two labels|too few texts"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_labelled_texts(tmp_path / name)


def test_a_table_that_is_absent_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_labelled_texts(tmp_path / "absent.csv")
