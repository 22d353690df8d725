"""Names of classes stand in pictures so that each can be told from the others."""

import pytest

from nas.report.drawn_names import LONGEST, drawn_file, drawn_names, numbers_told

LONG = [
    "golden retriever puppy, male, from the left",
    "golden retriever puppy, female, from behind",
]


def test_a_long_word_is_cut_and_not_left_out():
    assert drawn_names(["short", "x" * 90]) == ["short", "x" * 19 + "…"]


def test_names_that_are_cut_to_the_same_have_the_numbers_of_their_classes():
    drawn = drawn_names(["cat", *LONG])

    assert [name.rpartition("… ")[2] for name in drawn] == ["cat", "#1", "#2"]
    assert max(map(len, drawn)) == LONGEST
    assert numbers_told(["cat", *LONG]) == "  #0 is the first class of input.json"


@pytest.mark.parametrize("name", ["日本語の名前", "👨\u200d👩\u200d👧", " ", ""])
def test_what_the_font_has_not_is_the_number_of_the_class(name):
    assert drawn_names(["C#", name]) == ["C#", "#1"]


def test_numbers_are_not_explained_where_none_stands():
    assert numbers_told(["C#", "größe", "№ 3"]) == ""


def test_the_end_of_a_file_name_is_drawn_as_far_as_the_font_has_it():
    assert drawn_file("photos/日本/cat 日.png") == "cat ?.png"
    assert drawn_file("a/" + "x" * 40 + ".png") == "…" + "x" * 15 + ".png"
