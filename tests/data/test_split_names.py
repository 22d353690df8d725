import pytest

from nas.data.split_names import by_split, split_of
from nas.errors import DataError


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", ["train", "TRAINING", "train_set", "TrainSet", "images-train", "train2017"]),
        ("validation", ["val", "Valid", "validation", "dev", "eval", "Evaluation", "val_256"]),
        ("test", ["test", "Testing", "test data", "testset"]),
        (None, ["contrast", "trainer", "devices", "value", "cat", "test tube", "train_test", ""]),
    ],
)
def test_a_name_means_a_split_only_as_a_whole_word_beside_fillers(split, names):
    assert {split_of(name) for name in names} == {split}


def test_two_names_of_one_split_are_refused():
    with pytest.raises(DataError, match=r"here has dev and val, which both mean .*; do this"):
        by_split(["train", "val", "dev"], where="here", remedy="do this")
